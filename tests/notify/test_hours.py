"""Quiet hours by the city's clock, over midnight, over a change of the clock, and on free days."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.calendar import CITY_TIME
from hub.notify.hours import Hours

NIGHT = Hours(time(18), time(7))
LATER = Hours(time(18), time(7), digest=time(7, 30))
WORKDAYS = Hours(time(18), time(7), digest=time(7, 30), workdays=True)


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=CITY_TIME).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [("17:59", False), ("18:00", True), ("23:59", True), ("06:59", True), ("07:00", False), ("12:00", False)],
)
def test_quiet_hours_reach_over_midnight(moment: str, quiet: bool) -> None:
    assert NIGHT.is_quiet(at(f"2026-11-24 {moment}")) is quiet


def test_quiet_hours_within_a_day_and_none_at_all() -> None:
    noon = at("2026-11-24 12:00")
    assert Hours(time(11), time(13)).is_quiet(noon)
    assert not Hours(time(13), time(14)).is_quiet(noon)
    assert not Hours().is_quiet(noon)
    assert not Hours(time(9), time(9)).is_quiet(noon)


@pytest.mark.parametrize("day", ["2026-11-22", "2026-12-24", "2026-12-25", "2026-06-06"])
def test_free_days_are_quiet_where_only_workdays_are_not(day: str) -> None:
    assert WORKDAYS.is_quiet(at(f"{day} 12:00"))
    assert not NIGHT.is_quiet(at(f"{day} 12:00"))


@pytest.mark.parametrize(
    ("hours", "moment", "told"),
    [
        (NIGHT, "2026-11-24 20:00", "2026-11-25 07:00"),
        (LATER, "2026-11-25 03:00", "2026-11-25 07:30"),
        (LATER, "2026-11-25 07:30", "2026-11-26 07:30"),
        (WORKDAYS, "2026-11-27 20:00", "2026-11-30 07:30"),
        (WORKDAYS, "2026-12-23 20:00", "2026-12-28 07:30"),
        (LATER, "2026-10-24 23:00", "2026-10-25 07:30"),
    ],
    ids=["ends", "digest", "next day", "weekend", "christmas", "the clock is put back"],
)
def test_what_waited_is_told_when_the_quiet_is_over(hours: Hours, moment: str, told: str) -> None:
    assert hours.digest_after(at(moment)) == at(told)


def test_the_digest_of_a_day_is_due_once_its_time_has_come() -> None:
    assert WORKDAYS.digest_due(at("2026-11-24 07:29")) is None
    assert WORKDAYS.digest_due(at("2026-11-24 07:31")) == at("2026-11-24 07:30")
    assert WORKDAYS.digest_due(at("2026-11-22 12:00")) is None
    assert NIGHT.digest_due(at("2026-11-24 12:00")) is None


@given(
    minutes=st.integers(0, 2 * 365 * 24 * 60),
    begins=st.times(),
    ends=st.times(),
    digest=st.none() | st.times(),
    workdays=st.booleans(),
)
def test_nothing_waits_for_ever_and_nothing_is_told_before_now(
    minutes: int, begins: time, ends: time, digest: time | None, workdays: bool
) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    told = Hours(begins, ends, digest, workdays).digest_after(moment)
    assert timedelta(0) < told - moment <= timedelta(days=12)
