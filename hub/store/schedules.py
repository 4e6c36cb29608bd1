"""How far each schedule has come: since when it is known as it stands, and which of its times was the last to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, null, select, update

from hub.store.database import now
from hub.store.dialects import insert
from hub.store.tables import lanes, schedules, work
from hub.store.work import ENDED, WorkState


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a schedule has come by its `words`. `slot` is the last time that was enqueued, None before the first.
    `passed_over` counts the missed times that were not run when that was last so, at `passed_at`.
    """

    since: datetime
    slot: datetime | None = None
    passed_over: int = 0
    passed_at: datetime | None = None
    words: str = ""

    @property
    def reached(self) -> datetime:
        """No time up to this one is run any more."""
        return self.since if self.slot is None else max(self.since, self.slot)


def every(connection: Connection) -> dict[str, Progress]:
    """How far every schedule has come, by its key."""
    return {row.key: _progress(row) for row in connection.execute(select(schedules))}


def lock(connection: Connection, key: str) -> Progress | None:
    """How far the schedule has come, held against other schedulers until the transaction ends; None when unknown."""
    row = connection.execute(_of(key).with_for_update()).one_or_none()
    return None if row is None else _progress(row)


def follow(connection: Connection, key: str, lane: str, words: str, since: datetime | None = None) -> Progress:
    """The schedule is known by those words from that moment on, from now when none is said; what it has come to.

    It has not come to a time that lies ahead of that moment.
    """
    at = since or now(connection)
    fresh = insert(connection, schedules).values(key=key, lane=lane, words=words, since=at, passed_over=0)
    reached = case((schedules.c.slot > at, null()), else_=schedules.c.slot)
    known = {"lane": lane, "words": words, "since": at, "slot": reached}
    connection.execute(fresh.on_conflict_do_update(index_elements=["key"], set_=known))
    return _progress(connection.execute(_of(key)).one())


def reach(connection: Connection, key: str, slot: datetime, passed_over: int, by: Progress | None = None) -> None:
    """The schedule has come to that time, and that many missed ones before it will not run.

    `by` says by which words, and since when they are known, where others have been written down meanwhile.
    """
    values: dict[str, object] = {"slot": slot} | ({"words": by.words, "since": by.since} if by else {})
    if passed_over:
        values |= {"passed_over": passed_over, "passed_at": now(connection)}
    connection.execute(update(schedules).where(schedules.c.key == key).values(values))


def pass_over(connection: Connection, key: str, until: datetime, number: int, by: Progress | None = None) -> None:
    """Of the times up to that one none will run; `by` as `reach` has it."""
    values = {"since": until, "passed_over": number, "passed_at": now(connection)}
    connection.execute(
        update(schedules).where(schedules.c.key == key).values(values | ({"words": by.words} if by else {}))
    )


def free_keys(connection: Connection, first: str, after: str) -> None:
    """Work that has ended under these keys, from the first one, is no longer known by them: the times come again."""
    ended = work.c.key >= first, work.c.key < after, work.c.state.in_(ENDED)
    connection.execute(update(work).where(*ended).values(key=None))


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


def _of(key: str) -> Select[Any]:
    return select(schedules).where(schedules.c.key == key)


def _progress(row: Row[Any]) -> Progress:
    return Progress(row.since, row.slot, row.passed_over, row.passed_at, row.words)
