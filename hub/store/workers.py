"""Workers: the processes that carry work out, where they are, and when each was last seen."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, delete, select, update

from hub import __version__
from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import workers

LIVING = timedelta(seconds=10)
"""A worker tells every other second that it lives; one that has been silent for so long gets no new work."""


class Executor(StrEnum):
    """How a worker comes by its work.

    local          it claims what it has places for itself
    procrastinate  it is handed what the leading scheduler dispatched
    """

    LOCAL = "local"
    PROCRASTINATE = "procrastinate"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process as it told of itself: the kinds of work it knows, since when, and when it was last seen.

    `places` is how much it carries out at once, `judges` how much of that it can judge.
    """

    name: str
    started_at: datetime
    seen_at: datetime
    kinds: tuple[str, ...]
    host: str = ""
    places: int = 0
    judges: int = 0
    version: str = ""
    executor: Executor = Executor.LOCAL


def own_name() -> str:
    """A name for a worker of this process: its host, its process id, and something that no other has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


def register_worker(
    connection: Connection,
    name: str,
    kinds: Iterable[str],
    *,
    places: int = 0,
    judges: int = 0,
    executor: Executor = Executor.LOCAL,
) -> None:
    """Tell that a worker has started on this host; one that registers again under its name starts anew."""
    at = now(connection)
    row = {
        "name": name,
        "started_at": at,
        "seen_at": at,
        "kinds": sorted(kinds),
        "host": socket.gethostname(),
        "places": places,
        "judges": judges,
        "version": __version__,
        "executor": executor,
    }
    upsert(connection, workers, row, ("name",))


def worker_seen(connection: Connection, name: str) -> None:
    """Tell that the worker is alive."""
    connection.execute(update(workers).where(workers.c.name == name).values(seen_at=now(connection)))


def worker_closes(connection: Connection, name: str) -> None:
    """Tell that the worker takes no more work, though it may have some left to end."""
    connection.execute(update(workers).where(workers.c.name == name).values(places=0))


def worker_left(connection: Connection, name: str) -> None:
    """Tell that the worker has ended in good order."""
    connection.execute(delete(workers).where(workers.c.name == name))


def all_workers(connection: Connection) -> tuple[Worker, ...]:
    """Every worker that has not left, by name; one that died stays with the time it was last seen."""
    return tuple(_worker(row) for row in connection.execute(select(workers).order_by(workers.c.name)))


def living_workers(connection: Connection, executor: Executor | None = None) -> tuple[Worker, ...]:
    """The workers that told within `LIVING` that they live, by name; of that executor only, when one is named.

    One that was last seen at a time that is still to come died before the clock was put right.
    """
    at = now(connection)
    alive = select(workers).where(workers.c.seen_at.between(at - LIVING, at + LIVING)).order_by(workers.c.name)
    if executor is not None:
        alive = alive.where(workers.c.executor == executor)
    return tuple(_worker(row) for row in connection.execute(alive))


def forget_workers(connection: Connection, before: datetime) -> int:
    """Forget workers not seen since `before`; how many."""
    return connection.execute(delete(workers).where(workers.c.seen_at < before)).rowcount


def _worker(row: Row[tuple[object, ...]]) -> Worker:
    kinds, executor = tuple(row.kinds), Executor(row.executor)
    return Worker(row.name, row.started_at, row.seen_at, kinds, row.host, row.places, row.judges, row.version, executor)
