"""Leases on work: claimed one claimer at a time, prolonged by heartbeats, ended exactly once.

A claim carries a lease and a fencing token that only grows. Whoever comes with an old token changes nothing, so
a worker that froze, lost its lease and woke again cannot undo what its successor did.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    update,
)

from hub.store import claiming, signals, taking
from hub.store.claiming import Gate
from hub.store.database import now
from hub.store.lanes import Bucket
from hub.store.tables import Moment, attempts, lanes, work
from hub.store.taking import Taker
from hub.store.work import TO_WAIT, UNDER_WAY, Failure, WorkState, promote

STANDS_STILL = "5s"
"""How long who has the claimers' turn may say nothing before PostgreSQL ends its session: all others wait meanwhile."""

_CLAIM_LOCK = 7_204_061
_LOST = "lost"

Held = tuple[int, int]
"""A work's id and the token under which the caller holds it."""


class Superseded(Exception):
    """The token is old: the lease was lost and the work is somebody else's now, or has ended. Nothing was changed."""

    def __init__(self, work_id: int, token: int) -> None:
        super().__init__(f"work {work_id}: token {token} is no longer current; nothing was changed")
        self.work_id = work_id
        self.token = token


@dataclass(frozen=True, slots=True)
class Claimed:
    """Work that is the caller's until `lease_until`. `losses` counts earlier attempts whose worker vanished."""

    id: int
    kind: str
    lane: str
    argument: Mapping[str, Any]
    key: str | None
    priority: int
    attempt: int
    token: int
    due_at: datetime
    lease_until: datetime
    cancel_asked: bool
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim brought, and when something more falls due (None: nothing that is known of).

    `superseded` is what the caller said it had finished, though it was no longer the caller's.
    """

    taken: tuple[Claimed, ...]
    at: datetime
    next_due: datetime | None
    superseded: frozenset[Held] = frozenset()


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat learned: work that is still the caller's, and which of it was asked to stop."""

    current: frozenset[tuple[int, int]]
    cancel_asked: frozenset[tuple[int, int]]


def claim(
    connection: Connection,
    *,
    worker: str,
    kinds: Collection[str],
    limit: int,
    lease: timedelta,
    finished: Collection[Held] = (),
    rooms: Mapping[str, int] = MappingProxyType({}),
    into: WorkState = WorkState.RUNNING,
) -> Claim:
    """Take up to `limit` pieces of work that may run now, in a write transaction of its own.

    One claimer at a time, so no lane ever carries out more than its concurrency. Lanes take turns, the least recently
    served first; inside a lane the higher priority, then the earlier due time, then the lower id goes first.
    Before all others goes what was asked to be cancelled while it waited, even from a lane that is held or full:
    it is given out to be ended, never to be carried out.
    What the caller has `finished` is marked done first, which saves it a transaction. `rooms` says how many more the
    caller itself has room for in a lane; one that is not named has no limit but its own. With `into` DISPATCHED the
    work is taken for another machine, whose worker will `begin` it.
    """
    at = _wait_for_turn(connection)
    done = _complete_all(connection, finished, at)
    queue = claiming.look(connection, kinds, at, limit, rooms)
    starting = claiming.deal([gate.due(at, limit) for gate in queue.gates], limit)
    picked = list(dict.fromkeys([*queue.asked, *starting]))[: max(0, limit)]
    taken = _take(connection, picked, Taker(worker, at, at + lease, into))
    _count(connection, queue.gates, taken, at)
    coming = (when for gate in queue.gates if (when := gate.next(at, picked)) and when > at)
    return Claim(taken, at, min(coming, default=None), frozenset(finished) - done)


def spend(connection: Connection, lane: str) -> timedelta:
    """Take one of what the lane's rate lets begin, for a call within work under way, in a write transaction of its own.

    How long until there is one, when there is none now; nought when it was taken, or the lane has no rate.
    """
    at = _wait_for_turn(connection)
    columns = lanes.c.rate, lanes.c.burst, lanes.c.tokens, lanes.c.tokens_at
    row = connection.execute(select(*columns).where(lanes.c.name == lane, lanes.c.rate.is_not(None))).one_or_none()
    if row is None:
        return timedelta(0)
    bucket = Bucket(*row)
    is_there = bucket.whole(at) > 0
    if is_there or (bucket.since is not None and bucket.since > at):
        spent = {"tokens": bucket.left(at) - is_there, "tokens_at": at}
        connection.execute(update(lanes).where(lanes.c.name == lane).values(spent))
    return timedelta(0) if is_there else bucket.next(at) - at


def _wait_for_turn(connection: Connection) -> datetime:
    """Take the claimers' lock until the transaction ends (on SQLite the write transaction is it), then the clock."""
    if connection.dialect.name == "sqlite":
        return now(connection)
    at: datetime = connection.execute(_TURN, {"still": STANDS_STILL}).one().at
    return at.astimezone(UTC)


