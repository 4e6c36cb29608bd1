"""Runs: each pass of a route over one source, with what it brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from hub.store.database import now
from hub.store.tables import runs


@dataclass(frozen=True, slots=True)
class Run:
    """One pass. `outcome` is None while it goes on, then succeeded, nothing, unavailable, refused, failed
    or interrupted.
    """

    id: int
    route: str
    connection: str
    cause: str
    by: str | None
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    counts: Mapping[str, int]
    failure: Mapping[str, str] | None


def begin(connection: Connection, route: str, source: str, cause: str, by: str | None = None) -> int:
    """A pass begins; its id. `cause` is schedule, person or message."""
    row: dict[str, Any] = {
        "route": route,
        "connection": source,
        "cause": cause,
        "by": by,
        "started_at": now(connection),
        "counts": {},
    }
    made = connection.execute(runs.insert().values(row).returning(runs.c.id))
    return int(made.scalar_one())


def latest(connection: Connection) -> int:
    """The id of the newest pass, 0 when there was none."""
    newest: int = connection.execute(select(func.coalesce(func.max(runs.c.id), 0))).scalar_one()
    return newest


def forget(connection: Connection, run_id: int) -> None:
    """Leave no trace of a pass."""
    connection.execute(delete(runs).where(runs.c.id == run_id))


def forget_before(connection: Connection, before: datetime, limit: int) -> int:
    """Forget, at most `limit` of them, passes that began before that time; how many it was."""
    old = select(runs.c.id).where(runs.c.started_at < before).order_by(runs.c.id).limit(limit)
    return connection.execute(delete(runs).where(runs.c.id.in_(old.scalar_subquery()))).rowcount


def interrupt(connection: Connection, begun_before: datetime) -> int:
    """End passes that began before that time and never ended: their process died. How many there were."""
    open_ones = update(runs).where(runs.c.ended_at.is_(None), runs.c.started_at < begun_before)
    return connection.execute(open_ones.values(ended_at=now(connection), outcome="interrupted")).rowcount


def progress(connection: Connection, run_id: int, counts: Mapping[str, int]) -> None:
    """How far the pass has come."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(counts=dict(counts)))


def end(
    connection: Connection,
    run_id: int,
    outcome: str,
    counts: Mapping[str, int],
    failure: Mapping[str, str] | None = None,
) -> None:
    """The pass is over."""
    values = {"ended_at": now(connection), "outcome": outcome, "counts": dict(counts), "failure": failure}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))


def page(
    connection: Connection,
    *,
    route: str | None = None,
    source: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs, newest first, from below the id `before`."""
    wanted = select(runs)
    if route is not None:
        wanted = wanted.where(runs.c.route == route)
    if source is not None:
        wanted = wanted.where(runs.c.connection == source)
    if before is not None:
        wanted = wanted.where(runs.c.id < before)
    return [Run(**row._asdict()) for row in connection.execute(wanted.order_by(runs.c.id.desc()).limit(limit))]
