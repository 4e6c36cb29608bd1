"""Workers die over an import that waits in Agresso's queue: the invoice is imported once, or a person looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hub_agresso.standin.city import City
from hub_agresso.standin.server import served
from hub_agresso.standin.web_api import Agresso
from hub_svefaktura.standin.units import register
from xmlrules import Judge

from hub.app import Hub, open_hub
from hub.domain.documents import DocumentState
from hub.flow.register import parse
from hub.jobs import asking, replaying
from hub.jobs.ways import Ways
from hub.store import documents, set_asides, units
from tests.jobs.waiting import eventually
from tests.walks.killed import kill, worker
from tests.walks.test_billing import executor, work_until_killed
from tests.walks.test_orders import LONG_ENOUGH, an_invoice, an_open_order, prepared, settings_of

LONG, SHORT = 60.0, 3.0
"""How long an import is waited for."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A hub that imports invoices into an Agresso whose queue is long."""

    hub: Hub
    ways: Ways
    agresso: Agresso
    inbox: Path

    def leave(self, name: str) -> None:
        """The same invoice each time, in bytes of its own."""
        invoice = an_invoice(self.agresso, an_open_order(self.agresso))
        (self.inbox / name).write_bytes(invoice + f"<!-- {name} -->".encode())
        asking.run_now(self.ways, "inkorg", "test", route_name="fakturor")

    def work(self) -> None:
        """Do all there is to do."""
        assert executor(self.hub, self.ways).run_until_idle(LONG_ENOUGH)

    def state(self, name: str) -> DocumentState | None:
        """Where the invoice under that file name stands; None before it landed."""
        return next((state for each, (_, state) in self._all().items() if each == name), None)

    def number(self, name: str) -> int:
        """Its document's id."""
        return self._all()[name][0]

    def codes(self) -> set[str]:
        """Why something is set aside."""
        with self.hub.database.read() as connection:
            return {group.code for group in set_asides.groups(connection)}

    def _all(self) -> dict[str, tuple[int, DocumentState]]:
        with self.hub.database.read() as connection:
            found = documents.page(connection, noun="invoices", limit=10)
        return {each.name: (each.id, each.state) for each in found}


@contextmanager
def counter(folder: Path, database_url: str, packs: Path, judge: Judge, patience: float) -> Iterator[Counter]:
    """A hub at home in that folder, beside an Agresso whose imports do not come to their end."""
    agresso = Agresso(city=City(orders=40, suppliers=20))
    agresso.faults.importing = 3600
    with served(agresso) as address:
        stated = settings_of(folder, address, database_url)
        stated["connections"]["soap"]["import_patience"] = patience
        hub = open_hub(prepared(folder, stated, packs))
        try:
            with hub.database.write() as connection:
                units.replace_all(connection, parse(register("soap")))
            yield Counter(hub, hub.ways(judge), agresso, folder / "inkorg")
        finally:
            hub.close()


@contextmanager
def taken_over(here: Counter) -> Iterator[None]:
    """A worker dies after the call and before the receipt, and another takes over from it."""
    process = worker(work_until_killed, here.hub.settings.home)
    try:
        eventually(lambda: len(here.agresso.imports) == 1, seconds=60)
    finally:
        kill(process)
    another = executor(here.hub, here.ways, lease=timedelta(seconds=2))
    another.start()
    try:
        yield
    finally:
        another.stop()


def test_an_import_that_a_dead_worker_began_is_waited_for_and_not_made_again(
    tmp_path: Path, database_url: str, packs: Path, judge: Judge
) -> None:
    with counter(tmp_path, database_url, packs, judge, LONG) as here:
        here.leave("f1.xml")
        with taken_over(here):
            before = len(here.agresso.asked)
            # By then it has looked for the voucher more than once, and would have handed it in again.
            eventually(lambda: len(here.agresso.asked) >= before + 5, seconds=60)
            here.agresso.imports[0]["stands_at"] = 0.0
            eventually(lambda: here.state("f1.xml") is DocumentState.DELIVERED, seconds=60)
        assert len(here.agresso.imports) == 1
        assert here.codes() == set()


@pytest.mark.parametrize("came", [True, False], ids=["it came in the end", "it never came"])
def test_an_import_that_does_not_come_is_handed_in_again_by_a_person_alone(
    tmp_path: Path, database_url: str, packs: Path, judge: Judge, came: bool
) -> None:
    with counter(tmp_path, database_url, packs, judge, SHORT) as here:
        here.leave("f1.xml")
        with taken_over(here):
            eventually(lambda: here.state("f1.xml") is DocumentState.SET_ASIDE, seconds=60)
        here.leave("copy.xml")
        here.work()
        assert here.codes() == {"AGRESSO-UNCERTAIN", "CITY-DUPLICATE"}
        assert len(here.agresso.imports) == 1
        here.agresso.faults.importing = 0.0
        if came:
            here.agresso.imports[0]["stands_at"] = 0.0
        else:
            here.agresso.imports.clear()
        replaying.replay_these(here.hub.database, [here.number("f1.xml")], "Karin Exempel")
        here.work()
        assert here.state("f1.xml") is DocumentState.DELIVERED
        assert len(here.agresso.imports) == 1
