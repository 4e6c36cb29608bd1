"""Keeping to a connection's rate within one piece of work that makes many calls: a plan's changes, a pull's pages."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.jobs.kinds import Job
from hub.store import lanes, leases
from hub.store.database import Database

_LONGEST_NAP = 1.0


def pace(database: Database, job: Job, sleep: Callable[[float], None] = time.sleep) -> Callable[[], None]:
    """What is to be called before each further call of that work: it beats, and waits as the lane's rate demands.

    Over all processes the lane then makes no more calls in a time than it may begin work. Raises Stopped, as `beat`.
    """
    with database.read() as connection:
        limited = lanes.has_rate(connection, job.lane)

    def wait() -> None:
        job.beat()
        while limited and (left := _left(database, job.lane)):
            sleep(min(left, _LONGEST_NAP))
            job.beat()

    return wait


def _left(database: Database, lane: str) -> float:
    with database.write() as connection:
        return leases.spend(connection, lane).total_seconds()
