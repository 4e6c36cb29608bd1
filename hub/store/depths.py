"""How deep the queue is: for each lane what waits, runs and is dead, since when, and what holds it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from hub.store.tables import lanes, work

COUNTED = ("waiting", "behind", "dispatched", "running", "dead")
_NONE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Depth:
    """One lane. `numbers` counts its work by state; `oldest` is since when the first of what waits has waited,
    `next_due` when the next of it may run.
    """

    lane: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    next_due: datetime | None = None
    concurrency: int = 0
    held_at: datetime | None = None
    held_because: str | None = None
    rate: float | None = None
    breaker: str = "closed"
    open_until: datetime | None = None

    @property
    def waiting(self) -> int:
        """How much waits for its turn."""
        return self.numbers.get("waiting", 0)

    @property
    def behind(self) -> int:
        """How much waits for what comes before it in its own order."""
        return self.numbers.get("behind", 0)

    @property
    def under_way(self) -> int:
        """How much runs, or has been handed out to run."""
        return self.numbers.get("running", 0) + self.numbers.get("dispatched", 0)

    @property
    def dead(self) -> int:
        """How much was given up."""
        return self.numbers.get("dead", 0)


def depths(connection: Connection) -> list[Depth]:
    """Every lane that there is, the one with the most waiting first."""
    grouped = (
        select(work.c.lane, work.c.state, func.count().label("number"), func.min(work.c.id), func.min(work.c.due_at))
        .where(work.c.state.in_(COUNTED))
        .group_by(work.c.lane, work.c.state)
    )
    rows = connection.execute(grouped).all()
    numbers: dict[str, dict[str, int]] = {}
    for row in rows:
        numbers.setdefault(row.lane, {})[row.state] = row.number
    waiting = {row[0]: (row[3], row[4]) for row in rows if row.state == "waiting"}
    since = _enqueued(connection, [first for first, _ in waiting.values()])
    found = [_depth(row, numbers, waiting, since) for row in connection.execute(select(lanes))]
    return sorted(found, key=lambda each: (-each.waiting - each.behind, -each.under_way, each.lane))


def _enqueued(connection: Connection, ids: list[int]) -> dict[int, datetime]:
    wanted = select(work.c.id, work.c.enqueued_at).where(work.c.id.in_(ids))
    return {row.id: row.enqueued_at for row in connection.execute(wanted)}


def _depth(
    row: Any,
    numbers: Mapping[str, Mapping[str, int]],
    waiting: Mapping[str, tuple[int, datetime]],
    since: Mapping[int, datetime],
) -> Depth:
    first, due = waiting.get(row.name, (0, None))
    return Depth(
        lane=row.name,
        numbers=numbers.get(row.name, _NONE),
        oldest=since.get(first),
        next_due=due,
        concurrency=row.concurrency,
        held_at=row.held_at,
        held_because=row.held_because,
        rate=row.rate,
        breaker=row.breaker,
        open_until=row.open_until,
    )
