"""The laws of recurring work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from hub.domain.calendar import CITY_TIME, Days
from hub.domain.cron import MOST_CAUGHT_UP, CatchUp, Cron, Schedule
from hub.jobs import schedule
from hub.jobs.schedule import Known, Recurring, Timetable, enqueue_due
from hub.store import lanes, leases, schedules, work
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
    for place in (schedule, schedules):
        monkeypatch.setattr(place, "now", made.now)
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


# --- times in cron's words ------------------------------------------------------------------------------------

HOUR = 3600.0
GRACE = timedelta(minutes=15)


def hourly(catch_up: CatchUp = CatchUp.ONE, words: str = "0 * * * *", days: Days = Days.ALL) -> Recurring:
    return Recurring("fetch", "north", {"route": "r"}, timing=Schedule(Cron.parse(words, days), GRACE, catch_up))


def ran(database: Database, recurring: Recurring) -> list[str]:
    """The times that run now, one after another, each ended before the next: hours and minutes in UTC."""
    times: list[str] = []
    for _ in range(MOST_CAUGHT_UP + 10):
        tick(database, recurring)
        times += [datetime.fromisoformat(each).strftime("%H:%M") for each in waiting(database)]
        finish(database)
    return times


def waiting(database: Database) -> list[str]:
    return [each.argument["scheduled"] for each in all_work(database) if each.state is WorkState.WAITING]


def test_a_time_is_enqueued_once_when_it_comes_though_many_look(sqlite_database: Database, clocks: Clocks) -> None:
    assert ran(sqlite_database, hourly()) == []
    clocks.pass_by(HOUR)
    assert ran(sqlite_database, hourly()) == ["13:00"]
    assert ran(sqlite_database, hourly()) == []


def test_one_time_is_enqueued_once_on_both_databases(database: Database) -> None:
    every_minute = hourly(words="* * * * *")
    with database.write() as connection:
        schedules.follow(connection, every_minute.prefix, "north", every_minute.timing.cron.words)  # type: ignore[union-attr]
        schedules.pass_over(connection, every_minute.prefix, datetime.now(UTC) - timedelta(minutes=1), 0)
    begun = datetime.now(UTC)
    tick(database, every_minute)
    tick(database, every_minute)
    within_one_minute = begun.minute == datetime.now(UTC).minute
    assert len(waiting(database)) == 1
    finish(database)
    tick(database, every_minute)
    assert len(all_work(database)) == 1 or not within_one_minute


def test_the_work_tells_the_time_it_was_planned_for(sqlite_database: Database, clocks: Clocks) -> None:
    tick(sqlite_database, hourly())
    clocks.pass_by(HOUR + 70)
    tick(sqlite_database, hourly())
    assert waiting(sqlite_database) == ["2026-11-22T13:00:00+00:00"]


def test_a_connection_that_is_new_catches_up_nothing_from_before(sqlite_database: Database, clocks: Clocks) -> None:
    clocks.pass_by(0.5 * HOUR)
    assert ran(sqlite_database, hourly(CatchUp.ALL)) == []


@pytest.mark.parametrize(
    ("catch_up", "wanted"),
    [
        (CatchUp.NONE, []),
        (CatchUp.ONE, ["16:00"]),
        (CatchUp.ALL, ["13:00", "14:00", "15:00", "16:00"]),
    ],
)
def test_what_was_missed_while_nobody_looked_is_met_as_the_schedule_says(
    sqlite_database: Database, clocks: Clocks, catch_up: CatchUp, wanted: list[str]
) -> None:
    recurring = hourly(catch_up)
    tick(sqlite_database, recurring)
    clocks.pass_by(4.5 * HOUR)
    assert ran(sqlite_database, recurring) == wanted
    clocks.pass_by(0.5 * HOUR)
    assert ran(sqlite_database, recurring) == ["17:00"]
    [progress] = progress_of(sqlite_database)
    assert progress.passed_over == 4 - len(wanted)


def progress_of(database: Database) -> list[schedules.Progress]:
    with database.read() as connection:
        return list(schedules.progress_by_lane(connection).values())


def test_all_are_at_most_a_hundred_and_the_rest_is_counted(sqlite_database: Database, clocks: Clocks) -> None:
    recurring = hourly(CatchUp.ALL)
    tick(sqlite_database, recurring)
    clocks.pass_by(120 * HOUR)
    assert len(ran(sqlite_database, recurring)) == MOST_CAUGHT_UP
    assert progress_of(sqlite_database)[0].passed_over == 20


def test_never_two_of_the_same_at_a_time_and_the_next_comes_when_the_last_has_ended(
    sqlite_database: Database, clocks: Clocks
) -> None:
    recurring = hourly(CatchUp.ALL)
    tick(sqlite_database, recurring)
    clocks.pass_by(3 * HOUR)
    for _ in range(3):
        assert tick(sqlite_database, recurring) <= timedelta(seconds=2)
    assert len(waiting(sqlite_database)) == 1
    finish(sqlite_database)
    tick(sqlite_database, recurring)
    assert waiting(sqlite_database) == ["2026-11-22T14:00:00+00:00"]


def test_no_time_runs_twice_though_the_clock_is_put_back(sqlite_database: Database, clocks: Clocks) -> None:
    recurring = hourly(CatchUp.ALL)
    tick(sqlite_database, recurring)
    clocks.pass_by(2 * HOUR)
    assert ran(sqlite_database, recurring) == ["13:00", "14:00"]
    clocks.set_by = -1.5 * HOUR
    for _ in range(3):
        clocks.pass_by(0.5 * HOUR)
        assert ran(sqlite_database, recurring) == []
    clocks.pass_by(HOUR)
    assert ran(sqlite_database, recurring) == ["15:00"]


def test_other_words_run_from_now_on_and_no_old_time(sqlite_database: Database, clocks: Clocks) -> None:
    tick(sqlite_database, hourly())
    clocks.pass_by(1.7 * HOUR)
    changed = hourly(CatchUp.ALL, "*/30 * * * *")
    assert ran(sqlite_database, changed) == []
    clocks.pass_by(0.4 * HOUR)
    assert ran(sqlite_database, changed) == ["14:00"]


def test_what_was_missed_before_stays_known_when_done_work_is_forgotten(
    sqlite_database: Database, clocks: Clocks
) -> None:
    recurring = hourly(CatchUp.ALL)
    tick(sqlite_database, recurring)
    clocks.pass_by(HOUR)
    ran(sqlite_database, recurring)
    with sqlite_database.write() as connection:
        assert work.forget_ended(connection, datetime.now(UTC) + timedelta(days=3650), 10) == 1
    assert ran(sqlite_database, recurring) == []
    clocks.pass_by(HOUR)
    assert ran(sqlite_database, recurring) == ["14:00"]


def test_times_that_come_while_the_connection_is_held_are_missed_ones(
    sqlite_database: Database, clocks: Clocks
) -> None:
    recurring = hourly(CatchUp.ONE)
    tick(sqlite_database, recurring)
    with sqlite_database.write() as connection:
        lanes.hold_lane(connection, "north", because="paused")
    clocks.pass_by(3 * HOUR)
    tick(sqlite_database, recurring)
    assert waiting(sqlite_database) == []
    with sqlite_database.write() as connection:
        lanes.release_lane(connection, "north")
    assert ran(sqlite_database, recurring) == ["15:00"]


def test_days_that_do_not_count_are_never_missed(sqlite_database: Database, clocks: Clocks) -> None:
    recurring = hourly(CatchUp.ALL, "0 6 * * *", Days.WORKDAYS)
    tick(sqlite_database, recurring)
    assert clocks.now(None).astimezone(CITY_TIME).strftime("%a") == "Sun"  # type: ignore[arg-type]
    clocks.pass_by(48 * HOUR)
    assert ran(sqlite_database, recurring) == ["05:00", "05:00"]


def test_the_slots_of_times_and_of_intervals_are_never_taken_for_one_another(
    sqlite_database: Database, clocks: Clocks
) -> None:
    interval = Recurring("fetch", "north", {"route": "r"}, every=timedelta(hours=1))
    tick(sqlite_database, interval)
    finish(sqlite_database)
    planned = hourly()
    tick(sqlite_database, planned)
    clocks.pass_by(HOUR)
    tick(sqlite_database, planned)
    finish(sqlite_database)
    with sqlite_database.read() as connection:
        found = [work.latest_under(connection, each.prefix) for each in (interval, planned)]
    assert [each.argument.get("scheduled", "") for each in found if each] == ["", "2026-11-22T13:00:00+00:00"]


def test_a_schedule_is_looked_at_again_within_half_a_minute_since_clocks_are_set(
    sqlite_database: Database, clocks: Clocks
) -> None:
    assert timedelta(0) < tick(sqlite_database, hourly()) <= timedelta(seconds=30)
    clocks.pass_by(HOUR - 3)
    assert tick(sqlite_database, hourly()) <= timedelta(seconds=3)


def side_by_side(
    database: Database, clocks: Clocks, words: Sequence[str], hours: int, step: float, late: int = 0
) -> list[str]:
    """What runs in so many hours when each process goes by words of its own; `late` of them come in after half."""
    processes = [(hourly(CatchUp.ONE, each), Known(clock=lambda: clocks.run)) for each in words]
    times: list[str] = []
    for number in range(int(hours * HOUR / step)):
        there = processes if number * step > hours * HOUR / 2 else processes[: len(processes) - late]
        for recurring, known in there:
            tick(database, recurring, known)
            enqueued = waiting(database)
            times += [datetime.fromisoformat(each).strftime("%H:%M") for each in enqueued]
            for _ in enqueued:
                finish(database)
        clocks.pass_by(step)
    return times


@pytest.mark.parametrize("step", [29.0, 30.0])
@pytest.mark.parametrize("late", [0, 1])
def test_processes_with_different_words_miss_no_time_of_either_and_run_none_twice(
    sqlite_database: Database, clocks: Clocks, step: float, late: int
) -> None:
    ran_so = side_by_side(sqlite_database, clocks, ("0 * * * *", "0,30 * * * *"), 4, step, late)
    before = ["13:00"] if late else ["12:30", "13:00", "13:30"]
    assert ran_so == [*before, "14:00", "14:30", "15:00", "15:30"]


def test_a_time_that_comes_while_the_words_are_changed_is_not_skipped(
    sqlite_database: Database, clocks: Clocks
) -> None:
    tick(sqlite_database, hourly())
    clocks.pass_by(HOUR + 60)
    assert ran(sqlite_database, hourly(words="0 */1,23 * * *")) == ["13:00"]


@pytest.mark.parametrize("ahead", [timedelta(hours=5), timedelta(days=40)])
@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_schedule_that_ran_by_a_clock_that_was_ahead_begins_anew_when_it_is_put_right(
    sqlite_database: Database, clocks: Clocks, ahead: timedelta, catch_up: CatchUp
) -> None:
    recurring, known = hourly(catch_up), Known(clock=lambda: clocks.run)
    tick(sqlite_database, recurring, known)
    clocks.set_by = ahead.total_seconds() + 0.1 * HOUR
    clocks.pass_by(HOUR)
    ran(sqlite_database, recurring)
    clocks.set_by = 0.0
    for hour in range(14, 22):
        assert ran(sqlite_database, recurring) == []
        clocks.pass_by(HOUR)
        assert ran(sqlite_database, recurring) == [f"{hour}:00"]


def test_what_still_runs_by_a_clock_that_was_ahead_ends_before_the_schedule_begins_anew(
    sqlite_database: Database, clocks: Clocks
) -> None:
    tick(sqlite_database, hourly())
    clocks.set_by = 10 * HOUR
    tick(sqlite_database, hourly())
    assert len(waiting(sqlite_database)) == 1
    clocks.set_by = 0.0
    clocks.pass_by(HOUR)
    tick(sqlite_database, hourly())
    assert len(waiting(sqlite_database)) == 1
    finish(sqlite_database)
    tick(sqlite_database, hourly())
    clocks.pass_by(HOUR)
    assert ran(sqlite_database, hourly()) == ["14:00"]


class Watched(Database):
    """A database that counts its transactions that write, and says whether one is open."""

    __slots__ = ("open", "written")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        object.__setattr__(self, "written", self.written + 1)
        with super().write() as connection:
            object.__setattr__(self, "open", True)
            yield connection
            object.__setattr__(self, "open", False)


@pytest.fixture
def watched(sqlite_database: Database) -> Watched:
    made = Watched(**{each.name: getattr(sqlite_database, each.name) for each in fields(Database) if each.init})
    for name, value in (("open", False), ("written", 0)):
        object.__setattr__(made, name, value)
    return made


def test_a_schedule_of_which_nothing_is_due_writes_nothing_and_is_not_thought_over_again(
    watched: Watched, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_LOOK_AGAIN", timedelta(0))
    timetable = Timetable(watched, [hourly()])
    timetable.tick()
    timetable.tick()
    thought: list[object] = []
    monkeypatch.setattr(Cron, "first", lambda *told: thought.append(told))
    for _ in range(3):
        timetable.tick()
    assert (watched.written, thought) == (1, [])


def test_a_long_absence_is_thought_over_while_nobody_waits_for_the_database(
    watched: Watched, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_LOOK_AGAIN", timedelta(0))
    timetable = Timetable(watched, [hourly(CatchUp.ALL)])
    timetable.tick()
    clocks.pass_by(200 * HOUR)
    really, open_then = Schedule.due, []

    def told(timing: Schedule, after: datetime, at: datetime) -> Any:
        open_then.append(watched.open)
        return really(timing, after, at)

    monkeypatch.setattr(Schedule, "due", told)
    timetable.tick()
    assert len(waiting(watched)) == 1
    assert open_then == [False]
