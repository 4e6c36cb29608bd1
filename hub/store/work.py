"""Durable work: enqueued in the caller's transaction, shown, counted, cancelled, forgotten.

One row per piece of work, one row per attempt. Carrying it out goes by leases: `hub.store.leases`.

    behind ─promote→ waiting ─claim→ (dispatched ─begin→) running ─complete→ done
                        ↑                                    ├─ retry_later, hand_back, reclaim_expired → waiting
                        │                                    ├─ bury → dead
                        └─ cancel ───────────────────────────┴─ end_cancelled → cancelled
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Exists, Row, Select, Update, bindparam, delete, exists, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.store import signals
from hub.store.database import now
from hub.store.lanes import ensure_lane
from hub.store.tables import Moment, attempts, work

Failure: TypeAlias = Mapping[str, Any]

_ORDER_LENGTH = 200
_ORDER_LOCKS = 7_204_062


class WorkState(StrEnum):
    """Where a piece of work stands. `done`, `dead` and `cancelled` are final.

    behind      waits for an earlier piece of the same lane and order key to end
    waiting     may run when its time has come, its lane is free and not held
    dispatched  handed to another machine's executor, not yet begun
    running     some worker holds its lease
    done        ended well
    dead        given up; its failure says why
    cancelled   a person stopped it
    """

    BEHIND = "behind"
    WAITING = "waiting"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


UNDER_WAY = (WorkState.DISPATCHED, WorkState.RUNNING)
WAIT = (WorkState.BEHIND, WorkState.WAITING)
UNENDED = (*WAIT, *UNDER_WAY)
ENDED = (WorkState.DONE, WorkState.DEAD, WorkState.CANCELLED)
TO_WAIT: dict[str, Any] = {"state": WorkState.WAITING, "worker": None, "lease_until": work.c.cancel_asked_at}
"""What work gets that goes back to wait. What was asked to be cancelled is found by its time in `lease_until`."""


class CancelResult(StrEnum):
    """What came of asking to cancel: asked of the worker that runs it or will end it, or too late."""

    ASKED = "asked"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: who made it, when, and what came of it (None while it runs)."""

    number: int
    token: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work as it stands, for lists and pages."""

    id: int
    kind: str
    lane: str
    argument: Mapping[str, Any]
    key: str | None
    state: WorkState
    priority: int
    due_at: datetime
    enqueued_at: datetime
    attempts: int
    token: int
    lease_until: datetime | None
    worker: str | None
    cancel_asked_at: datetime | None
    ended_at: datetime | None
    failure: Failure | None
    progress: Mapping[str, int] | None
    order_key: str | None


def enqueue(
    connection: Connection,
    *,
    kind: str,
    lane: str,
    argument: Mapping[str, Any],
    key: str | None = None,
    priority: int = 0,
    due_at: datetime | None = None,
    order: str | None = None,
) -> int | None:
    """Put work into the queue with the caller's transaction; its id, or None when equal `key` is there already.

    The higher `priority` goes first. `due_at` None means at once. A lane that is new gets the default concurrency.
    Work with an equal `order` in an equal lane is begun one after another, as it was enqueued: the next when the one
    before it has ended, however it ended. Of an order's 200 first characters is made its key.
    """
    ensure_lane(connection, lane)
    at = now(connection)
    after = None if order is None else order[:_ORDER_LENGTH]
    state = WorkState.BEHIND if after is not None and _is_preceded(connection, lane, after) else WorkState.WAITING
    values = {"kind": kind, "lane": lane, "argument": dict(argument), "key": key, "priority": priority}
    fresh = {"state": state, "enqueued_at": at, "due_at": due_at or at, "attempts": 0, "token": 0, "order_key": after}
    made = connection.execute(_insert_once(connection.dialect.name), values | fresh).first()
    return None if made is None else int(made.id)


def _is_preceded(connection: Connection, lane: str, order: str) -> bool:
    """Whether something of that order has not ended. Nobody else adds to the order, or ends any of it, meanwhile."""
    _lock_order(connection, lane, order)
    same = work.c.order_key == order, work.c.lane == lane
    return connection.execute(select(work.c.id).where(*same, work.c.state.in_(UNENDED)).limit(1)).first() is not None


def promote(connection: Connection, ended: Collection[tuple[str, str]]) -> None:
    """Of these lanes and order keys something has just ended in this transaction: the next of each may run now.

    Not while another of the same order may run; when that one ends, the order goes on.
    """
    for lane, order in sorted(ended):
        _lock_order(connection, lane, order)
        connection.execute(_PROMOTE, {"of_lane": lane, "of_order": order})
    if ended:
        signals.ring(connection)


def promote_stranded(connection: Connection) -> int:
    """Let every order go on of which all waits behind nothing: left so by a release that knew no orders; how many."""
    behind = select(work.c.lane, work.c.order_key).where(work.c.state == WorkState.BEHIND)
    orders = behind.distinct().subquery("orders")  # so that it is looked once for each, however much waits in it
    found = select(orders.c.lane, orders.c.order_key).where(~_preceding(orders.c))
    stranded = [(row.lane, row.order_key) for row in connection.execute(found)]
    promote(connection, stranded)
    return len(stranded)


def _lock_order(connection: Connection, lane: str, order: str) -> None:
    """On SQLite the write transaction is lock enough."""
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(f"{lane}\0{order}".encode()).digest()
        number = int.from_bytes(digest[:4], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(_ORDER_LOCKS, number)))


def _preceding(of: Any) -> Exists:
    other = work.alias("other")
    same = other.c.order_key == of.order_key, other.c.lane == of.lane
    return exists().where(*same, other.c.state.in_((WorkState.WAITING, *UNDER_WAY)))


def _promotion() -> Update:
    other = work.alias("behind")
    same = other.c.order_key == bindparam("of_order"), other.c.lane == bindparam("of_lane")
    first = select(func.min(other.c.id)).where(*same, other.c.state == WorkState.BEHIND).scalar_subquery()
    this = update(work).where(work.c.id == first, work.c.state == WorkState.BEHIND, ~_preceding(work.c))
    return this.values(state=WorkState.WAITING)


_PROMOTE = _promotion()


@cache
def _insert_once(dialect: str) -> Any:
    """The insert of this dialect; PostgreSQL's rings the bell in the same round trip, and only for a new row."""
    if dialect == "sqlite":
        return sqlite.insert(work).on_conflict_do_nothing(index_elements=[work.c.key]).returning(work.c.id)
    once = postgresql.insert(work).on_conflict_do_nothing(index_elements=[work.c.key])
    return once.returning(work.c.id, func.pg_notify(signals.CHANNEL, ""))


