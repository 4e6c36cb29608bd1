"""Dispatched work: what is on its way to a worker of some machine, and how the living workers are laden."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, select, tuple_, update

from hub.store import signals
from hub.store.leases import Held
from hub.store.tables import lanes, work
from hub.store.work import TO_WAIT, UNDER_WAY, WorkState


@dataclass(frozen=True, slots=True)
class Load:
    """So much work of a kind and lane: running at that worker, or dispatched and not begun anywhere yet (None)."""

    worker: str | None
    kind: str
    lane: str
    number: int


def loads(connection: Connection) -> tuple[Load, ...]:
    """All work that is under way, counted."""
    return tuple(
        Load(row.worker if row.state == WorkState.RUNNING else None, row.kind, row.lane, row.number)
        for row in connection.execute(_LOADS)
    )


def current(connection: Connection) -> frozenset[Held]:
    """What is dispatched and waits to be begun, with the tokens that are current."""
    waiting = select(work.c.id, work.c.token).where(work.c.state == WorkState.DISPATCHED)
    return frozenset((row.id, row.token) for row in connection.execute(waiting))


def take_back(connection: Connection, kinds: Collection[str]) -> int:
    """Let dispatched work of those kinds wait again, because nobody is left to begin it; how much it was."""
    these = update(work).where(work.c.state == WorkState.DISPATCHED, work.c.kind.in_(kinds))
    number = connection.execute(these.values(TO_WAIT)).rowcount
    signals.ring(connection)
    return number


def give_back(connection: Connection, given: Collection[Held]) -> None:
    """Let what was handed to the caller, and that it has not begun, wait again: another begins it."""
    if given:
        mine = tuple_(work.c.id, work.c.token).in_(list(given)) & (work.c.state == WorkState.DISPATCHED)
        connection.execute(update(work).where(mine).values(TO_WAIT))
        signals.ring(connection)


def done_since(connection: Connection, moment: datetime) -> int:
    """How much work has been done since that moment."""
    done = select(func.count()).where(work.c.state == WorkState.DONE, work.c.ended_at >= moment)
    return connection.execute(done).scalar_one()


def waiting_kinds(connection: Connection) -> frozenset[str]:
    """The kinds of all work that waits, however much it is: from one kind of a lane the next is looked up."""
    first = select(lanes.c.name.label("lane"), _next_kind(lanes.c.name).label("kind")).cte("kinds", recursive=True)
    another = select(first.c.lane, _next_kind(first.c.lane, first.c.kind)).where(first.c.kind.is_not(None))
    found = first.union_all(another)
    return frozenset(connection.scalars(select(found.c.kind).where(found.c.kind.is_not(None)).distinct()))


def _next_kind(lane: ColumnElement[str], after: ColumnElement[str] | None = None) -> ScalarSelect[str]:
    later = () if after is None else (work.c.kind > after,)
    waits = work.c.state == WorkState.WAITING, work.c.lane == lane, *later
    return select(func.min(work.c.kind)).where(*waits).scalar_subquery()


_LOADS = (
    select(work.c.worker, work.c.kind, work.c.lane, work.c.state, func.count().label("number"))
    .where(work.c.state.in_(UNDER_WAY), work.c.lease_until.is_not(None))
    .group_by(work.c.worker, work.c.kind, work.c.lane, work.c.state)
)
