"""Lanes: one per connection. How much work a lane carries at once, how much it begins in a time, whether it is held."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    rate: float | None = None
    burst: int | None = None


_NEARLY = 1e-6
"""What is lost of a token when its time is kept in whole microseconds; so much less still counts as one."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of a lane with a rate, as they were `since` then: `rate` come each second, never more than `burst`.

    One that was never used, with None for its tokens, is full.
    """

    rate: float
    burst: int
    tokens: float | None = None
    since: datetime | None = None

    def left(self, at: datetime) -> float:
        """How many there are at that time. A clock that was put back brings none and takes none."""
        if self.tokens is None or self.since is None:
            return self.burst
        return min(self.burst, self.tokens + self.rate * max(0.0, (at - self.since).total_seconds()))

    def whole(self, at: datetime) -> int:
        """How many may begin at that time."""
        return int(self.left(at) + _NEARLY)

    def next(self, at: datetime, given: int = 0) -> datetime:
        """When one more may begin, after so many have."""
        missing = given + 1 - self.left(at)
        if missing <= _NEARLY:
            return at
        return at + timedelta(microseconds=math.ceil(missing / self.rate * 1_000_000))


def set_lane(
    connection: Connection, name: str, concurrency: int, rate: float | None = None, burst: int | None = None
) -> None:
    """Let the lane carry that many pieces of work at once, counted over all processes; 0 starts nothing.

    With a `rate` it begins no more than so many in a second, and after a rest `burst` at once: in any time of T seconds
    at most burst + rate x T. Saying the same again changes nothing of what is left.
    """
    if concurrency < 0:
        raise ValueError(f"lane {name}: concurrency is {concurrency}, it must be 0 or more")
    if rate is not None and rate <= 0:
        raise ValueError(f"lane {name}: the rate is {rate} in a second, it must be more than 0")
    ensure_lane(connection, name)
    whole = None if rate is None else max(1, int(rate if burst is None else burst))
    values = {"concurrency": concurrency, "rate": rate, "burst": whole}
    connection.execute(update(lanes).where(lanes.c.name == name).values(values))
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
    values = {"held_at": None, "held_because": None, "released_at": now(connection)}
    done = connection.execute(release.values(values))
    signals.ring(connection)
    return done.rowcount == 1


def released_since(connection: Connection, name: str, moment: datetime) -> bool:
    """Whether somebody has let the lane go on at that time or later."""
    released = select(lanes.c.released_at).where(lanes.c.name == name)
    at: datetime | None = connection.scalar(released)
    return at is not None and at >= moment


def has_rate(connection: Connection, name: str) -> bool:
    """Whether the lane begins no more than so much in a time."""
    return connection.scalar(select(lanes.c.rate).where(lanes.c.name == name)) is not None


def all_lanes(connection: Connection) -> tuple[Lane, ...]:
    """Every lane, by name."""
    return tuple(_lane(row) for row in connection.execute(select(lanes).order_by(lanes.c.name)))


def _lane(row: Row[tuple[object, ...]]) -> Lane:
    return Lane(row.name, row.concurrency, row.held_at, row.held_because, row.served_at, row.rate, row.burst)