def cancel(connection: Connection, work_id: int) -> CancelResult:
    """Ask that work be cancelled: by the worker that runs it or, when it waits, by the next one that knows its kind.

    A worker always ends it, so that whatever it was about is set aside in the same transaction. Waiting work is
    not carried out any more, and is ended even when its lane is held; it stays when no worker knows its kind.
    """
    at = now(connection)
    this = update(work).where(work.c.id == work_id)
    asked_of = {"state": WorkState.WAITING, "cancel_asked_at": at, "lease_until": at, "due_at": at}
    waiting = this.where(work.c.state.in_(WAIT)).values(asked_of)
    if connection.execute(waiting).rowcount:
        signals.ring(connection)
        return CancelResult.ASKED
    first = func.coalesce(work.c.cancel_asked_at, literal(at, Moment()))
    asked = this.where(work.c.state.in_(UNDER_WAY)).values(cancel_asked_at=first)
    return CancelResult.ASKED if connection.execute(asked).rowcount else CancelResult.ENDED


def find(connection: Connection, work_id: int) -> Work | None:
    """The work with that id."""
    row = connection.execute(select(work).where(work.c.id == work_id)).first()
    return None if row is None else of_row(row)


def named(connection: Connection, kinds: Collection[str], name: str) -> set[int]:
    """The documents, deliveries, plans or runs that unended work of those kinds names so in its argument."""
    unended: Any = select(work.c.argument).where(work.c.state.in_(UNENDED), work.c.kind.in_(kinds))
    return {int(argument[name]) for argument in connection.execute(unended).scalars() if name in argument}


