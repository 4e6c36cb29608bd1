"""The city's calendar: its time zone, its holidays, its workdays. Days of law and of schedules are counted here.

A **holiday** is a day of the act 1989:253 on public holidays (lag om allmänna helgdagar): nyårsdagen, trettondedag jul,
långfredagen, påskdagen, annandag påsk, första maj, Kristi himmelsfärdsdag, pingstdagen, nationaldagen, midsommardagen,
alla helgons dag, juldagen and annandag jul. The act calls every Sunday a holiday as well; here an ordinary Sunday is
a Sunday, told by its weekday, so that a schedule can mean the one without the other.

An **eve** is midsommarafton, julafton or nyårsafton. They are no public holidays, but the act 1930:173 on the counting
of time (2 §) and the annual leave act 1977:480 (7 §) set them beside Sundays, and the city and its banks are closed.

A **workday** is a Monday to Friday that is neither. Days squeezed between two free days (klämdagar) and days that are
cut short by custom, such as skärtorsdagen, are workdays.

The dates come from the package `holidays`; a test computes them anew from the acts for 2020 to 2040.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from hub.domain.texts import Text

CITY_TIME: Final = ZoneInfo("Europe/Stockholm")

_SATURDAY = 5
_DAY = timedelta(days=1)


class Days(StrEnum):
    """Which days something is done on.

    `all` every day, `workdays` the city's workdays, `holidays` public holidays and eves (whatever their weekday).
    """

    ALL = "all"
    WORKDAYS = "workdays"
    HOLIDAYS = "holidays"

    def hold(self, day: date) -> bool:
        """Whether that day is one of them."""
        if self is Days.ALL:
            return True
        return is_workday(day) if self is Days.WORKDAYS else is_holiday(day) or is_eve(day)


def city_day(moment: datetime) -> date:
    """The day it is in the city at that moment."""
    return moment.astimezone(CITY_TIME).date()


def is_holiday(day: date) -> bool:
    """Whether it is a public holiday by name; an ordinary Sunday is not."""
    return day in _named(day.year)[0]


def is_eve(day: date) -> bool:
    """Whether it is midsommarafton, julafton or nyårsafton."""
    return day in _named(day.year)[1]


def is_workday(day: date) -> bool:
    """Whether the city works: a Monday to Friday that is neither a public holiday nor an eve."""
    return day.weekday() < _SATURDAY and not is_holiday(day) and not is_eve(day)


def next_workday(day: date) -> date:
    """The first workday after that day."""
    return this_or_next_workday(day + _DAY)


def this_or_next_workday(day: date) -> date:
    """The day itself when it is a workday, else the first after it."""
    while not is_workday(day):
        day += _DAY
    return day


def name_of(day: date) -> Text | None:
    """What the holiday or eve is called; None for other days, Sundays among them."""
    holidays, eves = _named(day.year)
    return holidays.get(day) or eves.get(day)


@cache
def _named(year: int) -> tuple[dict[date, Text], dict[date, Text]]:
    # Imported here: it brings 300 countries with it, and most commands ask for no day.
    from holidays.constants import DE_FACTO, PUBLIC  # noqa: PLC0415
    from holidays.countries.sweden import Sweden  # noqa: PLC0415

    if year < Sweden.start_year:
        raise ValueError(f"the calendar begins in {Sweden.start_year}, so it does not know the holidays of {year}")

    def named(category: str) -> dict[date, Text]:
        swedish, english = (Sweden(years=year, categories=(category,), language=each) for each in ("sv", "en_US"))
        return {day: Text(swedish[day], english[day]) for day in swedish}

    return named(PUBLIC), named(DE_FACTO)
