"""The city's calendar, held against the acts themselves: every date is computed here anew, by no library."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.calendar import (
    Days,
    is_eve,
    is_holiday,
    is_workday,
    name_of,
    next_workday,
    this_or_next_workday,
)

YEARS = range(2020, 2041)
DAY = timedelta(days=1)
DATES = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))
SATURDAY = 5


def easter(year: int) -> date:
    """Easter Sunday by the Gregorian computus (Meeus, Jones and Butcher)."""
    century, rest = divmod(year, 100)
    leaps, left = divmod(century, 4)
    corrected = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - leaps - corrected + 15) % 30
    weekday = (32 + 2 * left + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def saturday_from(begin: date) -> date:
    """The first Saturday on or after that day."""
    return begin + (SATURDAY - begin.weekday()) % 7 * DAY


def by_the_act(year: int) -> dict[date, str]:
    """The days of 1 § lag (1989:253), Sundays without a name of their own left out."""
    sunday = easter(year)
    return {
        date(year, 1, 1): "Nyårsdagen",
        date(year, 1, 6): "Trettondedag jul",
        sunday - 2 * DAY: "Långfredagen",
        sunday: "Påskdagen",
        sunday + DAY: "Annandag påsk",
        date(year, 5, 1): "Första maj",
        sunday + 39 * DAY: "Kristi himmelsfärdsdag",
        sunday + 49 * DAY: "Pingstdagen",
        date(year, 6, 6): "Nationaldagen",
        saturday_from(date(year, 6, 20)): "Midsommardagen",
        saturday_from(date(year, 10, 31)): "Alla helgons dag",
        date(year, 12, 25): "Juldagen",
        date(year, 12, 26): "Annandag jul",
    }


def days_of(year: int) -> list[date]:
    """Every day of the year."""
    return [date(year, 1, 1) + number * DAY for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]


def names_of(year: int) -> dict[date, str]:
    """What the public holidays of the year are called in Swedish."""
    named = {day: name_of(day) for day in days_of(year) if is_holiday(day)}
    return {day: name.sv for day, name in named.items() if name is not None}


@pytest.mark.parametrize("year", YEARS)
def test_the_public_holidays_are_those_of_the_act(year: int) -> None:
    known = {day: set(name.split("; ")) for day, name in names_of(year).items()}
    wanted = by_the_act(year)
    assert set(known) == set(wanted)
    assert all(name in known[day] for day, name in wanted.items())


@pytest.mark.parametrize("year", YEARS)
def test_midsummer_and_all_saints_fall_on_saturdays_within_their_weeks(year: int) -> None:
    named = {name: day for day, name in names_of(year).items()}
    midsummer, saints = named["Midsommardagen"], named["Alla helgons dag"]
    assert (midsummer.weekday(), saints.weekday()) == (SATURDAY, SATURDAY)
    assert date(year, 6, 20) <= midsummer <= date(year, 6, 26)
    assert date(year, 10, 31) <= saints <= date(year, 11, 6)


@pytest.mark.parametrize("year", YEARS)
def test_the_eves_are_the_three_that_the_acts_set_beside_sundays(year: int) -> None:
    eves = {saturday_from(date(year, 6, 20)) - DAY, date(year, 12, 24), date(year, 12, 31)}
    assert {day for day in days_of(year) if is_eve(day)} == eves
    assert all(is_eve(day) and not is_holiday(day) and not is_workday(day) for day in eves)


@pytest.mark.parametrize("year", YEARS)
def test_a_workday_is_a_weekday_that_is_neither_holiday_nor_eve(year: int) -> None:
    workdays = [day for day in days_of(year) if is_workday(day)]
    assert workdays == [
        day for day in days_of(year) if day.weekday() < SATURDAY and day not in by_the_act(year) and not is_eve(day)
    ]


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 5, 15), True),  # klämdag: the Friday after Kristi himmelsfärdsdag
        (date(2026, 4, 2), True),  # skärtorsdagen
        (date(2026, 1, 5), True),  # trettondagsafton
        (date(2026, 5, 25), True),  # annandag pingst has been no holiday since 2005
        (date(2026, 6, 19), False),  # midsommarafton
        (date(2026, 11, 22), False),  # an ordinary Sunday
    ],
)
def test_days_that_people_ask_about(day: date, works: bool) -> None:
    assert is_workday(day) is works


def test_an_ordinary_sunday_is_no_holiday_and_has_no_name() -> None:
    assert not is_holiday(date(2026, 11, 22))
    assert name_of(date(2026, 11, 22)) is None
    named = name_of(date(2026, 4, 5))
    assert named is not None
    assert (named.sv, named.en) == ("Påskdagen", "Easter Sunday")


@given(DATES)
def test_the_next_workday_is_the_first_after_the_day(day: date) -> None:
    after = next_workday(day)
    assert is_workday(after)
    assert not any(is_workday(day + number * DAY) for number in range(1, (after - day).days))
    assert this_or_next_workday(day) == (day if is_workday(day) else after)


@given(DATES)
def test_every_day_counts_as_all_and_none_as_both_workday_and_holiday(day: date) -> None:
    assert Days.ALL.hold(day)
    assert not (Days.WORKDAYS.hold(day) and Days.HOLIDAYS.hold(day))
    assert Days.WORKDAYS.hold(day) or Days.HOLIDAYS.hold(day) or day.weekday() >= SATURDAY


def test_a_year_before_the_act_is_refused() -> None:
    with pytest.raises(ValueError, match="1953"):
        is_workday(date(1950, 1, 3))
