"""Recurring work: enqueued once per slot of time, however many schedulers there are.

A slot is a length of time counted from 1970, or a time in cron's words. Of the latter, those that come while the lane
is held or the last run has not ended are missed, like those that come while nobody looks: what becomes of them is the
schedule's to say.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from hub.domain.cron import Schedule
from hub.store import schedules, work
from hub.store.database import Database, now


@dataclass(frozen=True, slots=True)
class Recurring:
    """Work to be done once in every slot of that length, counted from 1970, or at every time of `timing` when that is
    stated; never two of the same at a time.
    """

    kind: str
    lane: str
    argument: Mapping[str, Any] = field(default_factory=dict)
    every: timedelta = timedelta(minutes=1)
    timing: Schedule | None = None

    @property
    def prefix(self) -> str:
        """What the keys of all its slots begin with; different arguments are different recurring work.

        Numbered slots and times have prefixes of which neither begins the other.
        """
        said = json.dumps(dict(self.argument), sort_keys=True, separators=(",", ":")).encode()
        about = f":{hashlib.sha256(said).hexdigest()[:8]}" if self.argument else ""
        return f"{self.kind}:{self.lane}{about}{'@' if self.timing else ':'}"

    def key(self, slot: int) -> str:
        """The key of one slot; later slots sort after earlier ones."""
        return f"{self.prefix}{slot:014d}"

    def slot_of(self, made: work.Work) -> int:
        """The slot under whose key that work was enqueued."""
        return int((made.key or "").removeprefix(self.prefix))

    def slot(self, at: datetime) -> int:
        """The number of the slot that holds that time."""
        return (at - _EPOCH) // self.every

    def starts(self, slot: int) -> datetime:
        """When a slot begins."""
        return _EPOCH + slot * self.every


_log = structlog.get_logger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONE = timedelta(0)
_MINUTE = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(seconds=30)
"""The longest until a schedule is looked at again: clocks are set, and lanes let go."""

_LOOK_SOON = timedelta(seconds=2)
"""When to look again for a time that has come while the last run has not ended."""


@dataclass(slots=True)
class Known:
    """Since when this process knows the latest slot, by a clock that nobody sets."""

    clock: Callable[[], float] = time.monotonic
    slot: int | None = None
    since: float = 0.0

    def age(self, latest: int) -> timedelta:
        """For how long that has been the latest."""
        if latest != self.slot:
            self.slot, self.since = latest, self.clock()
        return timedelta(seconds=self.clock() - self.since)


def enqueue_due(connection: Connection, recurring: Recurring, known: Known) -> timedelta:
    """Enqueue this slot's work unless it is there, or the last one has not ended; the time until to look again.

    When the latest lies ahead of this slot, because the clock was put back, the one after it is enqueued as soon as
    the latest has been known for a whole slot: the work goes on at its pace, and never faster.
    """
    if recurring.timing is not None:
        return _enqueue_planned(connection, recurring, recurring.timing)
    at = now(connection)
    slot = recurring.slot(at)
    last = work.latest_under(connection, recurring.prefix)
    latest = slot - 1 if last is None else recurring.slot_of(last)
    wait = recurring.every - known.age(latest) if latest > slot else _NONE
    if wait <= _NONE and (last is None or last.state in work.ENDED):
        _enqueue(connection, recurring, known, latest + 1 if latest > slot else slot)
    until_next = recurring.starts(slot + 1) - at
    return min(wait, until_next) if wait > _NONE else until_next


def _enqueue(connection: Connection, recurring: Recurring, known: Known, slot: int) -> None:
    argument, key = recurring.argument, recurring.key(slot)
    work.enqueue(connection, kind=recurring.kind, lane=recurring.lane, argument=argument, key=key)
    known.age(slot)


def _enqueue_planned(connection: Connection, recurring: Recurring, timing: Schedule) -> timedelta:
    """Enqueue the work of the next time that has come and is to run; the time until to look again."""
    key, at = recurring.prefix, now(connection)
    progress = schedules.follow(connection, key, recurring.lane, timing.cron.words)
    first = timing.cron.first(progress.reached)
    if first is None or first > at:
        return _LOOK_AGAIN if first is None else min(first - at, _LOOK_AGAIN)
    last = work.latest_under(connection, key)
    if schedules.is_held(connection, recurring.lane) or (last is not None and last.state not in work.ENDED):
        return _LOOK_SOON
    due = timing.due(progress.reached, at)
    if due.passed_over:
        _log.warning("schedule.passed_over", lane=recurring.lane, number=due.passed_over)
    if not due.times:
        schedules.pass_over(connection, key, at, due.passed_over)
    else:
        schedules.reach(connection, key, due.times[0], due.passed_over)
        _enqueue_at(connection, recurring, due.times[0])
    return _NONE


def _enqueue_at(connection: Connection, recurring: Recurring, time_: datetime) -> None:
    argument = {**recurring.argument, "scheduled": time_.isoformat()}
    key = recurring.key((time_ - _EPOCH) // _MINUTE)
    work.enqueue(connection, kind=recurring.kind, lane=recurring.lane, argument=argument, key=key)


class Timetable:
    """Enqueues recurring work as its slots come; holds nothing but when to look next."""

    def __init__(self, database: Database, recurring: Sequence[Recurring]) -> None:
        self._database = database
        self._next = [(time.monotonic(), each) for each in recurring]
        self._known = {each.prefix: Known() for each in recurring}

    def tick(self) -> float:
        """Enqueue what has come; seconds until there is something again."""
        self._next = [(self._enqueue(each) if at <= time.monotonic() else at, each) for at, each in self._next]
        return max(0.0, min((at for at, _ in self._next), default=float("inf")) - time.monotonic())

    def _enqueue(self, recurring: Recurring) -> float:
        with self._database.write() as connection:
            wait = enqueue_due(connection, recurring, self._known[recurring.prefix])
        return time.monotonic() + wait.total_seconds()
