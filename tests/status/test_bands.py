"""Bands: never the usual day, always the tenfold and the empty one, and hardly moved by one odd day."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.calendar import is_workday
from hub.status.bands import (
    BYTES,
    DOCUMENTS,
    FREE,
    LEAST,
    MEASURES,
    MONTH_END,
    REMOVALS,
    SECONDS,
    Learned,
    Measure,
    band,
    doubt,
    is_month_end,
    kind_of,
    silence,
)

MONDAY = date(2026, 6, 1)
counts = st.lists(st.integers(0, 100_000), min_size=LEAST, max_size=16)
steady = st.tuples(st.integers(50, 50_000), st.lists(st.floats(0.9, 1.1), min_size=LEAST, max_size=16))


def days(values: list[float]) -> list[Learned]:
    """Mondays that came to those values."""
    return [Learned(MONDAY + timedelta(weeks=number), value) for number, value in enumerate(values)]


@given(counts, st.sampled_from(MEASURES))
def test_the_median_day_is_never_doubted(values: list[float], measure: Measure) -> None:
    usual = band(days(values), measure)
    assert usual is not None
    if median(values) > 0:
        assert doubt(median(values), usual, measure, "monday") is None


@given(steady)
def test_a_tenfold_day_and_an_empty_one_are_doubted_when_the_spread_is_small(drawn: tuple[int, list[float]]) -> None:
    middle, shares = drawn
    usual = band(days([middle * share for share in shares]), DOCUMENTS)
    for value in (0, 10 * middle):
        found = doubt(value, usual, DOCUMENTS, "monday")
        assert found is not None
        assert found.outside > 0
        assert len(found.days) == len(shares)


@given(steady, st.integers(0, 10_000_000))
def test_one_odd_day_does_not_move_the_band_much(drawn: tuple[int, list[float]], odd: int) -> None:
    middle, shares = drawn
    values = [middle * share for share in shares]
    before, after = band(days(values), DOCUMENTS), band(days([*values, odd]), DOCUMENTS)
    assert before is not None
    assert after is not None
    assert abs(after.middle - before.middle) <= 0.2 * middle
    assert after.high <= 3 * middle
    assert after.low >= 0
    assert doubt(20 * middle, after, DOCUMENTS, "monday") is not None


@given(st.lists(st.integers(0, 9_999), max_size=LEAST - 1), st.integers(0, 10**9))
def test_in_the_learning_time_nothing_is_claimed(values: list[float], value: int) -> None:
    assert doubt(value, band(days(values), DOCUMENTS), DOCUMENTS, "monday") is None


def test_many_runs_of_few_days_teach_nothing() -> None:
    assert band([Learned(MONDAY + timedelta(days=number % (LEAST - 1)), 9) for number in range(50)], DOCUMENTS) is None


@given(steady, st.integers(0, 10_000_000))
def test_what_a_person_called_normal_is_not_doubted_again(drawn: tuple[int, list[float]], odd: int) -> None:
    middle, shares = drawn
    learned = [*days([middle * share for share in shares]), Learned(MONDAY - timedelta(weeks=1), odd, is_normal=True)]
    usual = band(learned, DOCUMENTS)
    assert usual is not None
    assert usual.holds(odd)


def test_a_doubt_tells_what_was_met_the_band_and_what_it_was_learned_from() -> None:
    usual = band(days([200, 210, 220, 230, 240, 225]), DOCUMENTS)
    found = doubt(0, usual, DOCUMENTS, "monday", 13)
    assert found is not None
    assert found.text.en == (
        "Nothing came by 13:00. On Mondays it is usually 171–274 by 13:00 (from 6 comparable days)."
    )
    assert found.text.sv == (
        "Inget har kommit till kl. 13:00. På måndagar brukar det vara 171–274 till kl. 13:00 (av 6 jämförbara dagar)."
    )
    assert found.days[0] == "2026-06-01"


def test_quick_runs_and_few_removals_are_no_reason_to_doubt() -> None:
    for measure in (SECONDS, REMOVALS):
        usual = band(days([100.0] * LEAST), measure)
        assert doubt(0, usual, measure, "monday") is None
        assert doubt(1000, usual, measure, "monday") is not None
    assert doubt(0, band(days([1_000_000.0] * LEAST), BYTES), BYTES, "monday") is not None


def test_nothing_where_seldom_something_comes_is_usual_and_where_something_always_comes_is_not() -> None:
    assert doubt(0, band(days([0, 1, 0, 3, 0, 0]), DOCUMENTS), DOCUMENTS, "friday") is None
    assert doubt(0, band(days([1, 2, 1, 1, 2, 1]), DOCUMENTS), DOCUMENTS, "friday") is None
    assert doubt(0, band(days([5, 6, 2, 40, 7, 9]), DOCUMENTS), DOCUMENTS, "friday") is not None


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 11, 23), "monday"),
        (date(2026, 11, 26), MONTH_END),
        (date(2026, 11, 25), "wednesday"),
        (date(2026, 11, 28), "saturday"),
        (date(2026, 12, 24), FREE),
        (date(2026, 12, 29), MONTH_END),
        (date(2026, 12, 31), FREE),
        (date(2026, 5, 1), FREE),
    ],
)
def test_days_of_one_kind_are_compared(day: date, kind: str) -> None:
    assert kind_of(day) == kind


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_ends_with_three_workdays(month: int) -> None:
    every = [date(2026, month, 1) + timedelta(days=number) for number in range(31)]
    last = [day for day in every if day.month == month and is_workday(day)][-3:]
    assert [day for day in every if day.month == month and is_month_end(day)] == last


def test_silence_is_told_from_the_hour_after_which_nothing_came() -> None:
    hours = [0] * 7 + [10, 40] + [40] * 15
    assert silence(hours, 13) == 9
    assert silence(hours, 9) is None
    assert silence([0] * 24, 9) is None
