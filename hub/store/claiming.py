"""Which waiting work may begin now: every lane and what waits first in it, looked at once, and what each lets through.

Nothing here writes. `hub.store.leases` asks while it is the only claimer, so that what is counted stays true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import JSON, Boolean, Connection, Integer, Row, String, TextualSelect, bindparam, column, text

from hub.store.breakers import LONGEST_REST
from hub.store.lanes import Bucket
from hub.store.tables import Moment, lanes

OPEN, HALF = "open", "half"
"""A breaker that lets nothing through, and one that lets a single probe through; what is neither is closed."""

_BOUNDLESS = 1_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A piece of work that waits, in the order in which its lane lets it through."""

    rank: int
    due_at: datetime
    id: int


@dataclass(slots=True)
class Gate:
    """A lane as a claim meets it: how many places it has left, what its rate and its breaker say, what waits first.

    `opens_at` is when its open breaker lets something through again; `probes` says that it lets one through to try.
    """

    name: str
    served_at: datetime | None
    places: int
    bucket: Bucket | None = None
    opens_at: datetime | None = None
    probes: bool = False
    waiting: list[Waiting] = field(default_factory=list)

    def due(self, at: datetime, limit: int) -> list[int]:
        """What it lets through now, at most that many: the higher priority first, then the earlier due time."""
        tokens = limit if self.bucket is None else self.bucket.whole(at)
        room = max(0, min(self.places, tokens, limit))
        due = sorted((each.rank, each.due_at, each.id) for each in self.waiting if each.due_at <= at)
        return [id_ for _, _, id_ in due[:room]]

    def next(self, at: datetime, taken: Collection[int]) -> datetime | None:
        """When it may let something through after these; None when only the end of something can tell."""
        left = [each.due_at for each in self.waiting if each.id not in taken]
        opens = self._opens(at, len(self.waiting) - len(left))
        return max(min(left), opens) if left and opens else None

    def _opens(self, at: datetime, given: int) -> datetime | None:
        if self.opens_at or self.places <= given:
            return self.opens_at
        return at if self.bucket is None else self.bucket.next(at, given)


@dataclass(frozen=True, slots=True)
class Queue:
    """Everything that waits: the open lanes, the least recently served first, and what is only to be ended."""

    gates: Sequence[Gate]
    asked: Sequence[int]


def look(connection: Connection, kinds: Collection[str], at: datetime, limit: int, rooms: Mapping[str, int]) -> Queue:
    """What waits, of those kinds, and where; `rooms` is what the caller itself has room for, by lane."""
    if limit < 1:
        return Queue((), ())
    given = {"kinds": list(kinds), "at": at, "limit": limit}
    gates: dict[str, Gate] = {}
    asked: list[int] = []
    for row in connection.execute(_LOOKS[connection.dialect.name], given):
        if row.priority is None:
            asked += (id_ for id_, _ in row.first)
            continue
        gate = gates.get(row.lane) or gates.setdefault(row.lane, _gate(row, at, rooms.get(row.lane, _BOUNDLESS)))
        gate.waiting += (Waiting(-row.priority, datetime.fromisoformat(due), id_) for id_, due in row.first)
    return Queue(sorted(gates.values(), key=_turn), asked)


def deal(queues: Sequence[Sequence[int]], limit: int) -> list[int]:
    """One from each queue in turn until `limit` are dealt."""
    return list(_in_turn(queues))[: max(0, limit)]


def _in_turn(queues: Sequence[Sequence[int]]) -> Iterator[int]:
    for turn in range(max(map(len, queues), default=0)):
        yield from (queue[turn] for queue in queues if turn < len(queue))


def _turn(gate: Gate) -> tuple[bool, float, str]:
    served = gate.served_at
    return (served is not None, served.timestamp() if served else 0.0, gate.name)


