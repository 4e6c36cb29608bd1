"""The overview: what needs attention, counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.status.overview import WORKER_SEEN, Overview, Standstill, look
from hub.store import connections, documents, lanes, set_asides, units, work, workers
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.tables import work as work_table
from hub.store.tables import workers as worker_table
from tests.status.test_connections import Paper
from tests.store.rows import a_reason, a_unit, arrive

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def seen(database: Database) -> Overview:
    return look(database, {"inkorg": Paper("inkorg")}, LONG_AGO)


def test_an_empty_hub_needs_no_attention(database: Database) -> None:
    told = seen(database)
    assert not told.needs_attention
    assert (told.waiting, told.dead, told.workers, told.units, told.set_aside) == (0, 0, 0, 0, ())
    assert set(told.documents.values()) == {0}


def test_everything_is_counted(database: Database) -> None:
    with database.write() as connection:
        units.replace_all(connection, [a_unit("107"), a_unit("215")])
        first, second, third = (arrive(connection, f"m-{number}") for number in range(3))
        documents.move(connection, first, DocumentState.DELIVERED)
        for each in (second, third):
            documents.move(connection, each, DocumentState.SET_ASIDE)
            set_asides.keep(connection, each, "rules", [a_reason("BR-02")])
        for number in range(4):
            work.enqueue(connection, kind="send", lane=f"lane-{number % 2}", argument={})
        connections.succeeded(connection, "inkorg", Happening.ARRIVED, 3)
    told = seen(database)
    counted = {state.value: number for state, number in told.documents.items() if number}
    assert counted == {"delivered": 1, "set_aside": 2}
    assert [(each.code, each.number) for each in told.set_aside] == [("BR-02", 2)]
    assert (told.waiting, told.dead, told.units) == (4, 0, 2)
    assert told.moved_today == {Happening.ARRIVED: 3}
    assert [each.name for each in told.connections] == ["inkorg"]


def test_only_what_moved_since_then_is_counted(database: Database) -> None:
    with database.write() as connection:
        connections.succeeded(connection, "inkorg", Happening.ARRIVED, 3)
    assert look(database, {}, datetime.now(UTC) + timedelta(hours=2)).moved_today == {}


def test_a_worker_that_was_not_heard_of_for_a_minute_is_not_counted(database: Database) -> None:
    with database.write() as connection:
        for name in ("here", "gone"):
            workers.register_worker(connection, name, ("send",))
        gone = now(connection) - WORKER_SEEN - timedelta(seconds=1)
        connection.execute(update(worker_table).where(worker_table.c.name == "gone").values(seen_at=gone))
    assert seen(database).workers == 1


def set_something_aside(database: Database) -> None:
    with database.write() as connection:
        set_asides.keep(connection, arrive(connection, "m-1"), "rules", [a_reason("BR-02")])


def let_a_connection_fail(database: Database) -> None:
    with database.write() as connection:
        connections.failed(connection, "inkorg", Happening.UNAVAILABLE, Text("nere", "down"))


def let_work_wait_for_nobody(database: Database) -> None:
    with database.write() as connection:
        work.enqueue(connection, kind="send", lane="a", argument={})


def strand_work(database: Database) -> None:
    let_work_wait_for_nobody(database)
    with database.write() as connection:
        workers.register_worker(connection, "here", ("send",))
        lanes.hold_lane(connection, "a", because="paused")


def test_work_that_was_given_up_is_history(database: Database) -> None:
    let_work_wait_for_nobody(database)
    with database.write() as connection:
        connection.execute(update(work_table).values(state=work.WorkState.DEAD.value))
    told = seen(database)
    assert told.dead == 1
    assert not told.needs_attention


@pytest.mark.parametrize(
    "happens",
    [set_something_aside, let_a_connection_fail, let_work_wait_for_nobody, strand_work],
    ids=lambda each: each.__name__,
)
def test_what_somebody_should_look_at_needs_attention(database: Database, happens: object) -> None:
    assert callable(happens)
    happens(database)
    assert seen(database).needs_attention


def test_work_that_waits_for_a_worker_that_is_there_needs_no_attention(database: Database) -> None:
    let_work_wait_for_nobody(database)
    with database.write() as connection:
        workers.register_worker(connection, "here", ("send",))
    assert not seen(database).needs_attention


def test_a_kind_that_no_worker_seen_knows_is_named(database: Database) -> None:
    let_work_wait_for_nobody(database)
    with database.write() as connection:
        workers.register_worker(connection, "old", ("fetch",))
    told = seen(database)
    assert told.standstill == Standstill(unknown_kinds=("send",))
    assert told.needs_attention
    with database.write() as connection:
        workers.register_worker(connection, "new", ("fetch", "send"))
    assert seen(database).standstill == Standstill()


def test_a_held_lane_without_a_connection_is_named_while_work_waits_in_it(database: Database) -> None:
    with database.write() as connection:
        workers.register_worker(connection, "here", ("send",))
        for name in ("a", "inkorg", "empty"):
            lanes.hold_lane(connection, name, because="paused")
    assert seen(database).standstill == Standstill()
    with database.write() as connection:
        for name in ("a", "inkorg", "open"):
            work.enqueue(connection, kind="send", lane=name, argument={})
    assert seen(database).standstill == Standstill(lanes=("a",))
    with database.write() as connection:
        lanes.release_lane(connection, "a")
    assert seen(database).standstill == Standstill()


def test_work_that_waits_is_counted_as_unattended_until_a_worker_is_seen(database: Database) -> None:
    let_work_wait_for_nobody(database)
    let_work_wait_for_nobody(database)
    assert seen(database).standstill == Standstill(unattended=2)
    with database.write() as connection:
        workers.register_worker(connection, "here", ("send",))
    assert seen(database).standstill == Standstill()