def first_of_order(connection: Connection, lane: str, order: str) -> Work | None:
    """What all else of that lane and order key waits behind."""
    same = work.c.order_key == order, work.c.lane == lane, work.c.state.in_(UNENDED)
    row = connection.execute(select(work).where(*same).order_by(work.c.id).limit(1)).first()
    return None if row is None else of_row(row)


def latest_under(connection: Connection, prefix: str) -> Work | None:
    """The work whose key is the last, byte by byte, of those that begin with the prefix."""
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    within = select(work).where(work.c.key >= prefix, work.c.key < after)
    row = connection.execute(within.order_by(work.c.key.desc()).limit(1)).first()
    return None if row is None else of_row(row)


def page(
    connection: Connection,
    *,
    lane: str | None = None,
    kind: str | None = None,
    state: WorkState | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> tuple[Work, ...]:
    """Newest first, at most `limit`; the next page is asked for with the last id as `before_id`."""
    wanted = {work.c.lane: lane, work.c.kind: kind, work.c.state: state}
    found: Select[Any] = select(work).where(*(column == value for column, value in wanted.items() if value))
    if before_id is not None:
        found = found.where(work.c.id < before_id)
    return tuple(of_row(row) for row in connection.execute(found.order_by(work.c.id.desc()).limit(limit)))


def attempts_of(connection: Connection, work_id: int) -> tuple[Attempt, ...]:
    """Every attempt at the work, first to last."""
    found = select(attempts).where(attempts.c.work_id == work_id).order_by(attempts.c.number)
    return tuple(
        Attempt(row.number, row.token, row.worker, row.started_at, row.ended_at, row.outcome, row.failure)
        for row in connection.execute(found)
    )


def counts(
    connection: Connection, states: Collection[WorkState] = (*UNENDED, WorkState.DEAD)
) -> dict[str, dict[WorkState, int]]:
    """How much work stands in each of those states, by lane. Counting what is done reads all of it."""
    found = select(work.c.lane, work.c.state, func.count().label("number")).where(work.c.state.in_(states))
    numbers: dict[str, dict[WorkState, int]] = {}
    for row in connection.execute(found.group_by(work.c.lane, work.c.state)):
        numbers.setdefault(row.lane, {})[WorkState(row.state)] = row.number
    return numbers


def waiting(connection: Connection) -> int:
    """How much work waits."""
    return connection.execute(select(func.count()).where(work.c.state.in_(WAIT))).scalar_one()


def waits_in(connection: Connection, lane: str) -> bool:
    """Whether any work waits in the lane."""
    some = select(work.c.id).where(work.c.lane == lane, work.c.state.in_(WAIT)).limit(1)
    return connection.execute(some).first() is not None


def hurry(connection: Connection, lane: str) -> int:
    """Let the lane's work that waits for another try be tried at once; how many it is."""
    at = now(connection)
    later = work.c.lane == lane, work.c.state == WorkState.WAITING, work.c.attempts > 0, work.c.due_at > at
    done = connection.execute(update(work).where(*later).values(due_at=at))
    signals.ring(connection)
    return done.rowcount


def forget_ended(connection: Connection, before: datetime, limit: int, states: Collection[WorkState] = ENDED) -> int:
    """Forget, attempts and all, at most `limit` pieces of work that ended before that time; how many it was."""
    old = select(work.c.id).where(work.c.state.in_(states), work.c.ended_at < before).limit(limit)
    return connection.execute(delete(work).where(work.c.id.in_(old.scalar_subquery()))).rowcount


def of_row(row: Row[Any]) -> Work:
    """The work that a row of its table holds."""
    values = dict(row._mapping)
    return Work(**(values | {"state": WorkState(row.state)}))