def _gate(row: Row[tuple[object, ...]], at: datetime, own: int) -> Gate:
    gate = Gate(row.lane, row.served_at, min(row.concurrency - row.busy, own))
    if row.rate is not None:
        gate.bucket = Bucket(row.rate, row.burst, row.tokens, row.tokens_at)
    # One that rests for longer than any rest was opened by a clock that has been put right since.
    if row.breaker == OPEN and at < row.open_until <= at + LONGEST_REST:
        gate.places, gate.opens_at = 0, row.open_until
    elif row.breaker in {OPEN, HALF}:
        gate.places, gate.probes = min(gate.places, 0 if row.probing else 1), True
    return gate


_LOOK = """
WITH RECURSIVE levels (lane, kind, priority) AS (
    SELECT work.lane, work.kind, work.priority
    FROM lanes JOIN work ON work.id = (
        SELECT id FROM work WHERE state = 'waiting' AND lane = lanes.name
        ORDER BY kind DESC, priority DESC, due_at DESC, id DESC LIMIT 1)
    WHERE lanes.held_at IS NULL
    UNION ALL
    SELECT work.lane, work.kind, work.priority
    FROM levels JOIN work ON work.id = coalesce((
        SELECT id FROM work WHERE state = 'waiting' AND lane = levels.lane AND kind = levels.kind
        AND priority < levels.priority ORDER BY priority DESC, due_at DESC, id DESC LIMIT 1), (
        SELECT id FROM work WHERE state = 'waiting' AND lane = levels.lane AND kind < levels.kind
        ORDER BY kind DESC, priority DESC, due_at DESC, id DESC LIMIT 1))
)
SELECT levels.lane, levels.priority, lanes.concurrency, lanes.served_at, lanes.rate, lanes.burst, lanes.tokens,
    lanes.tokens_at, lanes.breaker, lanes.open_until, coalesce(busy.number, 0) AS busy,
    EXISTS (SELECT 1 FROM work WHERE id = lanes.probe AND token = lanes.probe_token
        AND state IN ('dispatched', 'running')) AS probing,
    (SELECT {gathered} FROM (
        SELECT id, due_at FROM work WHERE state = 'waiting' AND lane = levels.lane AND kind = levels.kind
        AND priority = levels.priority ORDER BY due_at, id LIMIT :limit) AS firsts) AS first
FROM levels JOIN lanes ON lanes.name = levels.lane
LEFT JOIN (SELECT lane, count(*) AS number FROM work
    WHERE state IN ('dispatched', 'running') AND lease_until IS NOT NULL GROUP BY lane) AS busy
    ON busy.lane = levels.lane
WHERE levels.kind IN :kinds
UNION ALL
SELECT NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, {no}, (SELECT {gathered} FROM (
    SELECT id, due_at FROM work
    WHERE lease_until <= :at AND {state} = 'waiting' AND due_at <= :at AND kind IN :kinds
    LIMIT :limit) AS firsts)
"""
"""Every kind and priority that waits in an open lane is found by leaps through the index, never by reading the queue.
So is what was asked to be cancelled, which alone waits with a time in `lease_until`: the index of those has no other
waiting work in it, and on PostgreSQL `state || ''` sees to it that no other is taken."""


def _look(gathered: str, no: str, state: str) -> TextualSelect:
    said = text(_LOOK.format(gathered=gathered, no=no, state=state))
    said = said.bindparams(bindparam("kinds", expanding=True), bindparam("at", type_=Moment()))
    told = [lanes.c[name] for name in ("concurrency", "served_at", "rate", "burst", "tokens", "tokens_at")]
    counted = (column("busy", Integer), column("probing", Boolean), column("first", JSON))
    return said.columns(column("lane", String), column("priority", Integer), *told, *_BREAKER, *counted)


_BREAKER = lanes.c.breaker, lanes.c.open_until
_LOOKS = {
    "sqlite": _look("json_group_array(json_array(id, due_at))", "0", "state"),
    "postgresql": _look("coalesce(json_agg(json_build_array(id, due_at)), '[]')", "false", "state || ''"),
}
