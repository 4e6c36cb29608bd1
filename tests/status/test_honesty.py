"""Runs and days are doubted when they do not add up, or lie outside what is usual, and never before that is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, update

from hub.domain.calendar import CITY_TIME, city_day
from hub.status import honesty
from hub.status.bands import DOCUMENTS, FREE, MONTH_END, kind_of
from hub.status.honesty import Measured
from hub.store import connections, runs, volumes
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.tables import runs as table
from hub.store.volumes import Volume
from tests.store.rows import arrive

MONDAY = date(2026, 11, 16)
"""No month's end and no holiday, nor are the Mondays before it."""

HOURS = tuple(min(220, 20 * hour) for hour in range(1, 25))


def mondays(connection: Connection, number: int, hours: tuple[int, ...] = HOURS) -> None:
    """That many Mondays that came to about the same."""
    for back in range(1, number + 1):
        day = MONDAY - timedelta(weeks=back)
        shifted = tuple(each + back % 3 for each in hours)
        volumes.keep(
            connection, Volume("fakturor", "inkorg", day, shifted[-1], 9000 * shifted[-1], 40.0, hours=shifted)
        )


def monday(hours: Iterable[int]) -> Volume:
    """This Monday."""
    come = tuple(hours)
    return Volume("fakturor", "inkorg", MONDAY, come[-1], 9000 * come[-1], 40.0, hours=come)


def test_what_was_listed_must_be_what_became_of_it() -> None:
    met = {"listed": 7, "landed": 3, "known": 2, "later": 1, "left": 1, "bytes": 900}
    assert honesty.sums(met) == ()
    [found] = honesty.sums(met | {"landed": 2})
    assert (found.what, found.figure, found.low) == ("sum", 7.0, 6.0)
    assert "the difference is 1" in found.text.en


