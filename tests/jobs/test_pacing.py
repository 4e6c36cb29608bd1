"""The laws of keeping to a rate within one piece of work, on both databases."""

from __future__ import annotations

import pytest

from hub.jobs.kinds import Job, Stopped, StopReason
from hub.jobs.pacing import pace
from hub.store import lanes
from hub.store.database import Database

JOB = Job(1, "apply", "north", {})


def allow(database: Database, rate: float | None, burst: int | None = None) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "north", 4, rate, burst)


def test_calls_beyond_the_burst_wait_for_their_tokens(database: Database) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        allow(database, 1000.0, 1)

    allow(database, 0.01, 3)
    wait = pace(database, JOB, sleep)
    for _ in range(3):
        wait()
    assert slept == []
    wait()
    assert slept == [1.0]


def test_a_lane_without_a_rate_never_waits(database: Database) -> None:
    allow(database, None)
    wait = pace(database, JOB, lambda seconds: pytest.fail(f"waited {seconds} s"))
    for _ in range(20):
        wait()


def test_work_that_is_to_stop_stops_while_it_waits(database: Database) -> None:
    allow(database, 0.001, 1)
    job = Job(1, "apply", "north", {})

    def sleep(_seconds: float) -> None:
        job.leash.stop = StopReason.CANCELLED

    wait = pace(database, job, sleep)
    wait()
    with pytest.raises(Stopped):
        wait()
