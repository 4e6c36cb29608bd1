"""What holds of every hub that has come to rest, whatever it carried: nothing is under way, nothing is unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from hub.jobs.names import FETCH
from hub.store import work
from hub.store.database import Database
from hub.store.tables import attempts, lanes, runs
from hub.store.tables import work as work_table
from hub.store.work import ENDED


def check(database: Database) -> list[str]:
    """What is not at rest."""
    with database.read() as connection:
        return [*_unended(connection), *_open_attempts(connection), *_held(connection), *_open_runs(connection)]


def lost(database: Database) -> int:
    """How many attempts were lost with their workers."""
    with database.read() as connection:
        counted = select(func.count()).select_from(attempts).where(attempts.c.outcome == "lost")
        return connection.execute(counted).scalar_one()


def unfinished(database: Database) -> str:
    """What stands, for whoever looks into a standstill."""
    with database.read() as connection:
        waiting = work.counts(connection)
        failures = select(work_table.c.failure).where(work_table.c.ended_at.is_(None), work_table.c.attempts > 0)
        said = Counter(failure["en"] for failure in connection.scalars(failures) if failure)
        return f"work: {waiting}; held: {_held(connection)}; last failures: {said.most_common(3)}"


def _unended(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(work_table).where(work_table.c.state.not_in(ENDED))):
        yield f"work {row.id} ({row.kind} in {row.lane}) has no final state: {row.state}, {row.failure}"


def _open_attempts(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(attempts).where(attempts.c.ended_at.is_(None))):
        yield f"attempt {row.number} at work {row.work_id} never ended"


def _held(connection: Connection) -> list[str]:
    held = select(lanes).where(lanes.c.held_at.is_not(None))
    return [f"lane {row.name} is still held: {row.held_because}" for row in connection.execute(held)]


def _open_runs(connection: Connection) -> Iterator[str]:
    """A pass whose worker died is ended when the house is tidied: there are no more of them than of such workers.

    Nor is one ended whose worker could not write its end, because the database was away; its attempt did not end well.
    """
    begun = connection.scalars(select(runs.c.id).where(runs.c.ended_at.is_(None))).all()
    asking = select(attempts.c.outcome).join(work_table, work_table.c.id == attempts.c.work_id)
    ends = Counter(connection.scalars(asking.where(work_table.c.kind == FETCH)).all())
    if len(begun) > ends.total() - ends["done"]:
        yield f"runs {list(begun)} never ended; attempts at asking a source ended so: {dict(ends)}"
