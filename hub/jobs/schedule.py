"""Recurring work: enqueued once per slot of time, however many schedulers there are.

A slot is a length of time counted from 1970, or a time in cron's words. Of the latter, those that come while the lane
is held or the last run has not ended are missed, like those that come while nobody looks: what becomes of them is the
schedule's to say.

Words that were changed are known from the change on. Where processes go by different words, because the hub is being
changed one process after another, each goes by its own, and no time that one of them has enqueued is enqueued again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from hub.domain.cron import Cron, Due, Schedule
from hub.store import schedules, work
from hub.store.database import Database, now
from hub.store.schedules import Progress


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
_LAST = 10**14 - 1
"""Above the number of any minute."""

_NONE = timedelta(0)
_MINUTE = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(seconds=30)
"""The longest until a schedule is looked at again: clocks are set, and lanes let go."""

_LOOK_SOON = timedelta(seconds=2)
"""When to look again for a time that has come while the last run has not ended."""

_PUT_BACK = timedelta(hours=2)
"""A schedule that has come farther than this ahead of now did so by a clock that was put right since: it begins anew.
Up to it no time runs twice (our own choice, 2026-11)."""


@dataclass(slots=True)
class Known:
    """What this process remembers of recurring work: since when it knows the latest slot, by a clock that nobody sets;
    of a schedule since when it goes by its words, and the next time after the one it has come to.
    """

    clock: Callable[[], float] = time.monotonic
    slot: int | None = None
    since: float = 0.0
    follows: datetime | None = None
    reached: datetime | None = None
    next: datetime | None = None

    def age(self, latest: int) -> timedelta:
        """For how long that has been the latest."""
        if latest != self.slot:
            self.slot, self.since = latest, self.clock()
        return timedelta(seconds=self.clock() - self.since)

    def first(self, timing: Schedule, reached: datetime) -> datetime | None:
        """The schedule's first time after that one."""
        if reached != self.reached:
            self.reached, self.next = reached, timing.cron.first(reached)
        return self.next


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a schedule has come as this process has it, and whether that is to be written down, and why."""

    progress: Progress
    why: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What all schedules had come to at one moment, by their keys."""

    at: datetime
    kept: Mapping[str, Progress]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What was found out of a schedule before the transaction: how far it had come by the table, and what is due."""

    kept: Progress | None
    due: Due


def enqueue_due(
    connection: Connection, recurring: Recurring, known: Known, foreseen: Foreseen | None = None
) -> timedelta:
    """Enqueue this slot's work unless it is there, or the last one has not ended; the time until to look again.

    When the latest lies ahead of this slot, because the clock was put back, the one after it is enqueued as soon as
    the latest has been known for a whole slot: the work goes on at its pace, and never faster. What of a schedule is
    due may be `foreseen`; when another has been at it since, it is to be looked at again.
    """
    if recurring.timing is not None:
        return _enqueue_planned(connection, recurring, recurring.timing, known, foreseen)
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


def _enqueue_planned(
    connection: Connection, recurring: Recurring, timing: Schedule, known: Known, foreseen: Foreseen | None = None
) -> timedelta:
    """Enqueue the work of the next time that has come and is to run; the time until to look again."""
    key, at = recurring.prefix, now(connection)
    kept = schedules.lock(connection, key)
    if foreseen is not None and foreseen.kept != kept:
        return _NONE
    standing = _standing(timing, known, kept, at)
    progress, wait = standing.progress, _wait(timing, known, standing.progress, at)
    if standing.why:
        return (wait or _NONE) if _is_written_down(connection, recurring, known, standing) else _LOOK_SOON
    if wait is not None or _is_busy(connection, recurring):
        return wait or _LOOK_SOON
    _carry_out(connection, recurring, progress, foreseen.due if foreseen else timing.due(progress.reached, at), at)
    return _NONE


def _standing(timing: Schedule, known: Known, kept: Progress | None, at: datetime) -> Standing:
    """How far the schedule has come, by what is kept of it and what this process remembers."""
    words = timing.cron.words
    if kept is None:
        return Standing(Progress(at, words=words), "met")
    mine, why = kept, ""
    if kept.words == words:
        known.follows = kept.since
    else:
        mine = replace(kept, words=words, since=known.follows or _changed_at(timing, kept, at))
        why = "" if known.follows else "changed"
    if mine.reached > at + _PUT_BACK:
        return Standing(Progress(at, words=words), "clock_put_back")
    return Standing(mine, why)


def _changed_at(timing: Schedule, kept: Progress, at: datetime) -> datetime:
    """From when other words are known: from now, but for a time by the old ones that has come and is not yet missed."""
    begin = max(kept.reached, at - timing.grace)
    old = Cron.of(kept.words)
    waits = old.first(begin) if old else None
    return at if waits is None or waits > at else waits - _MINUTE


def _is_written_down(connection: Connection, recurring: Recurring, known: Known, standing: Standing) -> bool:
    """Write down how the schedule stands; not before what was enqueued by a clock that was ahead has ended."""
    key, lane, progress = recurring.prefix, recurring.lane, standing.progress
    if standing.why == "clock_put_back":
        if not _is_ended(connection, recurring):
            return False
        first = (progress.since - _EPOCH) // _MINUTE + 1
        schedules.free_keys(connection, recurring.key(first), recurring.key(_LAST))
    schedules.follow(connection, key, lane, progress.words, progress.since)
    known.follows = progress.since
    if standing.why != "met":
        _log.warning(f"schedule.{standing.why}", lane=lane, words=progress.words, since=progress.since.isoformat())
    return True


def _wait(timing: Schedule, known: Known, progress: Progress, at: datetime) -> timedelta | None:
    """The time until to look again when no time has come; None when one has."""
    first = known.first(timing, progress.reached)
    if first is None:
        return _LOOK_AGAIN
    return min(first - at, _LOOK_AGAIN) if first > at else None


def _is_busy(connection: Connection, recurring: Recurring) -> bool:
    return schedules.is_held(connection, recurring.lane) or not _is_ended(connection, recurring)


def _is_ended(connection: Connection, recurring: Recurring) -> bool:
    last = work.latest_under(connection, recurring.prefix)
    return last is None or last.state in work.ENDED


def _carry_out(connection: Connection, recurring: Recurring, progress: Progress, due: Due, at: datetime) -> None:
    """Enqueue the first that is due, and count what is passed over."""
    key = recurring.prefix
    if due.passed_over:
        _log.warning("schedule.passed_over", lane=recurring.lane, number=due.passed_over)
    if not due.times:
        schedules.pass_over(connection, key, at, due.passed_over, progress)
    else:
        schedules.reach(connection, key, due.times[0], due.passed_over, progress)
        _enqueue_at(connection, recurring, due.times[0])


def _enqueue_at(connection: Connection, recurring: Recurring, time_: datetime) -> None:
    argument = {**recurring.argument, "scheduled": time_.isoformat()}
    key = recurring.key((time_ - _EPOCH) // _MINUTE)
    work.enqueue(connection, kind=recurring.kind, lane=recurring.lane, argument=argument, key=key)


class Timetable:
    """Enqueues recurring work as its slots come; holds when to look next, and what this process knows of schedules."""

    def __init__(self, database: Database, recurring: Sequence[Recurring]) -> None:
        self._database = database
        self._next = [(time.monotonic(), each) for each in recurring]
        self._known = {each.prefix: Known() for each in recurring}

    def tick(self) -> float:
        """Enqueue what has come; seconds until there is something again."""
        began = time.monotonic()
        look = self._look([each for at, each in self._next if at <= began])
        self._next = [(self._enqueue(each, look) if at <= began else at, each) for at, each in self._next]
        return max(0.0, min((at for at, _ in self._next), default=float("inf")) - time.monotonic())

    def _look(self, recurring: Sequence[Recurring]) -> Look | None:
        if not any(each.timing for each in recurring):
            return None
        with self._database.read() as connection:
            return Look(now(connection), schedules.every(connection))

    def _enqueue(self, recurring: Recurring, look: Look | None) -> float:
        found = None
        if look is not None and recurring.timing is not None:
            found = self._foresee(recurring, recurring.timing, look)
        if not isinstance(found, timedelta):
            with self._database.write() as connection:
                found = enqueue_due(connection, recurring, self._known[recurring.prefix], found)
        return time.monotonic() + found.total_seconds()

    def _foresee(self, recurring: Recurring, timing: Schedule, look: Look) -> Foreseen | timedelta:
        """What is due of a schedule, found out while nobody waits for the database; the time to wait when nothing is
        to be done.
        """
        known, kept = self._known[recurring.prefix], look.kept.get(recurring.prefix)
        standing = _standing(timing, known, kept, look.at)
        if standing.why:
            return Foreseen(kept, Due())
        wait = _wait(timing, known, standing.progress, look.at)
        if wait is None:
            with self._database.read() as connection:
                wait = _LOOK_SOON if _is_busy(connection, recurring) else None
        return Foreseen(kept, timing.due(standing.progress.reached, look.at)) if wait is None else wait
