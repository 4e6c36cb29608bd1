"""Work that waits: much of it to be done, or one piece at a time and how long until it begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from statistics import quantiles
from typing import Any

from sqlalchemy import delete, insert, select

from bench.figures import Figure, plain
from bench.hands import FORKS, Turn, hands
from bench.sizes import Sizes
from hub.jobs.executors import Executor
from hub.jobs.kinds import Job, Kind
from hub.jobs.names import BY_HAND
from hub.store import lanes, work
from hub.store.database import Database, now, open_database
from hub.store.tables import work as work_table

THREADS, LANES = 8, 4
MEDIAN_WANTED, WORST_WANTED = 20.0, 50.0
"""Milliseconds from enqueue to start, of the median and of all but one in a hundred: the aim, not a bound."""

_SLOW, _SLOW_AT_ONCE = 0.02, 2


def fill(database: Database, jobs: int) -> None:
    """Nothing but so many jobs that do nothing, shared out over the lanes."""
    with database.write() as connection:
        connection.execute(delete(work_table))
        for lane in range(LANES):
            lanes.set_lane(connection, f"lane-{lane}", THREADS * 2)
        if jobs:
            each_in = [f"lane-{number % LANES}" for number in range(jobs)]
            connection.execute(insert(work_table), list(_waiting("nothing", each_in, now(connection))))


def unended(database: Database) -> bool:
    """Whether any work has no final state yet."""
    left = select(work_table.c.id).where(work_table.c.state.in_(work.UNENDED)).limit(1)
    with database.read() as connection:
        return connection.execute(left).first() is not None


def work_off(opened: Callable[..., Executor], url: str, ready: Turn, may_go: Turn, may_end: Turn) -> None:
    """A process that does those jobs, with an executor of that class."""
    with closing(open_database(url)) as database:
        executor = opened(database, [Kind("nothing", lambda _job: None)], threads=THREADS)
        ready.set()
        may_go.wait()
        executor.start()
        may_end.wait()
        executor.stop()


def latency(
    database: Database, url: str, sizes: Sizes, told: Callable[[str], None], opened: Callable[..., Executor]
) -> Iterator[Figure]:
    """From enqueue to start, with one process: with nothing else to do, and beside a backlog that is worked on."""
    for title, waiting in (("nothing else waiting", 0), (f"{sizes.waiting} waiting", sizes.waiting)):
        told(f"latency, {title}")
        fill(database, 0)
        _add_backlog(database, waiting)
        cut = quantiles(_waited(database, url, sizes.latencies, opened), n=100)
        yield plain(f"enqueue to start, {title}: median (aim {MEDIAN_WANTED:g})", cut[49], "ms")
        yield plain(f"enqueue to start, {title}: p99 (aim {WORST_WANTED:g})", cut[98], "ms")


def _add_backlog(database: Database, waiting: int) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "backlog", _SLOW_AT_ONCE)
        if waiting:
            connection.execute(insert(work_table), list(_waiting("slow", ["backlog"] * waiting, now(connection))))


def _waiting(kind: str, each_in: Sequence[str], at: datetime) -> Iterator[dict[str, Any]]:
    same = {"kind": kind, "argument": {}, "state": work.WorkState.WAITING, "priority": 0}
    same |= {"due_at": at, "enqueued_at": at, "attempts": 0, "token": 0}
    for lane in each_in:
        yield same | {"lane": lane}


def _waited(database: Database, url: str, number: int, opened: Callable[..., Executor]) -> Sequence[float]:
    """Milliseconds of each piece of work, enqueued here and begun in a process of its own."""
    heard, begins = FORKS.Pipe(duplex=False)
    waited = []
    with hands(1, _begin, url, begins, opened) as go:
        go()
        for each in range(number + 1):
            with database.write() as connection:
                work.enqueue(connection, kind="probe", lane="lane-0", argument={"n": each}, priority=BY_HAND)
            enqueued = time.time()
            waited.append((heard.recv() - enqueued) * 1000)
    return waited[1:]  # the first waits for the executor to start


def _begin(url: str, begins: Any, opened: Callable[..., Executor], ready: Turn, may_go: Turn, may_end: Turn) -> None:
    lock = threading.Lock()

    def probe(_job: Job) -> None:
        began = time.time()
        with lock:
            begins.send(began)

    with closing(open_database(url)) as database:
        executor = opened(
            database, [Kind("probe", probe), Kind("slow", lambda _job: time.sleep(_SLOW))], threads=THREADS
        )
        ready.set()
        may_go.wait()
        executor.start()
        may_end.wait()
        executor.stop(drain=False)
