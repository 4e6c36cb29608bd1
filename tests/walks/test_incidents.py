"""An incident from end to end: a target dies, somebody is told, invoices pile up, it comes back, it is repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from hub.domain.changes import Change, Receipt
from hub.domain.documents import DocumentState
from hub.jobs import holding, repairing, routes, watching
from hub.notify.channels import Notify
from hub.plugin.ports import Bytes
from hub.status.incidents import PATIENCE
from hub.store import incidents
from hub.store.incidents import Incident, IncidentEvent, IncidentEventKind
from tests.jobs.waiting import eventually
from tests.notify.receivers import Hook, hook_server
from tests.status.passing import pass_time
from tests.walks.test_invoices import good
from tests.walks.test_targets import Wrapped, wrapped
from tests.walks.town import TARGET, Town

LONG = timedelta(seconds=60)


@dataclass(frozen=True)
class Watched:
    """A town that is watched, and whoever is told."""

    here: Town
    hook: Hook

    @property
    def told(self) -> list[str]:
        """What was told, by type."""
        return [each["type"] for each in self.hook.payloads]

    def look(self) -> None:
        """Look, after more time than a connection is given."""
        pass_time(self.here.hub.database, PATIENCE + timedelta(seconds=1))
        watching.look(self.here.ways)
        self.here.hub.executor(self.here.ways, scheduled=False).run_until_idle(LONG)

    def incident(self) -> Incident:
        """The only incident there is."""
        with self.here.hub.database.read() as connection:
            found = incidents.get(connection, 1)
            assert found is not None
            assert incidents.get(connection, 2) is None
        return found

    def events(self) -> list[IncidentEvent]:
        """What happened in it."""
        with self.here.hub.database.read() as connection:
            return incidents.events(connection, 1)

    def repair(self, here: Town | None = None) -> IncidentEvent:
        """Repair it and wait for how that ended."""
        before = sum(each.kind is IncidentEventKind.REPAIR_ENDED for each in self.events())
        assert repairing.ask(self.here.hub.database, 1, "anna") is not None
        assert repairing.ask(self.here.hub.database, 1, "anna") is None, "one repair at a time"
        town = here or self.here
        executor = town.hub.executor(town.ways, scheduled=False)
        executor.start()
        try:
            eventually(lambda: self._ended() > before, 60)
        finally:
            executor.stop()
        self.here.hub.executor(self.here.ways, scheduled=False).run_until_idle(LONG)
        return [each for each in self.events() if each.kind is IncidentEventKind.REPAIR_ENDED][-1]

    def _ended(self) -> int:
        return sum(each.kind is IncidentEventKind.REPAIR_ENDED for each in self.events())


@pytest.fixture
def watched(here: Town) -> Iterator[Watched]:
    """A town on each database, and somebody to tell."""
    hook = Hook()
    with hook_server(hook) as to:
        ways = replace(here.ways, notify=Notify(webhooks=(to,), language="en"))
        yield Watched(replace(here, ways=ways), hook)


def test_a_target_that_dies_and_comes_back_is_told_twice_and_loses_nothing(watched: Watched) -> None:
    here = watched.here
    gone = here.drop.rename(here.drop.with_name("borta"))
    for number, content in enumerate(good(3)):
        here.leave(f"{number}.xml", content)
    here.work()
    watched.look()
    assert (watched.told, watched.incident().scope.connections) == (["incident.opened"], (TARGET,))
    assert watched.hook.payloads[0]["data"]["waiting"]["invoices"] == 3

    ended = watched.repair()
    assert TARGET in ended.details["en"]
    assert (watched.incident().closed_at, watched.told) == (None, ["incident.opened"])

    gone.rename(here.drop)
    ended = watched.repair()
    assert (ended.details["recovered"], ended.details["total"]) == (3, 3)
    assert {each.state for each in here.all()} == {DocumentState.DELIVERED}
    assert len(here.delivered()) == 3
    assert watched.incident().closed_by == "anna"
    assert watched.told == ["incident.opened", "incident.closed"]
    assert "3 of 3 recovered" in watched.hook.payloads[1]["data"]["text"]
    watching.look(here.ways)
    assert watched.incident().closed_at is not None


class Breaks(Wrapped):
    """Fails as only a bug does."""

    def existing(self, change: Change) -> Receipt | None:
        raise RuntimeError("a fault in the plugin")


def test_a_repair_replays_what_was_set_aside_because_of_it_and_nothing_else(watched: Watched) -> None:
    here = watched.here
    here.leave("trasig.xml", b"%PDF-1.7 no invoice")
    for number, content in enumerate(good(2)):
        here.leave(f"{number}.xml", content)
    wrapped(here, Breaks).work()
    assert {each.name: each.state for each in here.all()} == dict.fromkeys(
        ("trasig.xml", "0.xml", "1.xml"), DocumentState.SET_ASIDE
    )
    watched.look()
    assert (watched.incident().kind, watched.incident().failures) == ("bug", 2)
    ended = watched.repair()
    assert (ended.details["recovered"], ended.details["total"]) == (2, 2)
    assert here.document("trasig.xml").state is DocumentState.SET_ASIDE
    assert len(here.delivered()) == 2
    kinds = [each.kind for each in watched.events()]
    assert kinds.index(IncidentEventKind.REPAIR_RELEASED) < kinds.index(IncidentEventKind.REPAIR_REPLAYED)
    assert watched.told == ["incident.opened", "incident.closed"]


class StopsHalfway(Wrapped):
    """Takes one and will have no more of it."""

    taken: list[str]

    def apply(self, change: Change, content: Bytes) -> Receipt:
        if self.taken:
            raise RuntimeError("a fault again")
        self.taken.append(change.key)
        return super().apply(change, content)


def test_a_repair_says_what_was_set_aside_again(watched: Watched) -> None:
    here = watched.here
    for number, content in enumerate(good(3)):
        here.leave(f"{number}.xml", content)
    wrapped(here, Breaks).work()
    watched.look()
    halfway: Any = type("Halfway", (StopsHalfway,), {"taken": []})
    ended = watched.repair(wrapped(here, halfway))
    assert (ended.details["recovered"], ended.details["total"], ended.details["stopped"]) == (1, 3, 2)
    assert len(here.delivered()) == 1


def test_a_paused_connection_is_not_repaired_over_a_persons_head(watched: Watched) -> None:
    here = watched.here
    here.leave("1.xml", *good())
    wrapped(here, Breaks).work()
    watched.look()
    holding.pause(here.hub.database, TARGET, "karin")
    ended = watched.repair()
    assert TARGET in ended.details["en"]
    assert watched.incident().closed_at is None


@pytest.mark.parametrize("killed_after", ["_released", "_replay"])
def test_a_repair_that_dies_on_its_way_goes_on_and_counts_everything_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, killed_after: str
) -> None:
    here = watched.here
    for number, content in enumerate(good(2)):
        here.leave(f"{number}.xml", content)
    wrapped(here, Breaks).work()
    watched.look()
    true: Callable[..., Any] = getattr(repairing, killed_after)
    died: list[bool] = []

    def dies_once(*arguments: Any) -> Any:
        done = true(*arguments)
        if not died:
            died.append(True)
            raise ConnectionResetError("as though the process had gone")
        return done

    monkeypatch.setattr(repairing, killed_after, dies_once)
    kinds = [replace(each, retry=replace(each.retry, bugs=3)) for each in routes.kinds(here.ways)]
    monkeypatch.setattr(routes, "kinds", lambda _ways: tuple(kinds))
    ended = watched.repair()
    assert died
    assert (ended.details["recovered"], ended.details["total"]) == (2, 2)
    assert len(here.delivered()) == 2