def complete_all(connection: Connection, held: Collection[Held]) -> frozenset[Held]:
    """As `complete`, many at once and raising nothing: which of them were done, the rest being superseded."""
    return _complete_all(connection, held, now(connection)) if held else frozenset()


def _complete_all(connection: Connection, held: Collection[Held], at: datetime) -> frozenset[Held]:
    """As `complete`, many at once and raising nothing: which of them were done, the rest being superseded."""
    if not held:
        return frozenset()
    rows = taking.write_off(connection, held, at)
    if orders := {(row.lane, row.order_key) for row in rows if row.order_key is not None}:
        promote(connection, orders)
    return frozenset((row.id, row.token) for row in rows)


def _take(connection: Connection, picked: Sequence[int], taker: Taker) -> tuple[Claimed, ...]:
    if not picked:
        return ()
    place = {id_: number for number, id_ in enumerate(picked)}
    rows = sorted(taking.take(connection, picked, taker), key=lambda row: place[row.id])
    coming = int(taker.into is not WorkState.RUNNING)
    return tuple(_claimed(row, row.attempts + coming, row.losses) for row in rows)


def _claimed(row: Row[Any], attempt: int, losses: int) -> Claimed:
    return Claimed(
        id=row.id,
        kind=row.kind,
        lane=row.lane,
        argument=row.argument,
        key=row.key,
        priority=row.priority,
        attempt=attempt,
        token=row.token,
        due_at=row.due_at,
        lease_until=row.lease_until,
        cancel_asked=row.cancel_asked_at is not None,
        losses=losses,
    )


def _count(connection: Connection, gates: Sequence[Gate], taken: Sequence[Claimed], at: datetime) -> None:
    """Write down what each lane's rate has left, and what its breaker lets through to try."""
    begun: dict[str, list[Claimed]] = {}
    for each in taken:
        begun.setdefault(each.lane, []).extend([] if each.cancel_asked else [each])
    for gate in (gate for gate in gates if gate.bucket or gate.probes):
        values = _spent(gate, begun.get(gate.name, ()), at)
        if values:
            connection.execute(update(lanes).where(lanes.c.name == gate.name).values(values))


