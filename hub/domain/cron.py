"""Times in cron's words, by the city's clock, and what becomes of those that were missed.

Five fields: minute, hour, day of the month, month, weekday; names (`MON`, `JAN`), ranges, lists, steps, `L` for the
last day of a month, `LW` for its last Monday to Friday, `5L` for its last Friday, `MON#1` for its first Monday; or one
of `@hourly @daily @midnight @weekly @monthly @yearly @annually`. They are read as Debian's cron reads them
(crontab(5), by `cronsim`):

* Where day of the month and weekday are both stated, either will do; where one begins with `*`, both must hold.
* Where neither minute nor hour begins with `*`, a time is a time on the wall. In spring one that does not exist runs at
  the first moment after the gap, once, together with what was to run then; in autumn one that comes twice runs the
  first time only.
* Where one of them does, time is counted as it passes: `*/15 * * * *` goes every quarter of an hour, through the hour
  that comes twice as well, and `*/15 2 * * *` has nothing to do on the night when two o'clock does not exist.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from typing import Final

from cronsim import CronSim, CronSimError

from hub.domain.calendar import CITY_TIME, Days, city_day, is_workday, this_or_next_workday
from hub.domain.texts import Text

EXAMPLE: Final = "0 6 * * 1-5"
MOST_CAUGHT_UP: Final = 100
"""How many missed times are caught up at the most, the latest ones (our own choice, 2026-11)."""

GRACE: Final = timedelta(minutes=15)
"""How long after its time a run may begin before it is late, where nothing else is said (our own choice, 2026-11)."""

_LONGEST_LOOK_BACK: Final = timedelta(days=366)
_HORIZON: Final = timedelta(days=366 * 50)
_LONGEST_WRITTEN: Final = 100
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_FIRST_LOOK_BACK: Final = timedelta(hours=1)
_MOST_COUNTED: Final = 10_000
"""So many missed times are counted; that there are more of them, nobody needs to know."""

_FIELDS: Final = 5
_SHORTHANDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WRONG_FIELD: Final = {
    "Bad minute": (0, Text("minuten (0–59)", "the minute (0–59)")),
    "Bad hour": (1, Text("timmen (0–23)", "the hour (0–23)")),
    "Bad day-of-month": (2, Text("dagen i månaden (1–31, L eller LW)", "the day of the month (1–31, L or LW)")),
    "Bad month": (3, Text("månaden (1–12 eller JAN–DEC)", "the month (1–12 or JAN–DEC)")),
    "Bad day-of-week": (
        4,
        Text("veckodagen (0–7 där 0 och 7 är söndag, eller MON–SUN)", "the weekday (0–7, both Sunday, or MON–SUN)"),
    ),
}


class CronInvalid(ValueError):
    """The words are no times; `text` says what is wrong and shows an example."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class OnHoliday(StrEnum):
    """What becomes of a time on a day that is no workday: passed over, or the same time on the next workday."""

    SKIP = "skip"
    NEXT_WORKDAY = "next_workday"


class CatchUp(StrEnum):
    """What becomes of times that were missed: nothing, the latest of them runs, or all run one after another."""

    NONE = "none"
    ONE = "one"
    ALL = "all"


