"""Lanes: one per connection. How many pieces of work a lane carries at once, and whether it is held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select, update

from hub.store import signals
from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.tables import lanes

DEFAULT_CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as it stands. A held lane starts nothing; what runs in it runs to its end."""

    name: str
    concurrency: int
    held_at: datetime | None
    held_because: str | None
    served_at: datetime | None


def set_lane(connection: Connection, name: str, concurrency: int) -> None:
    """Let the lane carry that many pieces of work at once, counted over all processes; 0 starts nothing."""
    if concurrency < 0:
        raise ValueError(f"lane {name}: concurrency is {concurrency}, it must be 0 or more")
    ensure_lane(connection, name)
    connection.execute(update(lanes).where(lanes.c.name == name).values(concurrency=concurrency))
    signals.ring(connection)


def ensure_lane(connection: Connection, name: str) -> None:
    """Make the lane with the default concurrency when it does not exist; otherwise change nothing."""
    insert_once(connection, lanes, {"name": name, "concurrency": DEFAULT_CONCURRENCY})


def hold_lane(connection: Connection, name: str, because: str) -> bool:
    """Hold the lane: nothing more is started in it. False when it was held already (its first reason stays)."""
    ensure_lane(connection, name)
    hold = update(lanes).where(lanes.c.name == name, lanes.c.held_at.is_(None))
    done = connection.execute(hold.values(held_at=now(connection), held_because=because))
    return done.rowcount == 1


def release_lane(connection: Connection, name: str, because: str | None = None) -> bool:
    """Let the lane go on. With `because`, only when it is held for that reason. False when nothing was held."""
    release = update(lanes).where(lanes.c.name == name, lanes.c.held_at.is_not(None))
    if because is not None:
        release = release.where(lanes.c.held_because == because)
    done = connection.execute(release.values(held_at=None, held_because=None))
    signals.ring(connection)
    return done.rowcount == 1


def all_lanes(connection: Connection) -> tuple[Lane, ...]:
    """Every lane, by name."""
    return tuple(_lane(row) for row in connection.execute(select(lanes).order_by(lanes.c.name)))


def _lane(row: Row[tuple[object, ...]]) -> Lane:
    return Lane(row.name, row.concurrency, row.held_at, row.held_because, row.served_at)