def _spent(gate: Gate, begun: Sequence[Claimed], at: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {}
    bucket = gate.bucket
    if bucket and (begun or (bucket.since is not None and bucket.since > at)):
        values |= {"tokens": bucket.left(at) - len(begun), "tokens_at": at}
    if gate.probes and begun:
        values |= {"breaker": claiming.HALF, "probe": begun[0].id, "probe_token": begun[0].token}
    return values


_TURN = select(
    func.pg_advisory_xact_lock(_CLAIM_LOCK),
    func.clock_timestamp().label("at"),
    func.set_config("idle_in_transaction_session_timeout", bindparam("still"), True),
    *(
        func.set_config(name, "off", True)
        for name in ("enable_sort", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
    ),
)
"""What is known of a queue is always out of date: where it was empty a minute ago, PostgreSQL believes that one row
waits, and sorts 50,000 or joins all of them, though the indexes have them in their order."""
_ORDER = work.c.lane, work.c.order_key


# --- when another machine begins it


def begin_all(connection: Connection, given: Collection[Held], worker: str, lease: timedelta) -> tuple[Claimed, ...]:
    """On PostgreSQL: begin work that was claimed into DISPATCHED, under its tokens; in the order given.

    What somebody has begun or taken back is left out. An attempt counts from here: work that was dispatched and never
    begun has cost none.
    """
    if not given:
        return ()
    place = {held: number for number, held in enumerate(given)}
    rows = sorted(taking.begin(connection, given, worker, lease), key=lambda row: place[row.id, row.token])
    return tuple(_claimed(row, row.attempts, row.losses) for row in rows)


# --- while it runs


def heartbeat(connection: Connection, held: Collection[Held], lease: timedelta) -> Beat:
    """Prolong the leases whose tokens are current; what is missing from the answer is no longer the caller's.

    Work whose row another transaction of the caller is just ending is left alone and still told as current.
    """
    if not held:
        return Beat(frozenset(), frozenset())
    mine = tuple_(work.c.id, work.c.token).in_(list(held)) & (work.c.state == WorkState.RUNNING)
    rows = connection.execute(select(work.c.id, work.c.token, work.c.cancel_asked_at).where(mine)).all()
    free = select(work.c.id).where(mine).with_for_update(skip_locked=True)
    ids = connection.scalars(free).all()
    until = now(connection) + lease
    connection.execute(update(work).where(work.c.id.in_(ids)).values(lease_until=until))
    asked = (row for row in rows if row.cancel_asked_at is not None)
    return Beat(frozenset((row.id, row.token) for row in rows), frozenset((row.id, row.token) for row in asked))


def tell_progress(connection: Connection, work_id: int, token: int, done: int, total: int) -> bool:
    """Keep how far the work has come; whether it was kept.

    It is not, and nobody waits, with an old token or while another transaction holds the work's row.
    """
    mine = select(work.c.id).where(work.c.id == work_id, work.c.token == token, work.c.state == WorkState.RUNNING)
    if connection.execute(mine.with_for_update(skip_locked=True)).first() is None:
        return False
    told = update(work).where(work.c.id == work_id).values(progress={"done": done, "total": total})
    connection.execute(told)
    return True


def attempts_that_ended(connection: Connection, work_id: int, outcome: str) -> int:
    """How many attempts at the work have ended so."""
    counted = select(func.count()).where(attempts.c.work_id == work_id, attempts.c.outcome == outcome)
    return connection.execute(counted).scalar_one()


def begun_at(connection: Connection, work_id: int, token: int) -> datetime:
    """When the attempt under that token was begun. Raises NoResultFound when there was none."""
    begun = select(attempts.c.started_at).where(attempts.c.work_id == work_id, attempts.c.token == token)
    at: datetime = connection.execute(begun).scalar_one()
    return at


def hold(connection: Connection, work_id: int, token: int) -> None:
    """See that the work is the caller's, and let nobody take it back before the caller's transaction ends.

    Raises Superseded when the token is old.
    """
    mine = select(work.c.id).where(work.c.id == work_id, work.c.token == token, work.c.state == WorkState.RUNNING)
    if connection.execute(mine.with_for_update()).first() is None:
        raise Superseded(work_id, token)


# --- how it ends. Each raises Superseded, and changes nothing, when the token is old.


def complete(connection: Connection, work_id: int, token: int) -> None:
    """It is done. In the transaction that keeps the effect, both are kept or neither."""
    _end(connection, (work_id, token), WorkState.DONE, "done", None)


def retry_later(
    connection: Connection, work_id: int, token: int, *, due_at: datetime, failure: Failure, outcome: str = "failed"
) -> None:
    """It failed and goes back to wait until `due_at`, or to be ended at once when it was asked to stop.

    It holds no slot meanwhile.
    """
    due = func.coalesce(work.c.cancel_asked_at, literal(due_at, Moment()))
    _leave(connection, (work_id, token), outcome, failure, **TO_WAIT, due_at=due)
    signals.ring(connection)


def hand_back(connection: Connection, work_id: int, token: int) -> None:
    """The worker stops before the work is done: it waits for another, at once."""
    _leave(connection, (work_id, token), "handed_back", None, **TO_WAIT)
    signals.ring(connection)


def bury(connection: Connection, work_id: int, token: int, *, failure: Failure) -> None:
    """It is given up: dead, with its reason."""
    _end(connection, (work_id, token), WorkState.DEAD, "buried", failure)


def end_cancelled(connection: Connection, work_id: int, token: int) -> None:
    """Its worker has stopped as it was asked to."""
    _end(connection, (work_id, token), WorkState.CANCELLED, "cancelled", None)


def _end(connection: Connection, held: Held, state: WorkState, outcome: str, failure: Failure | None) -> None:
    _leave(connection, held, outcome, failure, state=state, worker=None, lease_until=None, ended_at=now(connection))


def _leave(connection: Connection, held: Held, outcome: str, failure: Failure | None, **values: Any) -> None:
    work_id, token = held
    mine = update(work).where(work.c.id == work_id, work.c.token == token, work.c.state == WorkState.RUNNING)
    told = {"failure": failure} if failure is not None else {}
    row = connection.execute(mine.values(**told, **values).returning(*_ORDER)).first()
    if row is None:
        raise Superseded(work_id, token)
    this = update(attempts).where(attempts.c.work_id == work_id, attempts.c.token == token)
    connection.execute(this.values(ended_at=now(connection), outcome=outcome, **told))
    if row.order_key is not None and "ended_at" in values:
        promote(connection, [(row.lane, row.order_key)])


# --- when its worker is gone


def reclaim_expired(connection: Connection, limit: int = 1000, spare: Collection[Held] = ()) -> tuple[int, ...]:
    """Put work whose lease has run out back to wait, whatever its kind; each attempt begun is recorded as lost.

    What is to be spared is left alone: a caller names what it holds itself, and knows to be alive.
    """
    at = now(connection)
    expired = select(work.c.id).where(work.c.state.in_(UNDER_WAY), work.c.lease_until < at).limit(limit)
    if spare:
        expired = expired.where(tuple_(work.c.id, work.c.token).not_in(list(spare)))
    ids = connection.scalars(expired.with_for_update(skip_locked=True)).all()
    if not ids:
        return ()
    connection.execute(update(work).where(work.c.id.in_(ids)).values(TO_WAIT))
    lost = update(attempts).where(attempts.c.work_id.in_(ids), attempts.c.ended_at.is_(None))
    connection.execute(lost.values(ended_at=at, outcome=_LOST))
    signals.ring(connection)
    return tuple(ids)
