"""What is old is forgotten, what is new stays, and documents are not touched."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from hub.domain.texts import Text
from hub.jobs import tidying
from hub.jobs.kinds import Job
from hub.store import connections, runs, tables
from hub.store import work as kept_work
from hub.store.connections import Happening
from hub.store.database import Database, now

JOB = Job(id=0, kind="tidy", lane="house", argument={})
NUMBER = 1_200


def count(database: Database, table: str) -> int:
    """How many rows a table holds."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one()


def fill(database: Database) -> None:
    """Work that is done, passes that ended and events that happened, all of them now."""
    with database.write() as connection:
        for _ in range(NUMBER):
            kept_work.enqueue(connection, kind="k", lane="l", argument={})
        connection.execute(update(tables.work).values(state="done", ended_at=now(connection)))
        runs.end(connection, runs.begin(connection, "r", "c", "schedule"), "succeeded", {})
        connections.failed(connection, "c", Happening.UNAVAILABLE, Text("nere", "down"))


def test_what_is_new_stays(database: Database) -> None:
    fill(database)
    tidying.perform(database, JOB)
    assert (count(database, "work"), count(database, "runs"), count(database, "connection_events")) == (NUMBER, 1, 1)


def test_what_is_old_is_forgotten_however_much_it_is(database: Database) -> None:
    fill(database)
    with database.write() as connection:
        long_ago = now(connection) - timedelta(days=1_000)
        connection.execute(update(tables.work).values(ended_at=long_ago))
        connection.execute(update(tables.runs).values(started_at=long_ago))
        connection.execute(update(tables.connection_events).values(at=long_ago))
    tidying.perform(database, JOB)
    assert (count(database, "work"), count(database, "runs"), count(database, "connection_events")) == (0, 0, 0)
    assert count(database, "connection_hours") == 1


def test_a_pass_whose_process_died_is_told_as_interrupted(database: Database) -> None:
    with database.write() as connection:
        run = runs.begin(connection, "r", "c", "schedule")
        connection.execute(update(tables.runs).values(started_at=now(connection) - timedelta(hours=2)))
    tidying.perform(database, JOB)
    with database.read() as connection:
        (told,) = runs.page(connection)
    assert (told.id, told.outcome) == (run, "interrupted")
