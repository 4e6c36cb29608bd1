"""The laws of waiting before the next try."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.retries import RetryPolicy, ceiling, delay, gives_up

SECONDS = st.floats(min_value=0.01, max_value=10_000).map(lambda seconds: timedelta(seconds=seconds))
POLICIES = st.builds(RetryPolicy, base=SECONDS, factor=st.floats(min_value=1, max_value=10), cap=SECONDS)
ATTEMPTS = st.integers(min_value=1, max_value=100_000)
FRACTIONS = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(POLICIES, ATTEMPTS, FRACTIONS)
def test_a_wait_is_never_negative_and_never_longer_than_its_ceiling_or_the_cap(
    policy: RetryPolicy, attempt: int, fraction: float
) -> None:
    assert timedelta(0) <= delay(policy, attempt, fraction) <= ceiling(policy, attempt) <= policy.cap


@given(POLICIES, ATTEMPTS)
def test_the_ceiling_never_sinks_with_the_attempts(policy: RetryPolicy, attempt: int) -> None:
    assert ceiling(policy, attempt) <= ceiling(policy, attempt + 1)


@given(POLICIES, ATTEMPTS, FRACTIONS, SECONDS)
def test_the_other_sides_wish_is_never_undercut(
    policy: RetryPolicy, attempt: int, fraction: float, wish: timedelta
) -> None:
    assert delay(policy, attempt, fraction, wish) >= wish


def test_a_wish_of_a_year_is_honoured_for_a_day() -> None:
    assert delay(RetryPolicy(), 1, 0.5, timedelta(days=365)) == timedelta(days=1)


def test_the_ceiling_doubles_from_one_second_to_an_hour() -> None:
    seconds = [ceiling(RetryPolicy(), attempt).total_seconds() for attempt in (1, 2, 3, 12, 13, 500)]
    assert seconds == [1, 2, 4, 2048, 3600, 3600]


@given(ATTEMPTS)
def test_nothing_is_given_up_for_being_out_of_reach_unless_the_policy_says_so(attempt: int) -> None:
    assert not gives_up(RetryPolicy(), attempt)


@given(ATTEMPTS, ATTEMPTS)
def test_a_policy_that_counts_gives_up_at_its_last_attempt(attempts: int, attempt: int) -> None:
    assert gives_up(RetryPolicy(attempts=attempts), attempt) is (attempt >= attempts)
