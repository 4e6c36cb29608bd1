"""Circuit breakers, one per lane, kept in the database and so shared by all processes.

    closed ──half of the calls failed──▶ open ──its time is over──▶ half: one probe over all processes
       ▲                                   ▲                          │
       └──────────── it succeeded ─────────┴──────── it failed ───────┘ twice as long

While a breaker is open the lane's work just waits: no attempt is begun, and no retry is counted. Who asks the claim for
the probe is `hub.store.claiming`; a probe whose worker dies, or that ends without a word, is followed by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, select, update

from hub.store import signals
from hub.store.database import now
from hub.store.dialects import insert
from hub.store.tables import lanes, outcomes

SLOT = timedelta(seconds=10)
WINDOW = 6
"""Slots that are counted together: 60 s. This and the five below are our own choice, 2026-11."""
LEAST = 10
"""Calls in the window below which nothing is concluded from them."""
SHARE = 0.5
"""The share of failures that opens it."""
LEAST_ALL = 4
"""So many calls open it when each of them failed: who hangs until the time limit is never asked ten times a minute."""
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)

_PLACES = WINDOW + 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BreakerState(StrEnum):
    """Closed lets all through, open nothing, half one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class Breaker:
    """A lane's breaker as it stands. `trips` counts how often it opened since it was last closed; `succeeded` and
    `failed` are the calls of the last minute.
    """

    lane: str
    state: BreakerState = BreakerState.CLOSED
    opened_at: datetime | None = None
    open_until: datetime | None = None
    trips: int = 0
    succeeded: int = 0
    failed: int = 0

    @property
    def calls(self) -> int:
        """How many calls the last minute saw."""
        return self.succeeded + self.failed


def note(connection: Connection, lane: str, succeeded: bool) -> None:
    """A call on the lane was answered, or could not be had. Only what says that the other side is weak is a failure."""
    at = now(connection)
    state = _count(connection, lane, succeeded, at)
    if succeeded and state is BreakerState.HALF:
        _close(connection, lane)
    if not succeeded and _is_to_open(connection, lane, state, at):
        _open(connection, lane, at)


def _is_to_open(connection: Connection, lane: str, state: BreakerState, at: datetime) -> bool:
    if state is BreakerState.CLOSED:
        return _is_weak(*_window(connection, lane, at))
    return state is BreakerState.HALF


def close(connection: Connection, lane: str) -> bool:
    """A person closes it; whether it was not closed already."""
    return _close(connection, lane)


def standing(connection: Connection) -> dict[str, Breaker]:
    """Every lane's breaker, by lane."""
    counted = select(outcomes.c.lane, *_sums()).where(_is_recent(now(connection))).group_by(outcomes.c.lane)
    numbers = {row.lane: (row.succeeded, row.failed) for row in connection.execute(counted)}
    return {row.name: _breaker(row, *numbers.get(row.name, (0, 0))) for row in connection.execute(select(lanes))}


def of(connection: Connection, lane: str) -> Breaker:
    """The breaker of one lane; closed, of a lane that has not been used."""
    row = connection.execute(select(lanes).where(lanes.c.name == lane)).one_or_none()
    return Breaker(lane) if row is None else _breaker(row, *_window(connection, lane, now(connection)))


def rest(trips: int) -> timedelta:
    """How long it stays open the so-manieth time in a row (the first is 1)."""
    return min(LONGEST_REST, FIRST_REST * float(2 ** min(trips - 1, 10)))


def _count(connection: Connection, lane: str, succeeded: bool, at: datetime) -> BreakerState:
    """Count it in this slot, whose row is used again when its time has passed; the breaker's state in the same go."""
    slot = _slot(at)
    row = {"lane": lane, "place": (slot - _EPOCH) // SLOT % _PLACES, "slot": slot}
    counted = insert(connection, outcomes).values(row | {"succeeded": int(succeeded), "failed": int(not succeeded)})
    fresh = counted.excluded
    same = outcomes.c.slot == fresh.slot
    added = {name: fresh[name] + case((same, outcomes.c[name]), else_=0) for name in ("succeeded", "failed")}
    counted = counted.on_conflict_do_update(index_elements=["lane", "place"], set_={"slot": fresh.slot, **added})
    standing = select(lanes.c.breaker).where(lanes.c.name == lane).scalar_subquery()
    state = connection.execute(counted.returning(standing)).scalar_one()
    return BreakerState(state or BreakerState.CLOSED)


def _window(connection: Connection, lane: str, at: datetime) -> tuple[int, int]:
    row = connection.execute(select(*_sums()).where(outcomes.c.lane == lane, _is_recent(at))).one()
    return int(row.succeeded or 0), int(row.failed or 0)


def _is_recent(at: datetime) -> ColumnElement[bool]:
    """Within the window, and not counted by a clock that was ahead."""
    return outcomes.c.slot.between(_slot(at) - (WINDOW - 1) * SLOT, _slot(at))


def _sums() -> tuple[Any, Any]:
    return func.sum(outcomes.c.succeeded).label("succeeded"), func.sum(outcomes.c.failed).label("failed")


def _is_weak(succeeded: int, failed: int) -> bool:
    number = succeeded + failed
    return (number >= LEAST and failed >= SHARE * number) or (number >= LEAST_ALL and not succeeded)


def _open(connection: Connection, lane: str, at: datetime) -> None:
    trips = (connection.execute(select(lanes.c.trips).where(lanes.c.name == lane)).scalar_one_or_none() or 0) + 1
    values = {"breaker": BreakerState.OPEN, "opened_at": at, "open_until": at + rest(trips), "trips": trips}
    still = update(lanes).where(lanes.c.name == lane, lanes.c.trips == trips - 1)
    connection.execute(still.values(values | {"probe": None, "probe_token": None}))


def _close(connection: Connection, lane: str) -> bool:
    forgotten = {"opened_at": None, "open_until": None, "trips": 0, "probe": None, "probe_token": None}
    was_open = update(lanes).where(lanes.c.name == lane, lanes.c.breaker != BreakerState.CLOSED)
    closed = connection.execute(was_open.values({"breaker": BreakerState.CLOSED, **forgotten})).rowcount == 1
    if closed:
        connection.execute(delete(outcomes).where(outcomes.c.lane == lane))
        signals.ring(connection)
    return closed


def _slot(at: datetime) -> datetime:
    return _EPOCH + (at - _EPOCH) // SLOT * SLOT


def _breaker(row: Row[Any], succeeded: int, failed: int) -> Breaker:
    state = BreakerState(row.breaker)
    return Breaker(row.name, state, row.opened_at, row.open_until, row.trips, int(succeeded), int(failed))