class Mark(StrEnum):
    """What the clock did to a time.

    after_gap      it does not exist that day: it runs at the first moment after the gap
    first_of_two   it comes twice that day: it runs the first time only
    second_of_two  it comes twice that day, and runs the second time too, since time is counted as it passes
    """

    AFTER_GAP = "after_gap"
    FIRST_OF_TWO = "first_of_two"
    SECOND_OF_TWO = "second_of_two"


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """One time to run: in UTC, and as the words say it on the wall; what the clock did to it, the days whose time was
    moved to it, and the days that were passed over since the time before it.
    """

    at: datetime
    wall: time = field(compare=False)
    mark: Mark | None = field(default=None, compare=False)
    moved_from: tuple[date, ...] = field(default=(), compare=False)
    passed_over: tuple[date, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Cron:
    """Times in cron's words on the days that count. Made by `parse`, which checks them."""

    expression: str
    days: Days = Days.ALL
    on_holiday: OnHoliday = OnHoliday.SKIP

    @classmethod
    def parse(cls, words: str, days: Days = Days.ALL, on_holiday: OnHoliday = OnHoliday.SKIP) -> Cron:
        """The times those words say. Raises CronInvalid, which says what is wrong with them."""
        if on_holiday is OnHoliday.NEXT_WORKDAY and days is not Days.WORKDAYS:
            raise CronInvalid(
                Text(
                    'on_holiday = "next_workday" kräver days = "workdays"',
                    'on_holiday = "next_workday" demands days = "workdays"',
                )
            )
        made = cls(_checked(words), days, on_holiday)
        if next(made.planned(datetime.now(UTC)), None) is None:
            raise CronInvalid(
                _example(Text(f"{words} inträffar aldrig på sådana dagar", f"{words} never comes on such days"))
            )
        return made

    @classmethod
    def of(cls, words: str) -> Cron | None:
        """The times of which `words` were once said, by this release or another; None when this one cannot tell."""
        try:
            expression, days, on_holiday = words.rsplit(" ", 2)
            return cls(_checked(expression), Days(days), OnHoliday(on_holiday))
        except ValueError:
            return None

    @property
    def words(self) -> str:
        """The whole of it as one text: equal words are equal times."""
        return " ".join((self.expression, self.days, self.on_holiday))

    def planned(self, after: datetime) -> Iterator[Planned]:
        """The times after that one, strictly rising, for the fifty years to come."""
        if self.on_holiday is OnHoliday.NEXT_WORKDAY:
            return self._moved(after)
        return self._on_its_days(after)

    def next_times(self, after: datetime, number: int) -> tuple[Planned, ...]:
        """The next times, at most that many."""
        return tuple(islice(self.planned(after), number))

    def first(self, after: datetime) -> datetime | None:
        """The first time after that one."""
        return next((each.at for each in self.planned(after)), None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The times after the one and up to the other."""
        return takewhile(lambda each: each <= until, (each.at for each in self.planned(after)))

    def latest(self, after: datetime, until: datetime, number: int) -> tuple[datetime, ...]:
        """The last times after the one and up to the other, at most that many, in order.

        No more of the past is walked than they take: each step back is twice as long as the one before.
        """
        span = _FIRST_LOOK_BACK
        while True:
            begin = max(after, until - span)
            found = tuple(deque(self.between(begin, until), maxlen=number))
            if len(found) == number or begin == after:
                return found
            span *= 2

    def _on_its_days(self, after: datetime) -> Iterator[Planned]:
        passed: list[date] = []
        last = after + _HORIZON
        times = self._raw(after)
        while (each := next(times, None)) is not None and each.at <= last:
            day = city_day(each.at)
            if self.days.hold(day):
                yield replace(each, passed_over=tuple(passed))
                passed = []
            else:
                passed.append(day)
                times = self._raw(_end_of(day))

    def _moved(self, after: datetime) -> Iterator[Planned]:
        coming: list[tuple[Planned, date]] = []
        for each in self._raw(_before_what_is_moved(after)):
            while coming and coming[0][0].at < each.at:
                yield from _taken(coming, after)
            day = city_day(each.at)
            heapq.heappush(coming, (_to_workday(each, day), day))

    def _raw(self, after: datetime) -> Iterator[Planned]:
        """The times by the words alone."""
        simulated = CronSim(self.expression, after.astimezone(CITY_TIME))
        last = after + _HORIZON
        for local in simulated:
            at = local.astimezone(UTC)
            if at > last:
                return
            if at > after:  # in the hour that comes twice, cronsim may tell the first of two when asked in the second
                yield Planned(at, *_told(local, simulated))


@dataclass(frozen=True, slots=True)
class Due:
    """What is to run now of a schedule's times, in order, and how many were missed and will not run, as far as they
    are counted.
    """

    times: tuple[datetime, ...] = ()
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a connection is asked, and how missed times are met. A time is missed once `grace` has passed after it."""

    cron: Cron
    grace: timedelta = GRACE
    catch_up: CatchUp = CatchUp.ONE

    def due(self, after: datetime, at: datetime) -> Due:
        """Of the times after the one and up to the other: which are to run, and how many are passed over.

        The latest runs always when it is not older than the grace. No more than a year is looked back upon, and of
        `all` the latest hundred run.
        """
        begin = max(after, at - _LONGEST_LOOK_BACK)
        kept = self.cron.latest(begin, at, MOST_CAUGHT_UP if self.catch_up is CatchUp.ALL else 1)
        if self.catch_up is CatchUp.NONE and kept and at - kept[-1] > self.grace:
            kept = ()
        before = self.cron.between(begin, kept[0] - _MINUTE if kept else at)
        return Due(kept, sum(1 for _ in islice(before, _MOST_COUNTED)))

    def missed(self, since: datetime, at: datetime) -> datetime | None:
        """The first time after `since` whose grace has passed at that time: the one it is late for."""
        first = self.cron.first(since)
        return first if first is not None and at - first > self.grace else None


def _checked(words: str) -> str:
    """The expression in five fields. Raises CronInvalid."""
    written = " ".join(words.split())
    if len(written) > _LONGEST_WRITTEN:
        raise CronInvalid(_example(Text("uttrycket är för långt", "the expression is too long")))
    expression = _SHORTHANDS.get(written.lower(), written).upper()
    fields = expression.split()
    if len(fields) != _FIELDS:
        raise CronInvalid(_example(_miscounted(fields)))
    try:
        CronSim(expression, datetime.now(CITY_TIME))
    except CronSimError as error:
        raise CronInvalid(_example(_wrong(str(error), fields))) from None
    return expression


def _miscounted(fields: list[str]) -> Text:
    if not fields:
        return Text("inget är skrivet", "nothing is written")
    if fields[0].startswith("@"):
        known = " ".join(_SHORTHANDS)
        return Text(
            f"{fields[0].lower()} finns inte; det finns {known}", f"there is no {fields[0].lower()}; there are {known}"
        )
    if len(fields) == _FIELDS + 1:
        return Text(
            "sex fält är ett för mycket: sekunder och årtal finns inte, det första fältet är minuten",
            "six fields are one too many: there are no seconds and no years, the first field is the minute",
        )
    return Text(
        f"fem fält behövs (minut, timme, dag i månaden, månad, veckodag), {len(fields)} är skrivna",
        f"five fields are needed (minute, hour, day of the month, month, weekday), {len(fields)} are written",
    )


def _wrong(said: str, fields: list[str]) -> Text:
    place, name = _WRONG_FIELD[said]
    return Text(
        f"fält {place + 1}, {name.sv}, går inte att läsa eller inträffar aldrig: {fields[place]}",
        f"field {place + 1}, {name.en}, cannot be read or never comes: {fields[place]}",
    )


def _example(what: Text) -> Text:
    return Text(
        f"{what.sv}. Exempel: {EXAMPLE} är 06:00 måndag till fredag",
        f"{what.en}. Example: {EXAMPLE} is 06:00 Monday to Friday",
    )


def _told(local: datetime, simulated: CronSim) -> tuple[time, Mark | None]:
    """The time on the wall that the words say, and what the clock did to it."""
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        first = Mark.FIRST_OF_TWO if simulated.fixup_tz else None
        return local.time(), Mark.SECOND_OF_TWO if local.fold else first
    said = local.replace(tzinfo=None)
    while said.minute not in simulated.minutes or said.hour not in simulated.hours:
        said -= _MINUTE
    return said.time(), None if said.time() == local.time() else Mark.AFTER_GAP


def _end_of(day: date) -> datetime:
    """The last second of a day in the city."""
    return datetime.combine(day, time(23, 59, 59), CITY_TIME).astimezone(UTC)


def _before_what_is_moved(after: datetime) -> datetime:
    """From when to look for what comes after that time: days that are free have their times moved past it."""
    day = first = city_day(after)
    while not is_workday(first - _DAY):
        first -= _DAY
    return after if first == day and is_workday(day) else _end_of(first - _DAY)


def _to_workday(planned: Planned, day: date) -> Planned:
    """What was planned on that day; on a free day the same time on the wall of the next workday.

    The clock is changed in the night to a Sunday, so on a workday every time exists once.
    """
    if is_workday(day):
        return planned
    wall = datetime.combine(this_or_next_workday(day), planned.wall, CITY_TIME)
    return Planned(wall.astimezone(UTC), planned.wall)


def _taken(coming: list[tuple[Planned, date]], after: datetime) -> Iterator[Planned]:
    """Take the first of what is coming, with everything that was moved to the same time."""
    first, moved = coming[0][0], []
    while coming and coming[0][0].at == first.at:
        _, day = heapq.heappop(coming)
        if day != city_day(first.at):
            moved.append(day)
    if first.at > after:
        yield replace(first, moved_from=tuple(moved))
