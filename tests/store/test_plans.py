"""Plans as they are kept: figures, changes, approvals, outcomes, and the digest that a plan of any size has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from hub.domain.changes import (
    Change,
    ChangeKind,
    Figures,
    Plan,
    PlanState,
    Receipt,
    Stop,
    differences,
    digest_of,
    key_for,
)
from hub.domain.texts import Text
from hub.store import plans, staged
from hub.store.database import Database, now
from hub.store.plans import NewPlan, StoredPlan
from hub.store.staged import CREATE, SAME, Staged
from tests.store.rows import a_reason

NEW = NewPlan("administratorer", "administrators", "utdrag", "katalog", run_id=3, document_id=None, by="anna")
FIGURES = Figures(stated=3, read=3, complete=True, holdings=2, creates=1, updates=1, removals=1)
STOP = Stop("REMOVALS", Text("för många", "too many"), 2, {"removals": 1.0, "share": 0.5})
RECEIPT = Receipt(datetime(2026, 11, 22, 9, tzinfo=UTC), "r1", {"etag": "v2"})
CHANGES = (
    Change(ChangeKind.CREATE, "k1", "p1", {"namn": "Å\u0308sa"}),
    Change(ChangeKind.UPDATE, "k2", "p2", {"namn": "B", "enhet": "1"}, {"namn": "b", "enhet": "1"}, "v7"),
    Change(ChangeKind.REMOVE, "k3", "p3", {}, {"namn": "C"}),
)


def a_plan(database: Database, state: PlanState = PlanState.HELD, stops: tuple[Stop, ...] = (STOP,)) -> StoredPlan:
    """A plan of those changes."""
    with database.write() as connection:
        plan_id = plans.begin(connection, NEW)
        plans.add(connection, plan_id, enumerate(CHANGES, 1))
        plans.made(connection, plan_id, "d" * 64, FIGURES, stops, state)
        return plans.lock(connection, plan_id)


def test_a_plan_is_kept_as_it_was_made(database: Database) -> None:
    plan = a_plan(database)
    assert (plan.digest, plan.figures, plan.stops, plan.seats, plan.state) == (
        "d" * 64,
        FIGURES,
        (STOP,),
        2,
        PlanState.HELD,
    )
    assert (plan.route, plan.noun, plan.source, plan.target, plan.run_id, plan.by) == (
        "administratorer",
        "administrators",
        "utdrag",
        "katalog",
        3,
        "anna",
    )
    with database.read() as connection:
        assert [each.change for each in plans.changes(connection, plan.id)] == list(CHANGES)
        assert plans.get(connection, plan.id) == plan
        assert plans.get(connection, plan.id + 1) is None


def test_a_plan_that_is_being_made_is_not_listed_and_is_forgotten_when_it_is_begun_anew(database: Database) -> None:
    with database.write() as connection:
        plan_id = plans.begin(connection, NEW)
        staged.keep(connection, plan_id, [Staged("p1", CREATE)])
        assert plans.page(connection) == []
        assert plans.forget_unmade(connection, NEW.route, 4) == 0
        assert plans.forget_unmade(connection, NEW.route, 3) == 1
        assert staged.counts(connection, plan_id) == {}


def test_plans_are_listed_newest_first_a_page_at_a_time(database: Database) -> None:
    made = [a_plan(database, state).id for state in (PlanState.HELD, PlanState.APPLIED, PlanState.PROPOSED)]
    with database.read() as connection:
        assert [each.id for each in plans.page(connection)] == made[::-1]
        assert [each.id for each in plans.page(connection, before=made[2], limit=1)] == [made[1]]
        assert [each.id for each in plans.page(connection, state=PlanState.HELD)] == [made[0]]
        assert plans.page(connection, route="annan") == []
        assert [each.id for each in plans.awaited(connection)] == [made[0], made[2]]


def test_changes_are_listed_in_their_order_by_kind_by_outcome_and_from_a_number(database: Database) -> None:
    plan = a_plan(database)
    with database.read() as connection:
        assert [each.number for each in plans.changes(connection, plan.id, after=1)] == [2, 3]
        assert [each.number for each in plans.changes(connection, plan.id, kind=ChangeKind.REMOVE)] == [3]
        assert plans.changes(connection, plan.id, outcome=plans.APPLIED) == []
        assert [each.number for each in plans.todo(connection, plan.id, 2)] == [1, 2]


def test_an_outcome_is_written_once_and_by_whoever_holds_the_work(database: Database) -> None:
    plan = a_plan(database, PlanState.APPLYING)
    with database.write() as connection:
        first, second, _ = plans.changes(connection, plan.id)
        assert plans.attempt(connection, first, (99, 1)) is False
        plans.applied(connection, first, RECEIPT)
        plans.rejected(connection, first, [a_reason("NO")])
        plans.rejected(connection, second, [a_reason("NO", "v")], 7)
        kept, told, _ = plans.changes(connection, plan.id)
        assert (kept.outcome, kept.receipt, kept.reasons) == (plans.APPLIED, RECEIPT, ())
        assert (told.outcome, told.receipt, told.document_id) == (plans.REJECTED, None, 7)
        assert [(each.code, each.value) for each in told.reasons] == [("NO", "v")]
        progress = plans.progress(connection, plan.id)
        assert (progress.total, progress.applied, progress.rejected, progress.left) == (3, 1, 1, 1)
        assert plans.outcomes(connection, plan.id) == {
            (ChangeKind.CREATE, plans.APPLIED): 1,
            (ChangeKind.UPDATE, plans.REJECTED): 1,
            (ChangeKind.REMOVE, None): 1,
        }


def test_what_a_look_at_the_target_met_is_marked_with_its_version(database: Database) -> None:
    plan = a_plan(database)
    with database.write() as connection:
        moment = now(connection)
        plans.look_at(connection, plan.id, {2: "v8"}, moment)
        assert plans.at(connection, plan.id, {"p2", "p9"})["p2"].change.version == "v8"
        kinds = (ChangeKind.UPDATE, ChangeKind.REMOVE)
        assert plans.unmet(connection, plan.id, moment, kinds, None, 10) == ["p3"]
        assert plans.unmet(connection, plan.id, moment, kinds, plans.APPLIED, 10) == []


def test_a_person_decides_once_about_a_plan(database: Database) -> None:
    plan = a_plan(database)
    with database.write() as connection:
        plans.decide(connection, plan, "anna", "approve", "granskad")
        assert [
            (each.by, each.decision, each.reason, each.digest) for each in plans.approvals(connection, plan.id)
        ] == [("anna", "approve", "granskad", plan.digest)]
    with pytest.raises(IntegrityError), database.write() as connection:
        plans.decide(connection, plan, "anna", "approve", "en gång till")


def test_the_last_plan_that_was_applied_is_that_of_the_same_source_and_target(database: Database) -> None:
    a_plan(database, PlanState.HELD)
    applied = a_plan(database, PlanState.APPLIED)
    a_plan(database, PlanState.STALE)
    with database.read() as connection:
        assert plans.latest_applied(connection, NEW.route, NEW.source, NEW.target) == applied
        assert plans.latest_applied(connection, NEW.route, NEW.source, "annan") is None


def test_staged_records_come_in_the_order_of_their_bytes(database: Database) -> None:
    with database.write() as connection:
        plan_id = plans.begin(connection, NEW)
        rows = [Staged(address, CREATE, {"namn": address}) for address in ("b", "a", "Å", "B", "-")]
        staged.keep(connection, plan_id, rows)
        staged.same(connection, plan_id, ["a"])
        met = [each.address for each in staged.page(connection, plan_id, CREATE, "", 10)]
        assert met == sorted(("b", "Å", "B", "-"), key=str.encode)
        assert [each.address for each in staged.page(connection, plan_id, CREATE, "B", 10)] == ["b", "Å"]
        assert staged.counts(connection, plan_id) == {(CREATE, False): 4, (SAME, True): 1}
        staged.clear(connection, plan_id)
        assert staged.counts(connection, plan_id) == {}


# --- digests and keys


def test_plans_that_would_do_the_same_have_the_same_digest_whatever_their_keys() -> None:
    other = tuple(Change(each.kind, "other", each.address, each.fields, each.before, "v9") for each in CHANGES)
    assert digest_of("r", "t", iter(CHANGES)) == digest_of("r", "t", other) == Plan("r", "t", CHANGES).digest
    assert digest_of("r", "t", CHANGES) != digest_of("r", "t", CHANGES[::-1])
    assert digest_of("r", "t", CHANGES) != digest_of("r", "u", CHANGES)


@given(
    st.sampled_from(ChangeKind), st.text(), st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text())
)
def test_a_key_is_its_plans_own_and_the_same_for_every_try(
    kind: ChangeKind, address: str, fields: dict[str, str], before: dict[str, str]
) -> None:
    try:
        change = Change(kind, "", address, fields, before)
        key = key_for(1, 2, change)
    except UnicodeEncodeError:
        return
    assert key == key_for(1, 2, Change(kind, "any", address, dict(reversed(fields.items())), before, "v1"))
    assert len({key, key_for(2, 2, change), key_for(1, 3, change)}) == 3
    assert len(key) <= 200


def test_a_change_is_told_field_by_field() -> None:
    told = [[(each.field, each.old, each.new) for each in differences(change)] for change in CHANGES]
    assert told == [[("namn", None, "Å\u0308sa")], [("namn", "b", "B")], [("namn", "C", None)]]
