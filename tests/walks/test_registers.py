"""The whole way of an extract: landed, planned, held, approved, applied, looked at again; and whatever may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.jobs import approving, replaying, routes
from hub.status.connections import State, tell_all
from hub.store import audit, connections, plans
from hub.store.connections import Happening
from hub.testing.register_http import Shelf, serving
from tests.walks.registry import SOURCE, TARGET, Registry, people, registry

DELIVERED, SET_ASIDE, DISMISSED, ROUTED = (
    DocumentState.DELIVERED,
    DocumentState.SET_ASIDE,
    DocumentState.DISMISSED,
    DocumentState.ROUTED,
)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def shelf() -> Shelf:
    """What the register holds."""
    return Shelf()


@pytest.fixture
def there(tmp_path: Path, database_url: str, shelf: Shelf) -> Iterator[Registry]:
    """A hub whose register is empty; the test runs once on SQLite and once on PostgreSQL."""
    with serving(shelf) as address, registry(tmp_path, database_url, address) as built:
        yield built


@pytest.fixture
def filled(there: Registry, shelf: Shelf) -> Registry:
    """The same, with a hundred persons there, as a first run has found."""
    for each in people(*range(100)):
        shelf.put(each.pop("id"), **each)
    there.leave("natt-0", *people(*range(100)))
    there.work()
    assert (there.plan().state, there.plan().figures.unchanged) == (PlanState.APPLIED, 100)
    return there


def test_the_first_run_is_a_rehearsal_until_a_person_applies_it(there: Registry, shelf: Shelf) -> None:
    there.leave("natt-0", *people(1, 2, 3))
    there.work()
    plan = there.plan()
    assert (plan.state, plan.figures.creates, plan.stops) == (PlanState.PROPOSED, 3, ())
    assert shelf.fields() == {}
    assert there.states() == [ROUTED]
    assert there.run().ended_at is None
    assert there.apply() is PlanState.APPROVED
    there.work(asked=False)
    assert there.plan().state is PlanState.APPLIED
    assert shelf.fields() == {each["id"]: {"namn": each["namn"], "enhet": each["enhet"]} for each in people(1, 2, 3)}
    assert [each.outcome for each in there.changes(plan.id)] == ["applied"] * 3
    assert all(each.receipt for each in there.changes(plan.id))
    assert there.states() == [DELIVERED]
    assert (there.run().outcome, there.run().counts["applied"], there.run().suspicions) == ("succeeded", 3, ())


def test_of_a_register_documents_are_counted_as_delivered_and_changes_apart(filled: Registry) -> None:
    filled.leave("natt-1", *people(*range(101)))
    filled.work()
    assert (filled.plan().state, filled.plan().figures.changes) == (PlanState.APPLIED, 1)
    with filled.hub.database.read() as connection:
        counted = connections.moved_since(connection, LONG_AGO)
        there = {kind: number for (_, kind), number in connections.hours(connection, TARGET, LONG_AGO).items()}
    assert (counted[Happening.ARRIVED], counted[Happening.DELIVERED]) == (2, 2)
    assert (there[Happening.DELIVERED], there[Happening.APPLIED]) == (2, 1)


def test_the_same_extract_again_changes_nothing(filled: Registry, shelf: Shelf) -> None:
    log = list(shelf.log)
    filled.leave("natt-1", *people(*range(100)))
    filled.work()
    plan = filled.plan()
    assert (plan.state, plan.figures.unchanged, plan.figures.changes) == (PlanState.APPLIED, 100, 0)
    assert shelf.log == log
    assert filled.run().outcome == "nothing"
    assert filled.states() == [DELIVERED, DELIVERED]


def test_small_changes_are_applied_by_themselves_field_by_field(filled: Registry, shelf: Shelf) -> None:
    shelf.put("p00007", namn="Person 7", enhet="0", telefon="08-1")
    filled.leave("natt-1", *people(*range(7), *range(8, 99)), *people(7, enhet="9"), *people(200))
    filled.work()
    plan = filled.plan()
    figures = plan.figures
    assert (plan.state, figures.creates, figures.updates, figures.removals) == (PlanState.APPLIED, 1, 1, 1)
    assert shelf.fields()["p00007"] == {"namn": "Person 7", "enhet": "9", "telefon": "08-1"}
    assert "p00200" in shelf.fields()
    assert "p00099" not in shelf.fields()
    assert filled.run().outcome == "succeeded"


def test_forty_per_cent_removals_are_held_until_two_persons_approve(filled: Registry, shelf: Shelf) -> None:
    filled.leave("natt-1", *people(*range(60)))
    filled.work()
    plan = filled.plan()
    assert (plan.state, plan.seats, [each.code for each in plan.stops]) == (PlanState.HELD, 2, ["REMOVALS"])
    assert len(shelf.fields()) == 100
    fares = {each.name: each.told.state for each in tell_all(filled.hub.database, filled.hub.connections)}
    assert fares == {SOURCE: State.HELD, TARGET: State.HELD}
    with pytest.raises(approving.NotPossible):
        routes.approve(filled.hub.database, plan.id, "another", "anna", "granskad")
    with pytest.raises(approving.NotPossible):
        filled.approve(reason=" ")
    assert filled.approve("anna") is PlanState.HELD
    with pytest.raises(approving.NotPossible):
        filled.approve("cli:Anna")
    filled.work(asked=False)
    assert len(shelf.fields()) == 100
    assert filled.approve("bertil") is PlanState.APPROVED
    filled.work(asked=False)
    assert (filled.plan().state, len(shelf.fields())) == (PlanState.APPLIED, 60)
    with filled.hub.database.read() as connection:
        assert [each.who for each in audit.about(connection, f"plan {plan.id}")] == ["bertil", "anna"]
    assert filled.run().outcome == "succeeded"


def test_an_empty_extract_never_means_nobody(filled: Registry, shelf: Shelf) -> None:
    filled.leave("natt-1")
    filled.work()
    plan = filled.plan()
    assert (plan.state, plan.figures.removals, plan.figures.withheld) == (PlanState.HELD, 0, 100)
    assert [each.code for each in plan.stops] == ["EMPTY"]
    filled.approve()
    filled.work(asked=False)
    assert len(shelf.fields()) == 100
    assert filled.run().outcome == "suspicious"


@pytest.mark.parametrize("said", [{"whole": False}, {"stated": 101}])
def test_an_incomplete_extract_removes_nothing_and_is_held(
    filled: Registry, shelf: Shelf, said: dict[str, int]
) -> None:
    filled.leave("natt-1", *people(*range(99)), *people(300), **said)
    filled.work()
    plan = filled.plan()
    assert (plan.state, plan.figures.removals, plan.figures.creates) == (PlanState.HELD, 0, 1)
    assert [each.code for each in plan.stops] == ["INCOMPLETE"]
    filled.approve()
    filled.work(asked=False)
    assert len(shelf.fields()) == 101
    assert [each.what for each in filled.run().suspicions] == ["withheld"]


def test_a_target_that_changed_since_makes_the_plan_stale(filled: Registry, shelf: Shelf) -> None:
    filled.leave("natt-1", *people(*range(60)))
    filled.work()
    filled.approve("anna")
    filled.approve("bertil")
    shelf.put("p00077", namn="Någon annan", enhet="0")
    before = shelf.fields()
    filled.work(asked=False)
    plan = filled.plan()
    assert plan.state is PlanState.STALE
    assert plan.why is not None
    assert "p00077" in plan.why.en
    assert shelf.fields() == before
    assert filled.codes() == {"natt-1.jsonl": {"TARGET-CHANGED"}}
    assert filled.run().outcome == "rejected"


def test_a_stale_plan_is_made_anew_when_its_extract_is_replayed(filled: Registry, shelf: Shelf) -> None:
    filled.leave("natt-1", *people(*range(60)))
    filled.work()
    shelf.take("p00077")
    filled.approve("anna")
    filled.approve("bertil")
    filled.work(asked=False)
    assert filled.plan().state is PlanState.STALE
    replaying.replay_these(filled.hub.database, [filled.documents()[-1].id], "test")
    filled.work(asked=False)
    plan = filled.plan()
    assert (plan.state, plan.figures.removals) == (PlanState.HELD, 39)


def test_a_record_that_the_register_rejects_is_set_aside_and_the_rest_goes_on(filled: Registry, shelf: Shelf) -> None:
    shelf.unwanted.add("p00201")
    filled.leave("natt-1", *people(*range(100)), *people(200, 201, 202))
    filled.work()
    assert filled.plan().state is PlanState.APPLIED
    assert [each.outcome for each in filled.changes(filled.plan().id)] == ["applied", "rejected", "applied"]
    assert filled.codes() == {"p00201": {"HTTP-422"}}
    assert (filled.run().counts["applied"], filled.run().counts["rejected"]) == (2, 1)
    shelf.unwanted.clear()
    part = filled.documents()[-1]
    replaying.replay_these(filled.hub.database, [part.id], "test")
    filled.work(asked=False)
    assert "p00201" in shelf.fields()
    assert filled.codes() == {}
    assert set(filled.states()) == {DELIVERED}


def test_records_at_fault_are_set_aside_one_by_one_and_theirs_at_the_target_are_left_alone(
    filled: Registry, shelf: Shelf
) -> None:
    shelf.put("p00005", namn="Person 5", enhet="5", telefon="08-5")
    nameless, double = people(5, namn=""), people(6)
    filled.leave("natt-1", *people(*range(5)), *nameless, *people(*range(6, 100)), *double)
    filled.work()
    plan = filled.plan()
    assert (plan.state, plan.figures.flaws, plan.figures.spared) == (PlanState.APPLIED, 3, 2)
    assert len(shelf.fields()) == 100
    assert filled.codes() == {"p00005": {"RECORD-WITHOUT-NAME"}, "p00006": {"RECORD-TWICE"}}
    filled.leave("natt-2", *people(*range(100)))
    filled.work()
    assert filled.codes() == {}
    assert DISMISSED in filled.states()


def test_a_record_without_a_key_keeps_everything_from_being_removed(filled: Registry, shelf: Shelf) -> None:
    filled.leave("natt-1", *people(*range(99)), {"id": "", "namn": "utan nyckel"})
    filled.work()
    plan = filled.plan()
    assert (plan.figures.removals, plan.figures.withheld) == (0, 1)
    assert len(shelf.fields()) == 100


def test_a_field_of_theirs_is_written_once_and_then_left_alone(tmp_path: Path, database_url: str, shelf: Shelf) -> None:
    guards = {"theirs": ["enhet"], "first_run": "apply"}
    with serving(shelf) as address, registry(tmp_path, database_url, address, guards) as here:
        here.leave("natt-0", *people(1, 2, 3))
        here.work()
        assert shelf.fields()["p00001"]["enhet"] == "1"
        shelf.put("p00001", namn="Person 1", enhet="satt av dem")
        here.leave("natt-1", *people(1, 2, enhet="ny"), *people(3, namn="Ny", enhet="ny"))
        here.work()
        assert (here.plan().figures.updates, here.plan().state) == (1, PlanState.APPLIED)
        assert shelf.fields()["p00001"]["enhet"] == "satt av dem"
        assert shelf.fields()["p00003"] == {"namn": "Ny", "enhet": "3"}


def test_one_plan_is_open_for_each_route_and_the_same_plan_keeps_its_approvals(filled: Registry) -> None:
    filled.leave("natt-1", *people(*range(60)))
    filled.work()
    first = filled.plan()
    filled.approve("anna")
    filled.leave("natt-2", *people(*range(60)))
    filled.work()
    assert filled.plan().id == first.id
    with filled.hub.database.read() as connection:
        assert [each.by for each in plans.approvals(connection, first.id)] == ["anna"]
        assert [each.id for each in plans.awaited(connection)] == [first.id]
    filled.leave("natt-3", *people(*range(61)))
    filled.work()
    assert [each.state for each in filled.plans()[-2:]] == [PlanState.SUPERSEDED, PlanState.HELD]
    assert filled.states() == [DELIVERED, DISMISSED, DISMISSED, ROUTED]


def test_a_refused_plan_is_never_applied(filled: Registry, shelf: Shelf) -> None:
    filled.leave("natt-1", *people(*range(60)))
    filled.work()
    approving.refuse(filled.hub.database, filled.plan().id, "anna", "fel utdrag")
    with pytest.raises(approving.NotPossible):
        filled.approve("bertil")
    filled.work(asked=False)
    assert len(shelf.fields()) == 100
    assert filled.states() == [DELIVERED, DISMISSED]
    assert filled.run().outcome == "rejected"


def test_a_register_that_cannot_be_asked_makes_the_plan_wait(filled: Registry, shelf: Shelf) -> None:
    shelf.before = lambda _method, _address: 500
    filled.leave("natt-1", *people(*range(99)))
    filled.work()
    assert len(filled.plans()) == 1
    with filled.hub.database.read() as connection:
        assert connections.lived(connection, TARGET).failures > 0
    assert filled.states() == [DELIVERED, DocumentState.ARRIVED]


def test_what_was_written_and_does_not_stand_there_is_told_as_suspicious(filled: Registry, shelf: Shelf) -> None:
    def forgets(method: str, address: str) -> int | None:
        if method == "GET" and address.startswith("/records") and "p00200" in shelf.fields():
            shelf.take("p00200")
        return None

    filled.leave("natt-1", *people(*range(100)), *people(200))
    shelf.before = forgets
    filled.work()
    assert filled.run().outcome == "suspicious"
    assert {each.what for each in filled.run().suspicions} == {"target", "sum"}
