"""The laws of keeping leases: one's own first, and then what others left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Never

import pytest
from sqlalchemy.exc import OperationalError

from hub.jobs.keeper import Leaps
from hub.jobs.scheduler import Scheduler
from hub.store import leases, work
from hub.store.database import Database
from hub.store.leases import Claimed

LEASE = timedelta(seconds=30)
BEGUN = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUN_OUT = timedelta(seconds=-1)


def run_out(database: Database, number: int) -> Sequence[Claimed]:
    """Work that runs, and whose leases have run out."""
    with database.write() as connection:
        for _ in range(number):
            work.enqueue(connection, kind="send", lane="north", argument={})
        return leases.claim(connection, worker="w", kinds=["send"], limit=number, lease=RUN_OUT).taken


def outcomes(database: Database, claimed: Claimed) -> list[str | None]:
    with database.read() as connection:
        return [attempt.outcome for attempt in work.attempts_of(connection, claimed.id)]


def test_ones_own_living_work_is_prolonged_and_what_others_left_is_put_back(database: Database) -> None:
    mine, left = run_out(database, 2)
    held = (mine.id, mine.token)
    beat = Scheduler(database, {}, "w", LEASE).keep_leases([held])
    assert beat.current == {held}
    assert (outcomes(database, mine), outcomes(database, left)) == ([None], ["lost"])


def calm(at: Sequence[tuple[float, float]], kept: Callable[[float], bool] = lambda _here: True) -> list[bool]:
    """What is said, beat by beat, with a lease of 20 s: by the clock nobody sets, and by the shared one."""
    ticks = iter([here for here, _ in at])
    leaps, said = Leaps(20.0, lambda: next(ticks)), []
    for here, shared in at:
        said.append(leaps.is_calm(BEGUN + timedelta(seconds=shared)))
        if kept(here):
            leaps.beat_was_kept()
    return said


def test_after_a_leap_of_the_clock_the_living_have_time_to_prolong_theirs_before_anything_is_put_back() -> None:
    assert calm([(0, 0), (2, 2), (4, 3604), (6, 3606), (14.5, 3614.5)]) == [True, True, False, False, True]


def test_after_a_time_without_a_database_the_living_have_time_to_prolong_theirs_before_anything_is_put_back() -> None:
    assert calm([(0, 0), (2, 2), (30, 30), (32, 32), (40.5, 40.5)]) == [True, True, False, False, True]


def test_a_beat_that_could_not_be_committed_ends_no_time_without_a_database() -> None:
    said = calm([(0, 0), (9, 9), (18, 18), (20, 20), (28.5, 28.5)], kept=lambda here: here not in {9, 18})
    assert said == [True, True, False, False, False]


def test_a_beat_or_two_that_came_late_hinder_nobody() -> None:
    assert calm([(0, 0), (6, 6), (15.5, 15.5)]) == [True, True, True]


def test_a_clock_put_back_hinders_nobody() -> None:
    assert calm([(0, 0), (2, -3600)]) == [True, True]


def test_nothing_is_put_back_while_the_clock_is_not_calm(database: Database) -> None:
    (left,) = run_out(database, 1)
    Scheduler(database, {}, "w", LEASE).keep_leases([], lambda _at: False)
    assert outcomes(database, left) == [None]


def test_nothing_is_put_back_in_a_turn_in_which_ones_own_could_not_be_prolonged(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, left = run_out(database, 2)

    def away(*_: object) -> Never:
        raise OperationalError("UPDATE work", {}, ConnectionError())

    monkeypatch.setattr(leases, "heartbeat", away)
    with pytest.raises(OperationalError):
        Scheduler(database, {}, "w", LEASE).keep_leases([(mine.id, mine.token)])
    assert outcomes(database, left) == [None]
