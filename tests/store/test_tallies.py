"""The tallies say what counting says, after any history and with any number of writers."""

from __future__ import annotations

import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text

from hub.domain.documents import DocumentState
from hub.store import documents, tables, tallies
from hub.store.database import Database, open_database
from tests.store.rows import arrive

MOVES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["arrive", "gone", "compact", *DocumentState])))


def counted(database: Database) -> dict[str, int]:
    """How many documents stand in each state, counted one by one."""
    column = tables.documents.c.state
    with database.read() as connection:
        rows = connection.execute(select(column, func.count()).group_by(column)).all()
    return {row[0]: row[1] for row in rows}


def told(database: Database) -> dict[str, int]:
    """The same by the tallies."""
    with database.read() as connection:
        return {state.value: number for state, number in documents.counts(connection, "invoices").items() if number}


def take(database: Database, number: int, step: str) -> None:
    """One thing that may happen to a document."""
    with database.write() as connection:
        if step == "compact":
            tallies.compact(connection, 1 + number)
        elif step == "arrive":
            arrive(connection, f"m-{number}")
        elif found := documents.find(connection, "inkorg", f"m-{number}"):
            if step == "gone":
                connection.execute(delete(tables.documents).where(tables.documents.c.id == found.id))
            else:
                documents.move(connection, found.id, DocumentState(step))


def clear(database: Database) -> None:
    """Take everything away, by the same triggers."""
    with database.write() as connection:
        connection.execute(delete(tables.documents))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=MOVES)
def test_after_any_history_the_tallies_say_what_counting_says(
    database: Database, history: list[tuple[int, str]]
) -> None:
    clear(database)
    for number, step in history:
        take(database, number, step)
    assert told(database) == counted(database)
    with database.write() as connection:
        assert tallies.mend(connection) == {}


def test_writers_at_the_same_time_and_a_compactor_lose_no_count(database_url: str) -> None:
    opened = open_database(database_url)

    def write(mine: int) -> None:
        for number in range(12):
            take(opened, mine * 100 + number, "arrive")
            take(opened, mine * 100 + number, ("delivered", "set_aside", "gone", "routed")[number % 4])
            take(opened, 4, "compact")

    threads = [threading.Thread(target=write, args=(mine,)) for mine in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    said, real = told(opened), counted(opened)
    opened.close()
    assert said == real == {"delivered": 12, "set_aside": 12, "routed": 12}


def test_compacting_leaves_a_row_for_each_state(sqlite_database: Database) -> None:
    for number in range(20):
        take(sqlite_database, number, "arrive")
        take(sqlite_database, number, "delivered")
    with sqlite_database.write() as connection:
        assert tallies.compact(connection) == 60
        left = connection.execute(select(tables.tallies.c.state, tables.tallies.c.number)).all()
    assert [tuple(each) for each in left] == [("delivered", 20)]


def test_counts_lost_with_the_triggers_are_found_and_mended(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        connection.execute(text("DROP TRIGGER tally_moved"))
    for number in range(3):
        take(sqlite_database, number, "arrive")
        take(sqlite_database, number, "delivered")
    with sqlite_database.write() as connection:
        assert tallies.mend(connection) == {("invoices", "arrived"): -3, ("invoices", "delivered"): 3}
        assert tallies.mend(connection) == {}
    assert told(sqlite_database) == counted(sqlite_database)
