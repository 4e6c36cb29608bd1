"""The laws of the keeper's threads: what lives keeps its lease, whatever else has to wait."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from hub.jobs.executors.local import LocalExecutor
from hub.jobs.keeper import Keeper
from hub.jobs.kinds import Job, Kind
from hub.jobs.scheduler import Scheduler
from hub.store import leases, work
from hub.store.database import Database, now
from hub.store.leases import Beat, Held
from hub.store.work import Work, WorkState
from tests.jobs.waiting import eventually

LEASE = timedelta(seconds=3)
PATIENCE = 15.0


def put(database: Database, kind: str = "send") -> int:
    with database.write() as connection:
        made = work.enqueue(connection, kind=kind, lane="north", argument={})
    assert made is not None
    return made


def the(database: Database, work_id: int) -> Work:
    with database.read() as connection:
        found = work.find(connection, work_id)
    assert found is not None
    return found


def has_run_out(database: Database, work_id: int) -> bool:
    until = the(database, work_id).lease_until
    with database.read() as connection:
        return until is not None and until < now(connection)


class Outage:
    """Lets no heartbeat through but those of whom it is over for."""

    def __init__(self) -> None:
        self._kept = leases.heartbeat
        self._everyone, self._back = True, set[int]()

    def begin(self) -> None:
        self._everyone = False

    def end_for(self, *work_ids: int) -> None:
        self._back.update(work_ids)

    def heartbeat(self, connection: Connection, held: Collection[Held], lease: timedelta) -> Beat:
        if self._everyone or {work_id for work_id, _ in held} & self._back:
            return self._kept(connection, held, lease)
        raise OperationalError("UPDATE work", {}, ConnectionError())


@contextmanager
def each_runs_one(database: Database, ends: threading.Event) -> Iterator[tuple[int, int]]:
    """Two workers, each with a piece of work of its own that runs until then."""
    begun = threading.Semaphore(0)

    def perform(_job: Job) -> None:
        begun.release()
        ends.wait(2 * PATIENCE)

    with ExitStack() as stack:
        ids = put(database, "a"), put(database, "b")
        for kind in ("a", "b"):
            executor = LocalExecutor(database, [Kind(kind, perform)], threads=1, lease=LEASE)
            executor.start()
            stack.callback(executor.stop)
            stack.callback(ends.set)
        for _ in ids:
            assert begun.acquire(timeout=PATIENCE)
        yield ids


@contextmanager
def one_is_back(
    database: Database, ends: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Outage, int, int]]:
    """The same after an outage longer than a lease, over for the first of the two alone."""
    outage = Outage()
    monkeypatch.setattr(leases, "heartbeat", outage.heartbeat)
    with each_runs_one(database, ends) as (first, second):
        outage.begin()
        eventually(lambda: has_run_out(database, first) and has_run_out(database, second))
        outage.end_for(first)
        yield outage, first, second


def test_after_an_outage_longer_than_a_lease_the_first_one_back_takes_no_living_work_of_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = threading.Event()
    with one_is_back(database, ends, monkeypatch) as (outage, first, second):
        eventually(lambda: not has_run_out(database, first))
        outage.end_for(second)
        eventually(lambda: not has_run_out(database, second))
        ends.set()
        eventually(lambda: all(the(database, each).state is WorkState.DONE for each in (first, second)))
    assert [the(database, each).attempts for each in (first, second)] == [1, 1]


def test_after_an_outage_what_died_in_it_is_taken_over_when_the_living_have_had_their_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = threading.Event()
    with one_is_back(database, ends, monkeypatch) as (outage, _first, second):
        eventually(lambda: the(database, second).token > 1 or the(database, second).state is WorkState.WAITING)
        outage.end_for(second)


def test_leases_are_prolonged_however_long_an_overdue_job_takes_to_settle(database: Database) -> None:
    settling, ends = threading.Event(), threading.Event()

    def settle_slowly(_kind: Kind, _job: Job) -> None:
        settling.set()
        ends.wait(2 * PATIENCE)

    kinds = {
        "late": Kind("late", lambda _job: None, deadline=timedelta(0)),
        "send": Kind("send", lambda _job: None),
    }
    scheduler = Scheduler(database, kinds, "w", LEASE)
    put(database, "late")
    neighbour = put(database)
    keeper = Keeper(scheduler, settle_slowly)
    for job in scheduler.next_jobs(2).jobs:
        keeper.watch(job)
    keeper.start()
    try:
        assert settling.wait(PATIENCE)
        before = the(database, neighbour).lease_until
        eventually(lambda: the(database, neighbour).lease_until != before)
    finally:
        ends.set()
        keeper.stop()
