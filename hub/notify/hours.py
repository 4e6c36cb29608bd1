"""When people may be disturbed: quiet hours by the city's clock, and when what waited is told together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from hub.domain.calendar import CITY_TIME, is_workday

_DAY = timedelta(days=1)
_LONGEST = 30


@dataclass(frozen=True, slots=True)
class Hours:
    """Quiet from `begins` to `ends` each day (over midnight when it begins later than it ends), and with `workdays`
    all day on every other day. `digest` is when what waited is told, else the moment the quiet ends.
    """

    begins: time | None = None
    ends: time | None = None
    digest: time | None = None
    workdays: bool = False

    def is_quiet(self, at: datetime) -> bool:
        """Whether nobody is to be disturbed at that moment."""
        here = at.astimezone(CITY_TIME)
        return (self.workdays and not is_workday(here.date())) or self.holds(here.time())

    def holds(self, clock: time) -> bool:
        """Whether that time on the clock is within the quiet hours of each day."""
        if self.begins is None or self.ends is None or self.begins == self.ends:
            return False
        if self.begins < self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends

    def digest_after(self, at: datetime) -> datetime:
        """The next moment after that one at which what waited is told."""
        moment = self.digest or self.ends or time(0)
        day = at.astimezone(CITY_TIME).date()
        for _ in range(_LONGEST):
            told = datetime.combine(day, moment, CITY_TIME).astimezone(UTC)
            if told > at and (not self.workdays or is_workday(day)):
                return told
            day += _DAY
        return at + _DAY

    def digest_due(self, at: datetime) -> datetime | None:
        """The moment of that day's digest when it has come; None without one, before it, and on a free day."""
        day = at.astimezone(CITY_TIME).date()
        if self.digest is None or (self.workdays and not is_workday(day)):
            return None
        told = datetime.combine(day, self.digest, CITY_TIME).astimezone(UTC)
        return told if told <= at else None
