"""The laws of recurring work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from hub.jobs import schedule
from hub.jobs.schedule import Known, Recurring, Timetable, enqueue_due
from hub.store import leases, work
from hub.store.database import Database
from hub.store.work import Work, WorkState

SLOT = timedelta(milliseconds=1)
LONG = timedelta(days=36500)
MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
LENGTHS = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=31))


def all_work(database: Database) -> tuple[Work, ...]:
    with database.read() as connection:
        return work.page(connection)


def tick(database: Database, recurring: Recurring, known: Known | None = None) -> timedelta:
    with database.write() as connection:
        return enqueue_due(connection, recurring, known or Known())


def finish(database: Database) -> int:
    with database.write() as connection:
        claim = leases.claim(connection, worker="w", kinds=["fetch"], limit=1, lease=LONG)
        for claimed in claim.taken:
            leases.complete(connection, claimed.id, claimed.token)
    return len(claim.taken)


def test_one_slot_is_enqueued_once_though_two_schedulers_look(database: Database) -> None:
    recurring = Recurring("fetch", "north", every=LONG)
    tick(database, recurring)
    finish(database)
    tick(database, recurring)
    assert [each.state for each in all_work(database)] == [WorkState.DONE]


def test_while_one_waits_or_runs_no_more_of_the_same_is_enqueued(database: Database) -> None:
    recurring = Recurring("fetch", "north", every=SLOT)
    first = tick(database, recurring)
    assert first <= SLOT
    tick(database, recurring)
    assert len(all_work(database)) == 1


def test_the_next_slot_comes_after_the_last_has_ended(database: Database) -> None:
    recurring = Recurring("fetch", "north", every=SLOT)
    tick(database, recurring)
    finish(database)
    tick(database, recurring)
    states = [each.state for each in all_work(database)]
    assert states == [WorkState.WAITING, WorkState.DONE]


class Clocks:
    """The clock on the wall, which people set, and the one that only runs; both in seconds."""

    def __init__(self) -> None:
        self.set_by, self.run = 0.0, 0.0

    def now(self, _connection: Connection) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=self.run + self.set_by)

    def pass_by(self, seconds: float) -> None:
        self.run += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(schedule, "now", made.now)
    return made


def made_in_ten_minutes(database: Database, clocks: Clocks, schedulers: Sequence[Known]) -> list[float]:
    """When, by the clock that only runs, work was enqueued while each was ended at once."""
    every_half_minute = Recurring("fetch", "north", every=timedelta(seconds=30))
    made: list[float] = []
    for _ in range(60):
        for known in schedulers:
            tick(database, every_half_minute, known)
            made += [clocks.run] * finish(database)
        clocks.pass_by(10)
    return made


@pytest.mark.parametrize("number", [1, 2])
def test_work_goes_on_at_its_pace_and_never_faster_though_the_clock_is_put_back(
    sqlite_database: Database, clocks: Clocks, number: int
) -> None:
    schedulers = [Known(clock=lambda: clocks.run) for _ in range(number)]
    made_in_ten_minutes(sqlite_database, clocks, schedulers)
    clocks.set_by = -3600.0
    made = made_in_ten_minutes(sqlite_database, clocks, schedulers)
    assert all(later - earlier >= 30 for earlier, later in pairwise(made))
    assert 18 <= len(made) <= 20


def test_while_the_latest_that_lies_ahead_waits_or_runs_no_more_is_enqueued(
    sqlite_database: Database, clocks: Clocks
) -> None:
    recurring, known = Recurring("fetch", "north", every=timedelta(seconds=30)), Known(clock=lambda: clocks.run)
    tick(sqlite_database, recurring, known)
    clocks.set_by = -3600.0
    clocks.pass_by(60)
    assert tick(sqlite_database, recurring, known) > timedelta(0)
    assert len(all_work(sqlite_database)) == 1


def test_different_arguments_are_different_recurring_work(database: Database) -> None:
    for route in ("schools", "care"):
        tick(database, Recurring("fetch", "north", {"route": route}, every=LONG))
    assert {each.argument["route"] for each in all_work(database)} == {"schools", "care"}


def test_a_timetable_enqueues_at_once_and_says_when_it_must_look_again(database: Database) -> None:
    timetable = Timetable(database, [Recurring("fetch", "north", every=timedelta(hours=1))])
    assert 0 < timetable.tick() <= 3600
    assert len(all_work(database)) == 1


def test_an_empty_timetable_never_needs_looking_at(database: Database) -> None:
    assert Timetable(database, []).tick() == float("inf")


@given(MOMENTS, LENGTHS)
def test_every_moment_lies_in_exactly_its_slot(at: datetime, every: timedelta) -> None:
    recurring = Recurring("fetch", "north", every=every)
    slot = recurring.slot(at)
    assert recurring.starts(slot) <= at < recurring.starts(slot + 1)


@given(MOMENTS, MOMENTS, LENGTHS)
def test_keys_sort_as_their_slots_do(one: datetime, other: datetime, every: timedelta) -> None:
    recurring = Recurring("fetch", "north", every=every)
    first, second = sorted((recurring.slot(one), recurring.slot(other)))
    assert (recurring.key(first) < recurring.key(second)) is (first < second)
