"""Plans whatever happens: guards are not passed without approval, nothing is done twice, a death changes no end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.flow.guards import FirstRun, GuardLimits
from hub.store import documents, plans, work
from hub.store.database import open_database, sqlite_url
from hub.store.work import WorkState
from tests.jobs.planned import NOUN, Small, copy_of, person, unsynced

NUMBERS = range(8)
PEOPLE = ("anna", "cli:anna", "bertil")
STRICT = GuardLimits(removals=2, removals_share=0.2, changes_share=0.3, second_removals_share=0.5)
LENIENT = GuardLimits(removals=0, removals_share=1.0, changes_share=9, first_run=FirstRun.APPLY)


@pytest.fixture
def small(migrated: Path, tmp_path: Path) -> Iterator[Small]:
    """A hub that lets everything pass."""
    database = open_database(sqlite_url(copy_of(migrated, tmp_path / "small.db")))
    unsynced(database)
    yield Small(database, LENIENT)
    database.close()


def scenario(small: Small, dies_after: int | None) -> None:
    """Three records there, one of them to be changed, one removed, two created; death comes once, or never."""
    for number in (1, 2, 3):
        small.store.put(f"p{number}", namn=f"Person {number}", enhet="1")
    small.land([person(1), person(2, "9"), person(4), person(5), {"id": "p6", "namn": ""}])
    small.fate.passed = 0
    left = dies_after
    while True:
        before = small.fate.passed
        if not small.step(left):
            return
        if left is not None:
            gone = small.fate.passed - before
            left = None if gone > left else left - gone


def ends(small: Small) -> tuple[object, ...]:
    """Everything there is to see at the end."""
    held = {address: dict(each.fields) for address, each in small.store.records.items()}
    with small.database.read() as connection:
        stand = [(each.name, each.state) for each in documents.page(connection, noun=NOUN, limit=100)]
        outcomes = [(each.change.address, each.outcome) for each in plans.changes(connection, small.plans()[-1].id)]
    return held, sorted(stand), outcomes, [each.state for each in small.plans()]


def test_a_death_at_any_point_gives_the_same_end_and_does_nothing_twice(migrated: Path, tmp_path: Path) -> None:
    ended: list[tuple[object, ...]] = []
    points, dies_after = 1, -1
    while dies_after < points:
        database = open_database(sqlite_url(copy_of(migrated, tmp_path / f"{dies_after}.db")))
        unsynced(database)
        small = Small(database, LENIENT)
        scenario(small, None if dies_after < 0 else dies_after)
        ended.append(ends(small))
        log = [(kind, address) for _, kind, address in small.store.log]
        assert log == [("create", "p4"), ("create", "p5"), ("update", "p2"), ("remove", "p3")], dies_after
        points = small.fate.passed if dies_after < 0 else points
        database.close()
        dies_after += 1
    assert points > 40, "death was tried at fewer points than there are"
    assert ended == [ended[0]] * len(ended)
    assert ended[0][3] == [PlanState.APPLIED]
    assert dict(ended[0][1])["p6"] is DocumentState.SET_ASIDE  # type: ignore[call-overload]


def test_a_plan_applied_twice_does_nothing_the_second_time(small: Small) -> None:
    small.land([person(1), person(2)])
    small.settle()
    log = list(small.store.log)
    [plan] = small.plans()
    with small.database.write() as connection:
        work.enqueue(connection, kind="apply", lane=plan.target, argument={"plan": plan.id})
    small.settle()
    assert small.store.log == log
    with small.database.write() as connection:
        plans.move(connection, plan.id, PlanState.APPLYING)
        work.enqueue(connection, kind="apply", lane=plan.target, argument={"plan": plan.id})
    small.settle()
    assert small.store.log == log
    assert small.plans()[0].state is PlanState.APPLIED


def machine(migrated: Path) -> type[RuleBasedStateMachine]:
    """Everything that persons, sources, targets and death may do, in any order."""

    class Plans(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = tempfile.TemporaryDirectory()
            self.database = open_database(sqlite_url(copy_of(migrated, Path(self.folder.name) / "hub.db")))
            unsynced(self.database)
            self.small = Small(self.database, STRICT)

        @initialize(known=st.booleans())
        def the_route_is_new_or_has_run(self, known: bool) -> None:
            if known:
                for number in NUMBERS:
                    self.small.store.put(f"p{number}", namn=f"Person {number}", enhet="1")
                self.small.land([person(each) for each in NUMBERS])
                self.small.settle()
                assert [each.state for each in self.small.plans()] == [PlanState.APPLIED]

        @rule(numbers=st.sets(st.sampled_from(NUMBERS)), unit=st.sampled_from("12"), whole=st.booleans())
        def an_extract_comes(self, numbers: set[int], unit: str, whole: bool) -> None:
            self.small.land([person(each, unit) for each in sorted(numbers)], whole=whole)

        @rule(number=st.sampled_from(NUMBERS))
        def somebody_changes_the_target(self, number: int) -> None:
            self.small.store.put(f"p{number}", namn="Någon annan", enhet="7")

        @rule()
        def some_work_is_done(self) -> None:
            self.small.step()

        @rule()
        def all_work_is_done(self) -> None:
            self.small.settle()

        @rule(points=st.integers(0, 40))
        def a_worker_dies(self, points: int) -> None:
            self.small.step(points)

        @rule()
        def all_work_vanishes_and_the_books_are_compared(self) -> None:
            self.small.lose_work()
            self.small.compare_books()

        @rule(by=st.sampled_from(PEOPLE))
        def a_person_approves(self, by: str) -> None:
            self.small.approve(by)

        @rule(by=st.sampled_from(PEOPLE))
        def a_person_approves_something_else(self, by: str) -> None:
            assert self.small.approve(by, "0" * 64) is None

        @rule(by=st.sampled_from(PEOPLE))
        def a_person_refuses(self, by: str) -> None:
            self.small.refuse(by)

        @invariant()
        def no_guard_is_passed_without_approval(self) -> None:
            made = {each.id: each for each in self.small.plans()}
            for key, _, _ in self.small.store.log:
                plan = made[int(key.partition("-")[0])]
                needed = max(plan.seats, int(plan.figures.first))
                assert self.small.approvers(plan.id) >= needed, plan
                assert plan.state is not PlanState.REFUSED

        @invariant()
        def nothing_is_done_twice_and_nothing_that_was_not_planned(self) -> None:
            keys = [key for key, _, _ in self.small.store.log]
            assert len(keys) == len(set(keys))
            with self.database.read() as connection:
                for key, kind, address in self.small.store.log:
                    plan_id, number = map(int, key.split("-")[:2])
                    [change] = plans.changes(connection, plan_id, after=number - 1, limit=1)
                    planned = change.change
                    assert (planned.key, planned.kind, planned.address) == (key, kind, address)

        @invariant()
        def one_plan_is_open(self) -> None:
            open_ones = (*plans.WAITING_FOR_SOMEBODY, *plans.UNDER_WAY)
            assert sum(each.state in open_ones for each in self.small.plans()) <= 1

        def teardown(self) -> None:
            try:
                self.small.settle()
                self.no_guard_is_passed_without_approval()
                self._everything_has_come_to_its_end()
            finally:
                self.database.close()
                self.folder.cleanup()

        def _everything_has_come_to_its_end(self) -> None:
            waits = self.small.waiting() is not None
            with self.database.read() as connection:
                left = work.counts(connection, (WorkState.WAITING, WorkState.RUNNING))
                stand = documents.page(connection, noun=NOUN, limit=1000)
            assert left == {}
            still = {DocumentState.ROUTED} if waits else set()
            final = {DocumentState.DELIVERED, DocumentState.SET_ASIDE, DocumentState.DISMISSED} | still
            assert {each.state for each in stand} <= final
            assert {each.state for each in self.small.plans()}.isdisjoint({*plans.UNDER_WAY})

    return Plans


def test_whatever_happens_no_guard_is_passed_without_approval(migrated: Path) -> None:
    some = settings(
        max_examples=25,
        stateful_step_count=25,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(machine(migrated), settings=some)  # type: ignore[no-untyped-call]
