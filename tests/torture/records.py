"""Records of one extract to a register that fails: each change once, and the plan comes to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.jobs import asking
from hub.jobs.retries import RetryPolicy
from hub.store import documents, plans
from hub.testing.peer import Peer
from hub.testing.register_http import Shelf
from hub.testing.registers import lines
from tests.torture.register import REGISTER
from tests.torture.scenario import World
from tests.torture.storm import Blow
from tests.walks.registry import NOUN, ROUTE, SOURCE, TARGET, people

MOST_KILLS = RetryPolicy().losses - 3
"""A plan is applied in one piece of work, which is given up as the cause when so many workers vanish over it as the
policy says. One freezes besides, and one may lose its lease to a cut.
"""


@dataclass(frozen=True, slots=True)
class Records:
    """So many records, all new, for the register whose shelf that is."""

    number: int
    address: str
    shelf: Shelf = field(repr=False)

    @property
    def rejected(self) -> str:
        """The faulty peer takes no part."""
        return ""

    @property
    def befalls(self) -> tuple[Blow, ...]:
        """What befalls it beside kills and cuts."""
        return (Blow.FREEZE,)

    def settings(self, place: Path, peer: Peer) -> Mapping[str, Any]:
        """A folder of extracts and the register."""
        source = {"connector": "test.files", "address": (place / SOURCE).as_uri(), "settle_seconds": 0}
        target = {"connector": REGISTER.name, "address": self.address}
        route = {"noun": NOUN, "from": [SOURCE], "to": TARGET, "guards": {"first_run": "apply"}}
        return {
            "limits": {"records": 2 * self.number},
            "connections": {SOURCE: source, TARGET: target},
            "routes": {ROUTE: route},
        }

    def put(self, world: World) -> None:
        """One extract, and somebody who asks for it."""
        (world.place / SOURCE).mkdir()
        (world.place / SOURCE / "natt.jsonl").write_bytes(lines(*people(*range(self.number))))
        asking.run_now(world.ways, SOURCE, "tortyr")

    def progress(self, world: World) -> float:
        """By the changes that the register has taken; the plan's end is the last step."""
        with world.hub.database.read() as connection:
            ended = any(each.state is PlanState.APPLIED for each in plans.page(connection))
        return (len(self.shelf.log) + ended) / (self.number + 1)

    def check(self, world: World) -> list[str]:
        """Everything that is not as it should be, by the register's log and the hub's rows."""
        return [*self._at_the_register(), *self._in_the_hub(world)]

    def _at_the_register(self) -> Iterator[str]:
        written = Counter(address for _, _, address in self.shelf.log)
        wanted = {each["id"] for each in people(*range(self.number))}
        yield from (f"the register took {each} {number} times" for each, number in written.items() if number != 1)
        yield from (f"the register never took {each}" for each in wanted - written.keys())

    def _in_the_hub(self, world: World) -> Iterator[str]:
        with world.hub.database.read() as connection:
            made = plans.page(connection)
            changes = [change for each in made for change in plans.changes(connection, each.id, limit=10**6)]
            landed = documents.page(connection, noun=NOUN, limit=1000)
        yield from (f"plan {each.id} is {each.state}" for each in made if each.state is not PlanState.APPLIED)
        outcomes = Counter(each.outcome for each in changes)
        if outcomes != {"applied": self.number}:
            yield f"changes ended {dict(outcomes)}"
        if [each.state for each in landed] != [DocumentState.DELIVERED]:
            yield f"the extract is {[each.state for each in landed]}"
