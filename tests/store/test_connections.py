"""What a connection lived through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert

from hub.domain.texts import Text
from hub.store import connections, runs, tables
from hub.store.connections import Happening, Lived
from hub.store.database import Database, now
from tests.store.reading import rows_read

DOWN = Text("svarar inte", "does not answer")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def lived(database: Database, name: str = "inkorg") -> Lived:
    with database.read() as connection:
        return connections.lived(connection, name)


def test_a_connection_that_was_never_used_has_lived_through_nothing(database: Database) -> None:
    assert lived(database) == Lived("inkorg")


def test_failures_are_counted_until_the_next_success(database: Database) -> None:
    for _ in range(3):
        with database.write() as connection:
            connections.failed(connection, "inkorg", Happening.UNAVAILABLE, DOWN)
    failing = lived(database)
    with database.write() as connection:
        connections.succeeded(connection, "inkorg", Happening.ARRIVED, 2)
    well = lived(database)
    assert (failing.failures, failing.last_failure, failing.refused_at) == (3, DOWN, None)
    assert failing.failing_since is not None
    assert (well.failures, well.failing_since) == (0, None)
    assert well.last_ok_at == well.last_moved_at
    with database.read() as connection:
        told = connections.events(connection, "inkorg")
    assert [each.kind for each in told] == [Happening.RECOVERED, *[Happening.UNAVAILABLE] * 3]
    assert told[0].details == {"after": 3}


def test_the_first_failure_is_remembered_as_the_beginning(sqlite_database: Database) -> None:
    with time_machine.travel(LONG_AGO, tick=False) as clock:
        for _ in range(3):
            with sqlite_database.write() as connection:
                connections.failed(connection, "inkorg", Happening.BUG, DOWN)
            clock.shift(timedelta(hours=1))
        assert lived(sqlite_database).failing_since == LONG_AGO


def test_failures_at_the_same_moment_are_all_counted(database: Database) -> None:
    at_once = Barrier(6)

    def fail(_number: int) -> None:
        at_once.wait()
        with database.write() as connection:
            connections.failed(connection, "inkorg", Happening.UNAVAILABLE, DOWN)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(fail, range(6)))
    assert lived(database).failures == 6


def test_succeeding_with_nothing_is_told_apart_from_moving_something(database: Database) -> None:
    with database.write() as connection:
        connections.succeeded(connection, "inkorg", Happening.ARRIVED, 0)
        moved = connections.moved_since(connection, LONG_AGO)
    assert lived(database).last_ok_at is not None
    assert lived(database).last_moved_at is None
    assert moved == {}


def test_a_refusal_stays_until_a_person_lets_the_connection_go_on(database: Database) -> None:
    with database.write() as connection:
        connections.failed(connection, "inkorg", Happening.REFUSED, DOWN)
        connections.succeeded(connection, "inkorg", Happening.ARRIVED)
    assert lived(database).refused_because == DOWN
    with database.write() as connection:
        connections.resume(connection, "inkorg", "anna")
    assert (lived(database).refused_at, lived(database).refused_because) == (None, None)


def test_a_pause_is_remembered_with_who_made_it(database: Database) -> None:
    with database.write() as connection:
        connections.pause(connection, "inkorg", "anna")
    assert lived(database).paused_by == "anna"
    with database.write() as connection:
        connections.resume(connection, "inkorg", "bo")
    assert (lived(database).paused_at, lived(database).paused_by) == (None, None)
    with database.read() as connection:
        told = connections.events(connection, "inkorg")
    assert [(each.kind, each.details) for each in told] == [
        (Happening.RESUMED, {"by": "bo"}),
        (Happening.PAUSED, {"by": "anna"}),
    ]


def test_the_result_of_a_check_is_kept(database: Database) -> None:
    with database.write() as connection:
        connections.checked(connection, "inkorg", False, {"checks": []})
    assert lived(database).last_check == {"passed": False, "checks": []}


def test_connections_do_not_mix(database: Database) -> None:
    with database.write() as connection:
        connections.failed(connection, "one", Happening.UNAVAILABLE, DOWN)
        connections.succeeded(connection, "two", Happening.DELIVERED)
        everyone = connections.all_lived(connection)
        assert [each.kind for each in connections.events(connection, "one")] == [Happening.UNAVAILABLE]
        assert connections.events(connection, "two") == []
    assert {name: each.failures for name, each in everyone.items()} == {"one": 1, "two": 0}


_COUNTS = st.lists(
    st.tuples(
        st.sampled_from(["one", "two"]),
        st.sampled_from([Happening.ARRIVED, Happening.DELIVERED]),
        st.integers(1, 500),
        st.integers(0, 6 * 60),
    ),
    max_size=12,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counted=_COUNTS)
def test_counts_by_the_hour_add_up(sqlite_database: Database, counted: list[tuple[str, Happening, int, int]]) -> None:
    begun = LONG_AGO + timedelta(hours=1)
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("DELETE FROM connection_hours")
        for name, kind, number, minutes in counted:
            with time_machine.travel(begun + timedelta(minutes=minutes), tick=False):
                connections.count(connection, name, kind, number)
        own = {name: connections.hours(connection, name, LONG_AGO) for name in ("one", "two")}
        together = connections.all_hours(connection, LONG_AGO)
        moved = connections.moved_since(connection, LONG_AGO)
        late = connections.moved_since(connection, begun + timedelta(hours=3))
    for kind in (Happening.ARRIVED, Happening.DELIVERED):
        of_kind = [each for each in counted if each[1] is kind]
        total = sum(number for *_, number, _ in of_kind)
        assert sum(number for (_, each), number in together.items() if each is kind) == total
        assert moved.get(kind, 0) == total
        assert late.get(kind, 0) == sum(number for *_, number, minutes in of_kind if minutes >= 180)
        for name in ("one", "two"):
            mine = sum(each[2] for each in of_kind if each[0] == name)
            assert sum(number for (_, each), number in own[name].items() if each is kind) == mine


def test_counts_of_one_hour_from_many_threads_add_up(database: Database) -> None:
    at_once = Barrier(6)

    def count(number: int) -> None:
        at_once.wait()
        with database.write() as connection:
            connections.count(connection, "inkorg", Happening.ARRIVED, number)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(count, range(1, 7)))
    with database.read() as connection:
        assert connections.moved_since(connection, LONG_AGO) == {Happening.ARRIVED: 21}


def test_paging_by_key_visits_every_event_once(database: Database) -> None:
    with database.write() as connection:
        for number in range(11):
            connections.event(connection, "inkorg", Happening.LEFT, number)
            connections.event(connection, "other", Happening.LEFT, number)
    visited = []
    with database.read() as connection:
        while page := connections.events(connection, "inkorg", before=visited[-1].id if visited else None, limit=4):
            visited += page
    assert [each.number for each in visited] == list(reversed(range(11)))


def test_paging_by_key_visits_every_event_also_when_their_clocks_disagree_with_their_ids(
    sqlite_database: Database,
) -> None:
    with sqlite_database.write() as connection:
        for minutes in (3, 1, 2, 0, 1):
            with time_machine.travel(LONG_AGO + timedelta(minutes=minutes), tick=False):
                connections.event(connection, "inkorg", Happening.LEFT, minutes)
    visited = []
    with sqlite_database.read() as connection:
        while page := connections.events(connection, "inkorg", before=visited[-1].id if visited else None, limit=1):
            visited += page
    assert [each.number for each in visited] == [3, 2, 1, 1, 0]
    assert len({each.id for each in visited}) == 5


def test_what_is_left_at_a_source_is_written_down_once_however_much_it_is_and_however_often_it_is_met(
    database: Database,
) -> None:
    left = [*(f"fil-{number}.xml" for number in range(201)), "m" * 500, "\udce5.xml"]
    with database.write() as connection:
        for _ in range(3):
            for each in left:
                connections.event_once(connection, "inkorg", Happening.LEFT, about=each, details={"why": "för stor"})
        connections.event_once(connection, "annan", Happening.LEFT, about=left[0], details={})
        connections.event_once(connection, "inkorg", Happening.SUSPICIOUS, about=left[0], details={})
        counted = connections.moved_since(connection, LONG_AGO)
        told = connections.events(connection, "inkorg", limit=1000)
    assert counted == {Happening.LEFT: len(left) + 1, Happening.SUSPICIOUS: 1}
    assert len(told) == len(left) + 1
    assert told[-1].details == {"why": "för stor"}


def test_the_newest_pass_of_a_connection_without_any_is_not_looked_for_among_all(
    database_url: str, database: Database
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite goes by the index that the question names")
    asked: list[tuple[str, Any]] = []
    with database.write() as connection:
        at = now(connection)
        one = {"route": "r", "connection": "brevlada", "cause": "schedule", "started_at": at, "ended_at": at}
        connection.execute(insert(tables.runs), [one | {"outcome": "succeeded", "counts": {}}] * 5000)
        for name in ("brevlada", "tom"):
            connections.rejected(connection, name, Text("Nej", "No"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE runs")
    event.listen(database.engine, "before_cursor_execute", lambda *each: asked.append((each[2], each[3])))
    with database.read() as connection:
        assert len(runs.newest_ended(connection)) == 1
        (newest,) = [each for each in asked if "BETWEEN" in each[0]]
        assert rows_read(connection, *newest) < 100
