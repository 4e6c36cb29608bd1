"""The laws of carrying work out on several hosts over one PostgreSQL."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from hub import __version__
from hub.domain.texts import Text
from hub.jobs import leading
from hub.jobs.executors import handover
from hub.jobs.executors.handover import SCHEMA, defer, prepare
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.jobs.kinds import Job, Kind
from hub.jobs.leading import Leadership
from hub.jobs.schedule import Recurring
from hub.plugin.errors import Unavailable
from hub.store import dispatches, lanes, leases, work, workers
from hub.store.database import Database, open_database
from hub.store.work import Work, WorkState
from hub.store.workers import Executor
from tests.jobs.waiting import eventually
from tests.postgres import Server, shown

DOWN = Text("Mottagaren svarar inte.", "The receiver does not answer.")


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    address = postgres.create()
    yield shown(address)
    postgres.drop(address)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.close()


def put(database: Database, lane: str = "north", kind: str = "send", **how: Any) -> int:
    with database.write() as connection:
        made = work.enqueue(connection, kind=kind, lane=lane, argument={}, **how)
    assert made is not None
    return made


def the(database: Database, work_id: int) -> Work:
    with database.read() as connection:
        found = work.find(connection, work_id)
    assert found is not None
    return found


def stands(database: Database, work_id: int, state: WorkState) -> Callable[[], bool]:
    return lambda: the(database, work_id).state is state


def handed_over(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {SCHEMA}.procrastinate_jobs")) or 0)


@contextmanager
def hosts(database: Database, *kinds: list[Kind], **options: Any) -> Iterator[list[ProcrastinateExecutor]]:
    """An executor for each list of kinds, as if each ran on a host of its own."""
    running = [ProcrastinateExecutor(database, each, name=f"host-{n}", **options) for n, each in enumerate(kinds)]
    with ExitStack() as stack:
        for each in running:
            each.start()
            stack.callback(each.stop)
        yield running


def test_work_of_every_host_is_done_once_and_leaves_nothing_with_procrastinate(database: Database) -> None:
    done: list[int] = []
    ids = [put(database) for _ in range(60)]
    kind = Kind("send", lambda job: done.append(job.id))
    with hosts(database, [kind], [kind]):
        eventually(lambda: len(done) >= len(ids))
        eventually(lambda: all(the(database, each).state is WorkState.DONE for each in ids))
        eventually(lambda: handed_over(database) == 0)
    assert sorted(done) == ids


def test_a_lane_carries_no_more_at_once_over_all_hosts_than_it_bears(database: Database) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "north", 3)
    ids, level, highest, lock = [put(database) for _ in range(40)], 0, 0, threading.Lock()
    pause = threading.Event()

    def perform(_job: Job) -> None:
        nonlocal level, highest
        with lock:
            level += 1
            highest = max(highest, level)
        pause.wait(0.02)
        with lock:
            level -= 1

    with hosts(database, [Kind("send", perform)], [Kind("send", perform)]):
        eventually(lambda: all(the(database, each).state is WorkState.DONE for each in ids))
    assert highest == 3


def test_what_a_person_asks_for_overtakes_what_waits_because_no_more_is_dispatched_than_has_a_place(
    database: Database,
) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "north", 100)
    order: list[int] = []
    gate, begun = threading.Event(), threading.Semaphore(0)

    def perform(job: Job) -> None:
        order.append(job.id)
        begun.release()
        assert gate.wait(30)

    backlog = [put(database) for _ in range(30)]
    with hosts(database, [Kind("send", perform)], [Kind("send", perform)], threads=2):
        assert all(begun.acquire(timeout=15) for _ in range(4))
        with database.read() as connection:
            counted = work.counts(connection)["north"]
        assert (counted[WorkState.RUNNING], counted[WorkState.WAITING]) == (4, 26)
        wished = put(database, priority=100)
        gate.set()
        eventually(lambda: len(order) == 31)
    assert order.index(wished) <= 8, "at most what each place held and had been given then goes before"
    assert sorted(order) == sorted([*backlog, wished])


def test_what_fails_is_tried_again_on_any_host_and_every_attempt_is_a_row(database: Database) -> None:
    def perform(job: Job) -> None:
        if job.attempt < 3:
            raise Unavailable(DOWN, timedelta(milliseconds=10))

    work_id = put(database)
    with hosts(database, [Kind("send", perform)], [Kind("send", perform)]):
        eventually(stands(database, work_id, WorkState.DONE), 30)
    with database.read() as connection:
        attempts = work.attempts_of(connection, work_id)
    assert [(each.number, each.outcome) for each in attempts] == [(1, "unavailable"), (2, "unavailable"), (3, "done")]


def test_one_leads_and_when_it_stops_another_does(database: Database) -> None:
    done: list[int] = []
    kind = Kind("send", lambda job: done.append(job.id))
    with hosts(database, [kind], [kind], [kind]) as running:
        eventually(lambda: sum(each.leads for each in running) == 1)
        (first,) = [each for each in running if each.leads]
        first.stop()
        eventually(lambda: sum(each.leads for each in running) == 1)
        put(database)
        eventually(lambda: len(done) == 1)
        assert not first.leads


def test_when_the_leaders_session_is_cut_one_leads_again_and_nothing_is_lost(database: Database) -> None:
    done: list[int] = []
    kind = Kind("send", lambda job: done.append(job.id))
    with hosts(database, [kind], [kind]) as running:
        eventually(lambda: sum(each.leads for each in running) == 1)
        ids = [put(database) for _ in range(20)]
        cut_everyone(database)
        ids += [put(database) for _ in range(20)]
        eventually(lambda: len(set(done)) == 40, 30)
        eventually(lambda: all(the(database, each).state is WorkState.DONE for each in ids), 30)
        eventually(lambda: sum(each.leads for each in running) == 1)
    assert set(done) == set(ids)


def cut_everyone(database: Database) -> None:
    """End every session on the database but the one that says so."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with database.write() as connection:
        connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))


