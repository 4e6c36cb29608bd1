"""When each connection is asked: the times to come, the last one, and whether it is late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from sqlalchemy import Connection

from hub.domain.calendar import CITY_TIME
from hub.domain.cron import Planned, Schedule
from hub.status.connections import Configured, Told, tell_of, times_of
from hub.store.connections import Lived, all_lived
from hub.store.schedules import Progress, progress_by_lane

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timed:
    """One connection with the times it is asked at: by its schedule or `every` so often; neither for a broken one."""

    name: str
    every: timedelta | None
    schedule: Schedule | None
    told: Told
    lived: Lived
    progress: Progress | None

    def coming(self, after: datetime) -> Iterator[Planned]:
        """The times after that one. A held connection has them too: it is asked when it is let go."""
        if self.schedule is not None:
            return self.schedule.cron.planned(after)
        return _at_intervals(self.every, after) if self.every else iter(())

    def next_times(self, after: datetime, number: int) -> tuple[Planned, ...]:
        """The next times, at most that many."""
        return tuple(islice(self.coming(after), number))

    def until(self, after: datetime, end: datetime, most: int) -> tuple[Planned, ...]:
        """The times after the one and up to the other, at most that many."""
        return tuple(islice(takewhile(lambda each: each.at <= end, self.coming(after)), most))


def timed(connection: Connection, configured: Mapping[str, Configured], at: datetime) -> list[Timed]:
    """Every connection that is asked, by name, as it stands, and those that are broken: they have no times."""
    lived, progress, times = all_lived(connection), progress_by_lane(connection), times_of(connection, configured)
    found = []
    for name, each in sorted(configured.items()):
        if each.every is not None or each.schedule is not None or each.broken is not None:
            so_far = lived.get(name, Lived(name))
            told = tell_of(each, so_far, at, times)
            known = progress.get(name) if each.schedule is not None else None
            found.append(Timed(name, each.every, each.schedule, told, so_far, known))
    return found


def _at_intervals(every: timedelta, after: datetime) -> Iterator[Planned]:
    slot = (after - _EPOCH) // every
    while True:
        slot += 1
        at = _EPOCH + slot * every
        yield Planned(at, at.astimezone(CITY_TIME).time())
