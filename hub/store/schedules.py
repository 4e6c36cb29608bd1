"""How far each schedule has come: since when it is known as it stands, and which of its times was the last to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select, update

from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.tables import lanes, schedules, work
from hub.store.work import WorkState


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a schedule has come. `slot` is the last time that was enqueued, None before the first. `passed_over`
    counts the missed times that were not run when that was last so, at `passed_at`.
    """

    since: datetime
    slot: datetime | None = None
    passed_over: int = 0
    passed_at: datetime | None = None

    @property
    def reached(self) -> datetime:
        """No time up to this one is run any more."""
        return self.since if self.slot is None else max(self.since, self.slot)


def follow(connection: Connection, key: str, lane: str, words: str) -> Progress:
    """How far the schedule has come, held against other schedulers until the transaction ends.

    One that is met for the first time, or whose words were changed, is known from now on.
    """
    at = now(connection)
    fresh = {"key": key, "lane": lane, "words": words, "since": at, "passed_over": 0}
    insert_once(connection, schedules, fresh)
    row = connection.execute(select(schedules).where(schedules.c.key == key).with_for_update()).one()
    if row.words == words:
        return _progress(row)
    connection.execute(update(schedules).where(schedules.c.key == key).values(words=words, since=at))
    return Progress(at, row.slot, row.passed_over, row.passed_at)


def reach(connection: Connection, key: str, slot: datetime, passed_over: int) -> None:
    """The schedule has come to that time, and that many missed ones before it will not run."""
    values: dict[str, object] = {"slot": slot}
    if passed_over:
        values |= {"passed_over": passed_over, "passed_at": now(connection)}
    connection.execute(update(schedules).where(schedules.c.key == key).values(values))


def pass_over(connection: Connection, key: str, until: datetime, number: int) -> None:
    """Of the times up to that one none will run."""
    values = {"since": until, "passed_over": number, "passed_at": now(connection)}
    connection.execute(update(schedules).where(schedules.c.key == key).values(values))


def progress_by_lane(connection: Connection) -> dict[str, Progress]:
    """How far the schedule of every connection has come; of several over one, the one that came farthest."""
    rows = sorted(connection.execute(select(schedules)), key=lambda row: _progress(row).reached)
    return {row.lane: _progress(row) for row in rows}


def running(connection: Connection) -> frozenset[str]:
    """The lanes with a schedule in which work has begun and goes on."""
    scheduled = select(schedules.c.lane)
    begun = select(work.c.lane).where(work.c.state == WorkState.RUNNING, work.c.lane.in_(scheduled)).distinct()
    return frozenset(connection.execute(begun).scalars())


def is_held(connection: Connection, lane: str) -> bool:
    """Whether the lane is held, so that nothing begins in it."""
    return connection.execute(select(lanes.c.held_at).where(lanes.c.name == lane)).scalar_one_or_none() is not None


def _progress(row: Row[tuple[object, ...]]) -> Progress:
    return Progress(row.since, row.slot, row.passed_over, row.passed_at)