def test_a_leader_that_stands_still_leads_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "STANDS_STILL", "300ms")
    still, other = Leadership(database, "still"), Leadership(database, "other")

    def leads(one: Leadership) -> bool:
        with one.deciding() as session:
            return session is not None and session.scalar(text("SELECT true")) is True

    assert leads(still)
    assert not leads(other)
    eventually(lambda: leads(other))
    with pytest.raises(OperationalError):
        leads(still)
    assert not still.leads
    other.resign()


def test_work_of_a_kind_that_only_the_new_version_knows_goes_to_the_new_whoever_leads(database: Database) -> None:
    where: list[tuple[str, str]] = []

    def kind(name: str, host: str) -> Kind:
        return Kind(name, lambda job: where.append((job.kind, host)))

    old, new = [kind("send", "old")], [kind("send", "new"), kind("novel", "new")]
    with hosts(database, old, new):
        for _ in range(20):
            put(database)
            put(database, kind="novel")
        eventually(lambda: len(where) == 40)
    assert {host for name, host in where if name == "novel"} == {"new"}
    assert sum(name == "novel" for name, _ in where) == 20


def test_work_of_a_kind_that_nobody_knows_yet_waits_for_whoever_does(database: Database) -> None:
    done: list[int] = []
    with hosts(database, [Kind("send", lambda job: done.append(job.id))]):
        novel, sent = put(database, kind="novel"), put(database)
        eventually(lambda: done == [sent])
        assert the(database, novel).state is WorkState.WAITING
        with hosts(database, [], [Kind("novel", lambda job: done.append(job.id))]):
            eventually(lambda: done == [sent, novel])


def test_what_the_last_worker_that_knows_it_leaves_undone_waits_again(database: Database) -> None:
    gate, begun = threading.Event(), threading.Event()

    def perform(_job: Job) -> None:
        begun.set()
        gate.wait(15)

    ids = [put(database) for _ in range(5)]
    with hosts(database, [Kind("send", perform)], threads=2) as running:
        assert begun.wait(15)
        running[0].stop(drain=False)
        states = [the(database, each).state for each in ids]
        gate.set()
    assert states == [WorkState.WAITING] * 5


