"""Schedules: when each connection is asked, the day to come as a picture, and an expression to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from hub.domain.calendar import CITY_TIME, Days, city_day, name_of
from hub.domain.cron import CatchUp, Cron, CronInvalid, Mark, OnHoliday, Planned
from hub.domain.texts import Text
from hub.status.schedules import Timed, timed
from hub.store.database import now
from hub.web.speech import N_, Tongue
from hub.web.visits import Somebody

router = APIRouter(prefix="/work/schedules")

WIDTH, HEIGHT = 720, 24
_DAY = timedelta(hours=24)
_NEXT, _TRIED = 5, 10
_MOST_DRAWN = 288
"""A time every five minutes; what comes oftener is drawn as a bar that never ends."""

_DAYS_NAMED = 4
_LONGEST = 200

DAYS = {Days.ALL: N_("All days"), Days.WORKDAYS: N_("Workdays"), Days.HOLIDAYS: N_("Holidays and eves")}
ON_HOLIDAY = {OnHoliday.SKIP: N_("Passed over"), OnHoliday.NEXT_WORKDAY: N_("The next workday")}
CAUGHT_UP = {
    CatchUp.NONE: N_("missed times are not caught up"),
    CatchUp.ONE: N_("of missed times the latest runs"),
    CatchUp.ALL: N_("all missed times run, one after another"),
}
_MARKS = {
    Mark.AFTER_GAP: N_("%(at)s does not exist that day, so it runs when the clock has been put on"),
    Mark.FIRST_OF_TWO: N_("%(at)s comes twice that day; it runs the first time"),
    Mark.SECOND_OF_TWO: N_("%(at)s comes twice that day; this is the second time"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One time as it is shown: the day, the clock, and what the clock and the calendar did to it."""

    at: datetime
    weekday: str
    day: date
    clock: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One connection with its next times and, in the picture's coordinates, those of the day to come.

    `marks` is None for what comes oftener than can be drawn.
    """

    timed: Timed
    lines: tuple[Line, ...]
    times: tuple[Planned, ...]
    marks: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Trial:
    """An expression that somebody tries: what was written, and its next times or what is wrong with it."""

    cron: str = ""
    days: str = Days.ALL
    on_holiday: str = OnHoliday.SKIP
    lines: tuple[Line, ...] = ()
    wrong: Text | None = None


@router.get("")
def listed(visit: Somebody, cron: str = "", days: str = Days.ALL, on_holiday: str = OnHoliday.SKIP) -> Response:
    """When every connection is asked; with `cron`, the next times of that expression too."""
    with visit.database.read() as reading:
        at = now(reading)
        found = timed(reading, visit.hub.connections, at)
    return visit.page(
        "schedules.html",
        rows=[_row(each, at, visit.tongue) for each in found],
        trial=_trial(cron[:_LONGEST], days, on_holiday, at, visit.tongue),
        hours=[at + hours * _DAY / 4 for hours in range(5)],
        ways={"days": DAYS, "on_holiday": ON_HOLIDAY, "caught_up": CAUGHT_UP},
        picture=(WIDTH, HEIGHT),
    )


def _row(each: Timed, at: datetime, tongue: Tongue) -> Row:
    times = each.until(at, at + _DAY, _MOST_DRAWN + 1)
    marks = None if len(times) > _MOST_DRAWN else tuple(round(WIDTH * ((one.at - at) / _DAY), 1) for one in times)
    return Row(each, _lines(each.next_times(at, _NEXT), tongue, _shape(each)), times, marks)


def _trial(cron: str, days: str, on_holiday: str, at: datetime, tongue: Tongue) -> Trial:
    if not cron.strip():
        return Trial(days=days, on_holiday=on_holiday)
    try:
        planned = Cron.parse(cron, Days(days), OnHoliday(on_holiday)).next_times(at, _TRIED)
    except CronInvalid as refused:
        return Trial(cron, days, on_holiday, wrong=refused.text)
    except ValueError:
        return Trial(cron, wrong=Text("Välj dagar i listan.", "Choose days from the list."))
    return Trial(cron, days, on_holiday, _lines(planned, tongue))


def _shape(each: Timed) -> str:
    """How its times are written: what is asked many times a minute with seconds, else they would all be the same."""
    return "%H:%M:%S" if each.every is not None and each.every < timedelta(minutes=1) else "%H:%M"


def _lines(planned: Sequence[Planned], tongue: Tongue, shape: str = "%H:%M") -> tuple[Line, ...]:
    return tuple(_line(each, tongue, shape) for each in planned)


def _line(planned: Planned, tongue: Tongue, shape: str) -> Line:
    here = planned.at.astimezone(CITY_TIME)
    clock = here.strftime(shape)
    return Line(planned.at, tongue.weekday(here.date()), here.date(), clock, tuple(_notes(planned, tongue)))


def _notes(planned: Planned, tongue: Tongue) -> list[str]:
    """What whoever reads a time should know of it."""
    holiday = name_of(city_day(planned.at))
    notes = [holiday.in_language(tongue.language)] if holiday else []
    if planned.mark:
        notes.append(tongue.say(_MARKS[planned.mark], at=f"{planned.wall:%H:%M}"))
    if planned.moved_from:
        notes.append(tongue.say(N_("moved here from %(days)s"), days=_named(planned.moved_from, tongue)))
    if planned.passed_over:
        notes.append(tongue.say(N_("passed over before it: %(days)s"), days=_named(planned.passed_over, tongue)))
    return notes


def _named(days: Sequence[date], tongue: Tongue) -> str:
    told = [_name(day, tongue) for day in days[:_DAYS_NAMED]]
    if len(days) > _DAYS_NAMED:
        told.append(tongue.say_number("%(num)s day more", "%(num)s days more", len(days) - _DAYS_NAMED))
    return ", ".join(told)


def _name(day: date, tongue: Tongue) -> str:
    holiday = name_of(day)
    said = f"{tongue.weekday(day)} {day.isoformat()}"
    return f"{said} ({holiday.in_language(tongue.language)})" if holiday else said
