"""The laws of times in cron's words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, takewhile

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.calendar import CITY_TIME, Days, is_eve, is_holiday, is_workday
from hub.domain.cron import MOST_CAUGHT_UP, CatchUp, Cron, CronInvalid, Due, Mark, OnHoliday, Planned, Schedule

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
DAY = timedelta(days=1)
MOMENTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2039, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NEAR_CHANGES = st.builds(
    lambda changed, seconds: changed + timedelta(seconds=seconds),
    st.sampled_from([datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]),
    st.integers(-9000, 9000),
)
MINUTES = st.sampled_from(["0", "30", "59", "*/15", "*", "5-10", "0,30", "7/20"])
HOURS = st.sampled_from(["*", "2", "*/2", "1-4", "3", "0,2,23"])
DAYS = st.sampled_from(["*", "1", "L", "LW", "*/3", "25"])
WEEKDAYS = st.sampled_from(["*", "1-5", "MON#1", "5L", "0", "SAT,SUN"])
EXPRESSIONS = st.builds(lambda *fields: " ".join(fields), MINUTES, HOURS, DAYS, st.just("*"), WEEKDAYS)
COUNTED = st.sampled_from(
    [
        (Days.ALL, OnHoliday.SKIP),
        (Days.WORKDAYS, OnHoliday.SKIP),
        (Days.WORKDAYS, OnHoliday.NEXT_WORKDAY),
        (Days.HOLIDAYS, OnHoliday.SKIP),
    ]
)


def at(day: date, clock: str, fold: int = 0) -> datetime:
    """That time on the wall, in UTC."""
    return datetime.combine(day, time.fromisoformat(clock), CITY_TIME).replace(fold=fold).astimezone(UTC)


def on(day: date, words: str, days: Days = Days.ALL, on_holiday: OnHoliday = OnHoliday.SKIP) -> list[Planned]:
    """What is planned on one day of the city."""
    planned = Cron.parse(words, days, on_holiday).planned(at(day, "00:00") - timedelta(seconds=1))
    return list(takewhile(lambda each: each.at < at(day + DAY, "00:00"), planned))


# --- the clock is changed -------------------------------------------------------------------------------------


def test_on_the_autumn_night_half_past_two_runs_once_and_it_is_the_first_of_the_two() -> None:
    assert [(each.at, each.mark) for each in on(AUTUMN, "30 2 * * *")] == [
        (at(AUTUMN, "02:30", fold=0), Mark.FIRST_OF_TWO)
    ]


def test_on_the_spring_night_half_past_two_runs_once_at_three() -> None:
    [planned] = on(SPRING, "30 2 * * *")
    assert (planned.at, planned.wall, planned.mark) == (at(SPRING, "03:00"), time(2, 30), Mark.AFTER_GAP)


def test_times_that_the_gap_swallows_run_once_together() -> None:
    told = [(each.at, each.mark) for each in on(SPRING, "0,30 2,3 * * *")]
    assert told == [(at(SPRING, "03:00"), None), (at(SPRING, "03:30"), None)]
    assert [each.at for each in on(SPRING, "10,50 2 * * *")] == [at(SPRING, "03:00")]


@pytest.mark.parametrize(("day", "quarters"), [(SPRING, 23 * 4), (AUTUMN, 25 * 4), (date(2026, 6, 1), 24 * 4)])
def test_every_quarter_of_an_hour_is_every_real_one(day: date, quarters: int) -> None:
    times = [each.at for each in on(day, "*/15 * * * *")]
    assert len(times) == quarters
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(minutes=15)}


def test_of_an_hour_that_comes_twice_the_second_is_marked_where_time_is_counted_as_it_passes() -> None:
    marks = [each.mark for each in on(AUTUMN, "30 * * * *")]
    assert len(marks) == 25
    assert [hour for hour, mark in enumerate(marks) if mark] == [3]
    assert marks[3] is Mark.SECOND_OF_TWO


def test_a_star_in_the_minute_has_nothing_to_do_in_an_hour_that_does_not_exist() -> None:
    assert on(SPRING, "*/15 2 * * *") == []
    assert len(on(AUTUMN, "*/15 2 * * *")) == 8


def test_asked_within_the_second_of_two_hours_the_first_is_not_told_again() -> None:
    within = at(AUTUMN, "02:10", fold=1)
    assert Cron.parse("30 2 * * *").first(within) == at(AUTUMN + DAY, "02:30")


@pytest.mark.parametrize("words", ["30 2 * * *", "0 2 * * *", "0 3 * * *", "59 23 * * *", "@daily", "15 1 * * *"])
def test_a_daily_time_runs_exactly_once_on_every_day_of_twenty_years(words: str) -> None:
    begin, end = date(2020, 1, 1), date(2040, 1, 1)
    planned = Cron.parse(words).planned(at(begin, "00:00") - timedelta(seconds=1))
    days = [each.at.astimezone(CITY_TIME).date() for each in takewhile(lambda one: one.at < at(end, "00:00"), planned)]
    assert days == [begin + number * DAY for number in range((end - begin).days)]


@settings(deadline=None)
@given(EXPRESSIONS, COUNTED, st.one_of(MOMENTS, NEAR_CHANGES))
def test_times_rise_strictly_from_after_the_moment_that_is_asked_about(
    words: str, counted: tuple[Days, OnHoliday], after: datetime
) -> None:
    times = [after, *(each.at for each in Cron(words.upper(), *counted).next_times(after, 8))]
    assert all(earlier < later for earlier, later in pairwise(times))


@settings(deadline=None)
@given(EXPRESSIONS, COUNTED, st.one_of(MOMENTS, NEAR_CHANGES), st.integers(0, 6))
def test_the_times_are_the_same_wherever_one_begins_to_ask(
    words: str, counted: tuple[Days, OnHoliday], after: datetime, number: int
) -> None:
    cron = Cron(words.upper(), *counted)
    times = [each.at for each in cron.next_times(after, 8)]
    if number < len(times) - 1:
        assert [each.at for each in cron.next_times(times[number], 8)][: len(times) - number - 1] == times[number + 1 :]


# --- days that count ------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["0 6 * * *", "30 2 * * *", "0 6 25 * *", "*/30 7 * * *"]))
def test_only_the_days_that_count_are_run_on(after: datetime, words: str) -> None:
    for each in Cron(words, Days.WORKDAYS).next_times(after, 6):
        assert is_workday(each.at.astimezone(CITY_TIME).date())
        assert not any(is_workday(day) for day in each.passed_over)
    for each in Cron(words, Days.HOLIDAYS).next_times(after, 2):
        day = each.at.astimezone(CITY_TIME).date()
        assert is_holiday(day) or is_eve(day)


def test_a_christmas_is_passed_over_and_says_so() -> None:
    [next_one] = Cron.parse("0 6 * * *", Days.WORKDAYS).next_times(at(date(2026, 12, 23), "12:00"), 1)
    assert next_one.at == at(date(2026, 12, 28), "06:00")
    assert next_one.passed_over == tuple(date(2026, 12, 24) + number * DAY for number in range(4))


def test_a_time_on_a_free_day_may_be_moved_to_the_next_workday_and_says_from_where() -> None:
    moved = Cron.parse("0 6 25 * *", Days.WORKDAYS, OnHoliday.NEXT_WORKDAY)
    [next_one] = moved.next_times(at(date(2026, 12, 1), "12:00"), 1)
    assert (next_one.at, next_one.moved_from) == (at(date(2026, 12, 28), "06:00"), (date(2026, 12, 25),))


def test_what_is_moved_to_a_workdays_own_time_runs_once_with_it() -> None:
    daily = Cron.parse("0 6 * * *", Days.WORKDAYS, OnHoliday.NEXT_WORKDAY)
    saturday = date(2026, 11, 21)
    [monday, tuesday] = daily.next_times(at(saturday, "00:00"), 2)
    assert (monday.at, monday.moved_from) == (at(date(2026, 11, 23), "06:00"), (saturday, saturday + DAY))
    assert (tuesday.at, tuesday.moved_from) == (at(date(2026, 11, 24), "06:00"), ())


def test_what_the_gap_moved_is_moved_on_by_its_time_on_the_wall() -> None:
    night = Cron.parse("30 2 * * *", Days.WORKDAYS, OnHoliday.NEXT_WORKDAY)
    [monday, tuesday] = night.next_times(at(SPRING, "00:00"), 2)
    assert (monday.at, monday.moved_from) == (at(SPRING + DAY, "02:30"), (SPRING - DAY, SPRING))
    assert tuesday.at == at(SPRING + 2 * DAY, "02:30")


# --- words that are no times ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "inget är skrivet"),
        ("0 6 * *", "4 är skrivna"),
        ("0 0 6 * * *", "sex fält är ett för mycket"),
        ("61 * * * *", "minuten"),
        ("0 24 * * *", "timmen"),
        ("0 6 32 * *", "dagen i månaden"),
        ("0 6 31 2 *", "inträffar aldrig"),
        ("0 6 * 13 *", "månaden"),
        ("0 6 * * FOO", "veckodagen"),
        ("0 6 * * 8", "veckodagen"),
        ("@reboot", "@reboot finns inte"),
        ("0 6 * * 1,2,3,4,5," + "1," * 60 + "1", "för långt"),
    ],
)
def test_words_that_are_no_times_are_refused_with_what_is_wrong_and_an_example(words: str, told: str) -> None:
    with pytest.raises(CronInvalid) as refused:
        Cron.parse(words)
    assert told in refused.value.text.sv
    assert all("0 6 * * 1-5" in each for each in (refused.value.text.sv, refused.value.text.en))


def test_a_time_that_never_comes_on_the_days_that_count_is_refused() -> None:
    with pytest.raises(CronInvalid, match="never comes"):
        Cron.parse("0 6 25 12 *", Days.WORKDAYS)


def test_moving_to_the_next_workday_is_for_workdays_only() -> None:
    with pytest.raises(CronInvalid, match="workdays"):
        Cron.parse("0 6 * * *", Days.ALL, OnHoliday.NEXT_WORKDAY)


@settings(deadline=None)
@given(st.text(alphabet="0123456789*/,-#@ LWMONFRIJA²٣", max_size=25))
def test_whatever_is_written_is_times_or_is_refused(words: str) -> None:
    try:
        cron = Cron.parse(words)
    except CronInvalid:
        return
    assert cron.first(datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    ("shorthand", "written"),
    [("@hourly", "0 * * * *"), ("@Daily", "0 0 * * *"), ("@weekly", "0 0 * * 0"), ("@yearly", "0 0 1 1 *")],
)
def test_a_shorthand_is_the_five_fields_it_stands_for(shorthand: str, written: str) -> None:
    assert Cron.parse(shorthand) == Cron.parse(written)


# --- times that were missed -----------------------------------------------------------------------------------

QUARTERLY = Cron.parse("*/15 * * * *")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def due(catch_up: CatchUp, back: timedelta, now: datetime = NOON) -> Due:
    """What is due at noon of quarters after so long."""
    return Schedule(QUARTERLY, timedelta(minutes=5), catch_up).due(NOON - back, now)


def test_one_runs_the_latest_of_what_was_missed_and_counts_the_others() -> None:
    assert due(CatchUp.ONE, timedelta(hours=1)) == Due((NOON,), 3)


def test_all_runs_everything_in_order() -> None:
    quarters = tuple(NOON - number * timedelta(minutes=15) for number in (3, 2, 1, 0))
    assert due(CatchUp.ALL, timedelta(hours=1)) == Due(quarters, 0)


def test_all_is_capped_at_the_latest_hundred_and_says_how_many_it_passes_over() -> None:
    met = due(CatchUp.ALL, timedelta(days=2))
    assert (len(met.times), met.times[-1], met.passed_over) == (MOST_CAUGHT_UP, NOON, 2 * 96 - MOST_CAUGHT_UP)


def test_none_runs_only_what_is_within_its_grace() -> None:
    assert due(CatchUp.NONE, timedelta(hours=1), NOON + 5 * MINUTE) == Due((NOON,), 3)
    assert due(CatchUp.NONE, timedelta(hours=1), NOON + 6 * MINUTE) == Due((), 4)


def test_nothing_is_due_before_the_next_time() -> None:
    assert due(CatchUp.ALL, timedelta(0), NOON + 14 * MINUTE) == Due()


@settings(deadline=None)
@given(st.sampled_from(CatchUp), st.integers(0, 3000), st.integers(0, 20))
def test_every_time_is_either_run_or_counted_as_passed_over(catch_up: CatchUp, back: int, ahead: int) -> None:
    begin, now = NOON - back * MINUTE, NOON + ahead * MINUTE
    met = Schedule(QUARTERLY, timedelta(minutes=5), catch_up).due(begin, now)
    told = len(list(takewhile(lambda each: each.at <= now, QUARTERLY.planned(begin))))
    assert len(met.times) + met.passed_over == told
    assert all(begin < each <= now for each in met.times)


@settings(deadline=None, max_examples=40)
@given(EXPRESSIONS, COUNTED, st.one_of(MOMENTS, NEAR_CHANGES), st.integers(0, 4000), st.integers(1, 5))
def test_the_latest_times_are_the_last_of_those_that_came_however_far_back_one_looks(
    words: str, counted: tuple[Days, OnHoliday], until: datetime, minutes: int, number: int
) -> None:
    cron, after = Cron(words.upper(), *counted), until - minutes * MINUTE
    came = tuple(each.at for each in takewhile(lambda one: one.at <= until, cron.planned(after)))
    assert cron.latest(after, until, number) == came[-number:]


@settings(deadline=None)
@given(EXPRESSIONS, MOMENTS)
def test_what_is_moved_is_the_same_however_long_before_one_begins_to_ask(words: str, after: datetime) -> None:
    cron = Cron(words.upper(), Days.WORKDAYS, OnHoliday.NEXT_WORKDAY)
    before = (each for each in cron.planned(after - timedelta(days=12)) if each.at > after)
    assert next(cron.planned(after), None) == next(before, None)


@pytest.mark.parametrize("counted", [(Days.ALL, OnHoliday.SKIP), (Days.WORKDAYS, OnHoliday.NEXT_WORKDAY)])
@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_schedule_that_stood_still_for_a_year_is_walked_only_as_far_as_is_needed(
    counted: tuple[Days, OnHoliday], catch_up: CatchUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[object] = []
    really = CronSim.__next__

    def counting(simulated: CronSim) -> datetime:
        walked.append(simulated)
        return really(simulated)

    monkeypatch.setattr(CronSim, "__next__", counting)
    met = Schedule(Cron("* * * * *", *counted), catch_up=catch_up).due(NOON - timedelta(days=365), NOON)
    assert len(met.times) == (MOST_CAUGHT_UP if catch_up is CatchUp.ALL else 1)
    assert (met.passed_over, len(walked) < 20_000) == (10_000, True)


@pytest.mark.parametrize("day", [date(2026, 11, 18), date(2026, 11, 22), date(2026, 11, 23), date(2026, 12, 26)])
def test_the_next_time_is_looked_for_no_further_back_than_the_free_days_before_it(
    day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[datetime] = []
    really = Cron._raw

    def told(cron: Cron, after: datetime) -> Iterator[Planned]:
        walked.append(after)
        return really(cron, after)

    monkeypatch.setattr(Cron, "_raw", told)
    Cron("0 6 * * *", Days.WORKDAYS, OnHoliday.NEXT_WORKDAY).first(at(day, "05:00"))
    free = [day - number * DAY for number in range(1, 10)]
    before = len(list(takewhile(lambda each: not is_workday(each), free)))
    assert at(day, "00:00") - (before + 1) * DAY <= min(walked)


def test_the_words_of_a_schedule_tell_its_times_again() -> None:
    for each in (QUARTERLY, Cron.parse("0 6 * * MON", Days.WORKDAYS, OnHoliday.NEXT_WORKDAY)):
        assert Cron.of(each.words) == each
    for other in ("", "0 6 * * * new", "0 6 * * * new skip", "0 99 * * * all skip"):
        assert Cron.of(other) is None


def test_a_time_is_missed_once_its_grace_has_passed_and_the_first_is_told() -> None:
    schedule = Schedule(QUARTERLY, timedelta(minutes=5))
    assert schedule.missed(NOON - MINUTE, NOON + 5 * MINUTE) is None
    assert schedule.missed(NOON - MINUTE, NOON + 6 * MINUTE) == NOON
    assert schedule.missed(NOON - MINUTE, NOON + timedelta(hours=3)) == NOON