def test_work_asked_to_be_cancelled_on_its_way_is_ended_and_not_carried_out(database: Database) -> None:
    done: list[int] = []
    work_id = put(database)
    prepare(database)
    with database.write() as connection:
        dispatch(connection)
        work.cancel(connection, work_id)
    with hosts(database, [Kind("send", lambda job: done.append(job.id))]):
        eventually(stands(database, work_id, WorkState.CANCELLED))
    assert done == []


def test_what_is_handed_over_under_an_old_token_does_nothing(database: Database) -> None:
    work_id = put(database)
    prepare(database)
    with database.write() as connection:
        (stale,) = dispatch(connection)
        assert dispatches.take_back(connection, ["send"]) == 1
        (fresh,) = dispatch(connection)
        assert leases.begin_all(connection, [(work_id, stale.token)], "w", timedelta(seconds=20)) == ()
        assert len(leases.begin_all(connection, [(work_id, fresh.token)], "w", timedelta(seconds=20))) == 1
    done: list[int] = []
    with hosts(database, [Kind("send", lambda job: done.append(job.id))]):
        eventually(lambda: handed_over(database) == 0)
    assert done == []
    assert the(database, work_id).state is WorkState.RUNNING


def test_what_nobody_begins_within_the_lease_waits_again_and_has_cost_no_attempt(database: Database) -> None:
    work_id = put(database)
    with database.write() as connection:
        dispatch(connection, timedelta(0))
    done: list[int] = []
    with hosts(database, [Kind("send", lambda job: done.append(job.attempt))]):
        eventually(stands(database, work_id, WorkState.DONE))
    assert done == [1]


def dispatch(connection: Connection, lease: timedelta = timedelta(minutes=5)) -> Sequence[leases.Claimed]:
    """Claim for other machines and hand over, as a leader does."""
    claim = leases.claim(connection, worker="leader", kinds=["send"], limit=9, lease=lease, into=WorkState.DISPATCHED)
    if lease:
        defer(connection, claim.taken, at_once=1)
    return claim.taken


def test_a_recurring_slot_is_done_once_though_every_host_knows_the_timetable(database: Database) -> None:
    slots: list[str | None] = []
    often = Recurring(kind="send", lane="north", every=timedelta(seconds=1))
    kind = Kind("send", lambda job: slots.append(job.key))
    with hosts(database, [kind], [kind], recurring=[often]):
        eventually(lambda: len(slots) >= 3)
    assert len(slots) == len(set(slots))


def test_the_tables_are_made_once_by_whoever_comes_first(database: Database, url: str) -> None:
    other = open_database(url)
    both = [threading.Thread(target=prepare, args=(each,)) for each in (database, other)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    other.close()
    prepare(database)
    with database.read() as connection:
        release = connection.scalar(
            text("SELECT obj_description(to_regnamespace(:name), 'pg_namespace')"), {"name": SCHEMA}
        )
        ours = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    assert str(release)[:2].isdigit()
    assert not [name for name in ours if "procrastinate" in name]


def test_a_worker_tells_where_it_is_what_it_bears_and_of_which_version_it_is(database: Database) -> None:
    with (
        hosts(database, [Kind("send", lambda job: None)], threads=3, own_limits={"judging": 2}),
        database.read() as connection,
    ):
        (told,) = workers.living_workers(connection, Executor.PROCRASTINATE)
    assert (told.host, told.places, told.judges, told.version) == (socket.gethostname(), 3, 2, __version__)
    assert told.kinds == ("send",)


def test_what_a_dead_worker_left_with_procrastinate_is_swept_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_SWEEP_SECONDS", 0.2)
    prepare(database)
    put(database)
    with database.write() as connection:
        dispatch(connection)
        connection.execute(text(f"UPDATE {SCHEMA}.procrastinate_jobs SET status = 'doing'"))
    with hosts(database, [Kind("send", lambda job: None)]):
        eventually(lambda: handed_over(database) == 0)
