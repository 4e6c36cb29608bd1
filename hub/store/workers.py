"""Workers: the processes that carry work out, and when each was last seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, select, update

from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import workers


@dataclass(frozen=True, slots=True)
class Worker:
    """A process as it told of itself: the kinds of work it knows, since when, and when it was last seen."""

    name: str
    started_at: datetime
    seen_at: datetime
    kinds: tuple[str, ...]


def register_worker(connection: Connection, name: str, kinds: Iterable[str]) -> None:
    """Tell that a worker has started; one that registers again under its name starts anew."""
    at = now(connection)
    row = {"name": name, "started_at": at, "seen_at": at, "kinds": sorted(kinds)}
    upsert(connection, workers, row, ("name",))


def worker_seen(connection: Connection, name: str) -> None:
    """Tell that the worker is alive."""
    connection.execute(update(workers).where(workers.c.name == name).values(seen_at=now(connection)))


def worker_left(connection: Connection, name: str) -> None:
    """Tell that the worker has ended in good order."""
    connection.execute(delete(workers).where(workers.c.name == name))


def all_workers(connection: Connection) -> tuple[Worker, ...]:
    """Every worker that has not left, by name; one that died stays with the time it was last seen."""
    return tuple(_worker(row) for row in connection.execute(select(workers).order_by(workers.c.name)))


def forget_workers(connection: Connection, before: datetime) -> int:
    """Forget workers not seen since `before`; how many."""
    return connection.execute(delete(workers).where(workers.c.seen_at < before)).rowcount


def _worker(row: Row[tuple[object, ...]]) -> Worker:
    return Worker(row.name, row.started_at, row.seen_at, tuple(row.kinds))