def test_a_run_that_counts_more_than_is_kept_is_doubted(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        newest = volumes.latest_of(connection, "inkorg")
        run_id = runs.begin(connection, "fakturor", "inkorg", "schedule")
        arrive(connection, "a")
        run = runs.find(connection, run_id)
        assert run is not None
        assert honesty.kept(connection, run, 1, newest) == ()
        assert [each.what for each in honesty.kept(connection, run, 2, newest)] == ["sum"]
        runs.begin(connection, "fakturor", "inkorg", "person")
        assert honesty.kept(connection, run, 2, newest) == (), "another pass beside it may have landed the other"


def test_a_day_so_far_with_too_little_is_doubted_by_the_hour(database: Database) -> None:
    with database.write() as connection:
        mondays(connection, 8)
        stopped = monday([*HOURS[:8], *[HOURS[7]] * 16])
        [found] = honesty.day_suspicions(connection, stopped, 13)
        assert found.text.en.startswith(
            "Nothing has come since 08:00. 160 documents by 13:00. On Mondays it is usually "
        )
        assert len(found.days) == 7, "28 September is a month's end"
        assert honesty.day_suspicions(connection, stopped, 8) == ()
        assert honesty.day_suspicions(connection, monday(HOURS), 13) == ()


def test_a_day_that_begins_early_is_not_doubted_until_it_passes_what_a_whole_day_brings(
    sqlite_database: Database,
) -> None:
    with sqlite_database.write() as connection:
        mondays(connection, 8)
        assert honesty.day_suspicions(connection, monday([120] * 24), 2) == ()
        assert honesty.day_suspicions(connection, monday([2200] * 24), 2) != ()


def test_a_day_that_is_over_is_judged_by_all_its_measures(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        mondays(connection, 8)
        assert honesty.day_suspicions(connection, monday(HOURS)) == ()
        odd = honesty.day_suspicions(connection, replace(monday([0] * 24), bytes=0, seconds=4000.0))
        assert [each.what for each in odd] == ["documents", "bytes", "seconds"]


def test_nothing_is_claimed_while_one_learns(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        mondays(connection, 5)
        assert honesty.day_suspicions(connection, monday([0] * 24)) == ()


def test_a_doubted_day_is_learned_from_once_a_person_calls_it_normal(database: Database) -> None:
    odd = MONDAY - timedelta(weeks=1)
    with database.write() as connection:
        mondays(connection, 8)
        found = volumes.find(connection, "fakturor", "inkorg", odd)
        assert found is not None
        doubts = honesty.day_suspicions(connection, replace(monday([900] * 24), day=odd))
        volumes.keep(connection, replace(found, documents=900, hours=(900,) * 24, suspicions=doubts))
        assert odd not in {each.day for each in honesty.comparable_days(connection, monday(HOURS))}
        assert volumes.say_normal(connection, "fakturor", "inkorg", odd, "anna")
        assert not volumes.say_normal(connection, "fakturor", "inkorg", odd, "bo")
        assert odd in {each.day for each in honesty.comparable_days(connection, monday(HOURS))}
        assert DOCUMENTS.name in {each.what for each in doubts}
        assert DOCUMENTS.name not in {each.what for each in honesty.day_suspicions(connection, monday([900] * 24))}


def plain(at: datetime) -> datetime:
    """The same time on the latest day before that is a weekday like most others."""
    day = at - timedelta(days=1)
    while kind_of(city_day(day)) in {MONTH_END, FREE}:
        day -= timedelta(days=1)
    return day


def passes(connection: Connection, until: datetime, number: int, landed: int) -> int:
    """A run that began at that time, after scheduled ones at its hour in as many weeks before; its id."""
    here = until.astimezone(CITY_TIME)
    for back in range(1, number + 1):
        run = runs.begin(connection, "register", "katalog", "schedule")
        counts = {"listed": landed + back % 2, "bytes": 1000 * landed, "removals": 1, "held": landed}
        runs.end(connection, run, "succeeded", counts)
        begun = (here - timedelta(weeks=back)).astimezone(UTC)  # by the clock on the wall, over its changes
        _set(connection, run, started_at=begun, ended_at=begun + timedelta(seconds=30))
    run = runs.begin(connection, "register", "katalog", "schedule")
    _set(connection, run, started_at=until)
    return run


def _set(connection: Connection, run: int, **values: datetime) -> None:
    connection.execute(update(table).where(table.c.id == run).values(values))


def test_a_scheduled_run_is_compared_with_its_like(database: Database) -> None:
    with database.write() as connection:
        run = passes(connection, plain(now(connection)), 14, 400)
        found = honesty.run_suspicions(connection, run, Measured(0, 0, 0.4))
        assert {each.what for each in found} >= {"documents", "bytes", "removals"}
        usual = honesty.run_suspicions(connection, run, Measured(400, 400_000, 0.0025))
        assert {each.what for each in usual} == {"seconds"}, "it has gone on since another day"


def hourly(connection: Connection, until: datetime, weeks: int) -> int:
    """A run that began at that time, after one in every hour of those weeks, that brought most at that time of day."""
    rows = [
        {"started_at": begun, "ended_at": begun + timedelta(seconds=3), "outcome": "succeeded", "counts": counts}
        for begun in (until - timedelta(hours=back) for back in range(1, weeks * 7 * 24 + 1))
        for counts in [{"landed": 400 if begun.hour == until.hour else 20}]
    ]
    same = {"route": "register", "connection": "katalog", "cause": "schedule", "rehearsal": False}
    connection.execute(table.insert(), [same | each for each in rows])
    run = runs.begin(connection, "register", "katalog", "schedule")
    _set(connection, run, started_at=until)
    return run


def test_a_runs_band_is_learned_from_as_many_days_however_often_it_runs(database: Database) -> None:
    with database.write() as connection:
        until = plain(now(connection).astimezone(CITY_TIME).replace(hour=10))
        run = hourly(connection, until, 14)
        found = {each.what: each for each in honesty.run_suspicions(connection, run, Measured(20))}["documents"]
        assert found.low is not None
        assert 20 < found.low < 400, "of each day the run nearest in time is learned from"
        assert len(found.days) == len(set(found.days)) >= 6
        assert until.date().isoformat() not in found.days


def test_hourly_runs_of_few_weeks_claim_nothing(database: Database) -> None:
    with database.write() as connection:
        run = hourly(connection, plain(now(connection).astimezone(CITY_TIME).replace(hour=10)), 5)
        assert honesty.run_suspicions(connection, run, Measured(0)) == ()


def test_a_run_that_was_called_normal_is_learned_from_though_another_was_nearer(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        until = plain(now(connection).astimezone(CITY_TIME).replace(hour=10))
        run = hourly(connection, until, 14)
        assert "documents" in {each.what for each in honesty.run_suspicions(connection, run, Measured(900))}
        found = honesty.run_suspicions(connection, run, Measured(900))
        day = date.fromisoformat(found[0].days[-1])
        later = datetime.combine(day, until.time(), CITY_TIME) + timedelta(minutes=30)
        odd = runs.begin(connection, "register", "katalog", "schedule")
        runs.end(connection, odd, "succeeded", {"landed": 900}, suspicions=found)
        _set(connection, odd, started_at=later, ended_at=later)
        assert "documents" in {each.what for each in honesty.run_suspicions(connection, run, Measured(900))}
        assert runs.say_normal(connection, odd, "anna")
        assert "documents" not in {each.what for each in honesty.run_suspicions(connection, run, Measured(900))}


def test_a_run_at_another_time_of_day_is_not_its_like(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        until = plain(now(connection).astimezone(CITY_TIME).replace(hour=6))
        run = passes(connection, until, 14, 400)
        assert honesty.run_suspicions(connection, run, Measured(0)) != ()
        _set(connection, run, started_at=until.replace(hour=12))
        assert honesty.run_suspicions(connection, run, Measured(0)) == ()


def test_a_suspicious_run_is_told_until_the_next_or_until_a_person_calls_it_normal(database: Database) -> None:
    with database.write() as connection:
        from_counts = honesty.sums({"listed": 2, "landed": 1})
        connections_seen(connection)
        run = runs.begin(connection, "fakturor", "inkorg", "schedule")
        runs.end(connection, run, "succeeded", {"listed": 2, "landed": 1}, suspicions=from_counts)
        assert runs.doubted(connection)["inkorg"].suspicions == from_counts
        going = runs.begin(connection, "fakturor", "inkorg", "schedule")
        assert "inkorg" in runs.doubted(connection)
        runs.end(connection, going, "succeeded", {"listed": 1, "landed": 1})
        assert runs.doubted(connection) == {}
        assert runs.say_normal(connection, run, "anna")
        assert not runs.say_normal(connection, run, "bo")
        assert not runs.say_normal(connection, going, "bo")


def connections_seen(connection: Connection) -> None:
    """The connection has been used."""
    connections.succeeded(connection, "inkorg", Happening.ARRIVED, 0)
