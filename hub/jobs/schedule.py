"""Recurring work: enqueued once per slot of time, however many schedulers there are."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hub.store import work
from hub.store.database import Database, now


@dataclass(frozen=True, slots=True)
class Recurring:
    """Work to be done once in every slot of that length, counted from 1970; never two of the same at a time."""

    kind: str
    lane: str
    argument: Mapping[str, Any] = field(default_factory=dict)
    every: timedelta = timedelta(minutes=1)

    @property
    def prefix(self) -> str:
        """What the keys of all its slots begin with; different arguments are different recurring work."""
        said = json.dumps(dict(self.argument), sort_keys=True, separators=(",", ":")).encode()
        about = f":{hashlib.sha256(said).hexdigest()[:8]}" if self.argument else ""
        return f"{self.kind}:{self.lane}{about}:"

    def key(self, slot: int) -> str:
        """The key of one slot; later slots sort after earlier ones."""
        return f"{self.prefix}{slot:014d}"

    def slot(self, at: datetime) -> int:
        """The number of the slot that holds that time."""
        return (at - _EPOCH) // self.every

    def starts(self, slot: int) -> datetime:
        """When a slot begins."""
        return _EPOCH + slot * self.every


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def enqueue_due(connection: Connection, recurring: Recurring) -> timedelta:
    """Enqueue this slot's work unless it is there, or the last one has not ended; the time until the next slot."""
    at = now(connection)
    slot = recurring.slot(at)
    last = work.latest_under(connection, recurring.prefix)
    if last is None or last.state in work.ENDED:
        argument, key = recurring.argument, recurring.key(slot)
        work.enqueue(connection, kind=recurring.kind, lane=recurring.lane, argument=argument, key=key)
    return recurring.starts(slot + 1) - at


class Timetable:
    """Enqueues recurring work as its slots come; holds nothing but when to look next."""

    def __init__(self, database: Database, recurring: Sequence[Recurring]) -> None:
        self._database = database
        self._next = [(time.monotonic(), each) for each in recurring]

    def tick(self) -> float:
        """Enqueue what has come; seconds until there is something again."""
        self._next = [(self._enqueue(each) if at <= time.monotonic() else at, each) for at, each in self._next]
        return max(0.0, min((at for at, _ in self._next), default=float("inf")) - time.monotonic())

    def _enqueue(self, recurring: Recurring) -> float:
        with self._database.write() as connection:
            wait = enqueue_due(connection, recurring)
        return time.monotonic() + wait.total_seconds()
