"""The laws of carrying work out in threads, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hub.domain.texts import Reason, Text
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.kinds import FailureClass, FailureReport, Job, Kind
from hub.jobs.retries import RetryPolicy
from hub.jobs.schedule import Recurring
from hub.jobs.worker import Listeners
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.store import lanes, leases, work, workers
from hub.store.database import Database, now
from hub.store.work import CancelResult, Work, WorkState
from tests.jobs.waiting import eventually

DOWN = Text("Mottagaren svarar inte.", "The receiver does not answer.")
REASON = Reason("BR-02", Text("Fakturanummer saknas.", "No invoice number."), Text("Rätta.", "Mend it."))
PATIENCE = 15.0


def put(database: Database, lane: str = "north", argument: dict[str, Any] | None = None, priority: int = 0) -> int:
    with database.write() as connection:
        made = work.enqueue(connection, kind="send", lane=lane, argument=argument or {}, priority=priority)
    assert made is not None
    return made


def the(database: Database, work_id: int) -> Work:
    with database.read() as connection:
        found = work.find(connection, work_id)
    assert found is not None
    return found


def stands(database: Database, work_id: int, state: WorkState) -> Callable[[], bool]:
    return lambda: the(database, work_id).state is state


def fails_with(error: BaseException) -> Callable[[Job], None]:
    def perform(_job: Job) -> None:
        raise error

    return perform


def run(database: Database, perform: Callable[[Job], None], listeners: Listeners | None = None, **kind: Any) -> None:
    executor = LocalExecutor(database, [Kind("send", perform, **kind)], listeners=listeners)
    assert executor.run_until_idle()


@contextmanager
def running(
    database: Database, perform: Callable[[Job], None], retry: RetryPolicy | None = None, **options: Any
) -> Iterator[LocalExecutor]:
    kind = Kind("send", perform, retry=retry or RetryPolicy())
    executor = LocalExecutor(database, [kind], **options)
    executor.start()
    try:
        yield executor
    finally:
        executor.stop()


class Told:
    """Remembers what listeners were told."""

    def __init__(self) -> None:
        self.failures: list[tuple[int, FailureClass, FailureReport]] = []
        self.refused: list[str] = []
        self.gone: list[tuple[int, FailureClass]] = []

    def failure(self, _connection: Connection, job: Job, failure_class: FailureClass, report: FailureReport) -> None:
        self.failures.append((job.id, failure_class, report))

    def refusal(self, _connection: Connection, lane: str, _report: FailureReport) -> None:
        self.refused.append(lane)

    def gave_up(self, _connection: Connection, job: Job, report: FailureReport) -> None:
        self.gone.append((job.id, report.failure_class))

    @property
    def listeners(self) -> Listeners:
        return Listeners(self.failure, self.refusal)


# --- outcomes


def test_work_that_returns_is_done(database: Database) -> None:
    seen: list[Any] = []
    work_id = put(database, argument={"document": 7})
    run(database, lambda job: seen.append((job.id, job.lane, job.argument, job.attempt)))
    assert seen == [(work_id, "north", {"document": 7}, 1)]
    assert the(database, work_id).state is WorkState.DONE


def test_work_completed_in_its_own_transaction_is_done_once(database: Database) -> None:
    work_id = put(database)

    def perform(job: Job) -> None:
        with database.write() as connection:
            job.complete_in(connection)

    with capture_logs() as logged:
        run(database, perform)
    assert the(database, work_id).state is WorkState.DONE
    assert logged == []


def test_an_effect_is_undone_when_its_transaction_fails_after_completion(database: Database) -> None:
    work_id = put(database)

    def perform(job: Job) -> None:
        with database.write() as connection:
            work.enqueue(connection, kind="other", lane="north", argument={}, key="effect")
            job.complete_in(connection)
            raise LookupError

    run(database, perform)
    assert the(database, work_id).state is WorkState.DEAD
    with database.read() as connection:
        assert [each.id for each in work.page(connection)] == [work_id]


def test_unavailable_waits_as_long_as_the_other_side_asks_and_holds_no_lane(database: Database) -> None:
    told, work_id = Told(), put(database)
    run(database, fails_with(Unavailable(DOWN, timedelta(minutes=7))), told.listeners)
    found = the(database, work_id)
    assert found.state is WorkState.WAITING
    assert found.due_at - found.enqueued_at >= timedelta(minutes=7)
    assert found.failure is not None
    assert (found.failure["class"], found.failure["sv"]) == ("unavailable", DOWN.sv)
    assert [(work_id, FailureClass.UNAVAILABLE)] == [failure[:2] for failure in told.failures]
    with database.read() as connection:
        assert all(lane.held_at is None for lane in lanes.all_lanes(connection))


def test_a_retry_is_made_when_it_falls_due(database: Database) -> None:
    attempts: list[int] = []

    def perform(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt < 3:
            raise Unavailable(DOWN)

    work_id = put(database)
    with running(database, perform, retry=RetryPolicy(base=timedelta(milliseconds=50))):
        eventually(stands(database, work_id, WorkState.DONE))
    assert attempts == [1, 2, 3]


def test_refused_holds_its_lane_alone_and_loses_nothing(database: Database) -> None:
    told = Told()
    refused, other = put(database, lane="north"), put(database, lane="south")

    def perform(job: Job) -> None:
        if job.lane == "north":
            raise Refused(DOWN)

    run(database, perform, told.listeners)
    assert the(database, refused).state is WorkState.WAITING
    assert the(database, other).state is WorkState.DONE
    assert told.refused == ["north"]
    with database.read() as connection:
        held = {lane.name: lane.held_because for lane in lanes.all_lanes(connection)}
    assert held == {"north": "refused", "south": None}


def test_refused_work_is_done_once_the_lane_is_released(database: Database) -> None:
    work_id = put(database)
    run(database, fails_with(Refused(DOWN)))
    with database.write() as connection:
        lanes.release_lane(connection, "north")
    run(database, lambda _job: None)
    assert the(database, work_id).state is WorkState.DONE


def test_a_refusal_of_a_call_begun_before_the_lane_was_released_holds_it_no_more(database: Database) -> None:
    told, work_id = Told(), put(database)

    def perform(job: Job) -> None:
        if job.attempt == 1:
            with database.write() as connection:
                lanes.hold_lane(connection, "north", because="refused")
                lanes.release_lane(connection, "north")
            raise Refused(DOWN)

    run(database, perform, told.listeners)
    assert the(database, work_id).state is WorkState.DONE
    assert told.refused == []


def test_rejected_is_buried_and_whoever_it_concerns_is_told_in_the_same_transaction(database: Database) -> None:
    told, work_id = Told(), put(database)
    seen: list[WorkState] = []

    def gave_up(connection: Connection, job: Job, report: FailureReport) -> None:
        told.gave_up(connection, job, report)
        found = work.find(connection, job.id)
        seen.append(found.state if found else WorkState.WAITING)

    run(database, fails_with(Rejected((REASON,))), told.listeners, gave_up=gave_up)
    assert the(database, work_id).state is WorkState.DEAD
    assert told.gone == [(work_id, FailureClass.REJECTED)]
    assert seen == [WorkState.DEAD]


@pytest.mark.parametrize("error", [ZeroDivisionError("token=hunter2"), SystemExit("token=hunter2")], ids=repr)
def test_a_bug_is_buried_at_once_and_tells_no_secret(database: Database, error: BaseException) -> None:
    told, work_id = Told(), put(database)
    with capture_logs() as logged:
        run(database, fails_with(error), gave_up=told.gave_up)
    found = the(database, work_id)
    assert (found.state, found.attempts) == (WorkState.DEAD, 1)
    assert told.gone == [(work_id, FailureClass.BUG)]
    assert found.failure is not None
    assert found.failure["traceback_id"] in {entry.get("traceback_id") for entry in logged}
    assert "hunter2" not in f"{logged}{found}"


def test_a_poisoned_item_does_not_keep_the_others_waiting(database: Database) -> None:
    poisoned = put(database, argument={"poison": True}, priority=5)
    sound = [put(database, argument={"poison": False}) for _ in range(5)]

    def perform(job: Job) -> None:
        if job.argument["poison"]:
            raise ZeroDivisionError

    run(database, perform)
    assert the(database, poisoned).state is WorkState.DEAD
    assert all(the(database, each).state is WorkState.DONE for each in sound)


def test_when_the_one_to_be_told_fails_the_work_waits_and_is_not_lost(database: Database) -> None:
    work_id = put(database)

    def gave_up(_connection: Connection, _job: Job, _report: FailureReport) -> None:
        raise LookupError

    run(database, fails_with(Rejected((REASON,))), gave_up=gave_up)
    assert the(database, work_id).state is WorkState.WAITING


def test_our_own_database_failing_is_nobodys_fault_and_is_tried_again(database: Database) -> None:
    told, work_id = Told(), put(database)

    def perform(job: Job) -> None:
        if job.attempt == 1:
            raise OperationalError("SELECT 1", {}, ConnectionError())

    policy = RetryPolicy(base=timedelta(milliseconds=1))
    with running(database, perform, retry=policy, listeners=told.listeners):
        eventually(stands(database, work_id, WorkState.DONE))
    assert [failure_class for _, failure_class, _ in told.failures] == [FailureClass.INTERRUPTED]


# --- while it runs


def test_progress_is_shown_while_the_work_runs(database: Database) -> None:
    ends, work_id = threading.Event(), put(database)

    def perform(job: Job) -> None:
        job.progress(3, 7)
        ends.wait(PATIENCE)

    with running(database, perform):
        eventually(lambda: the(database, work_id).progress == {"done": 3, "total": 7})
        ends.set()


def beats_until_stopped(begun: threading.Event) -> Callable[[Job], None]:
    def perform(job: Job) -> None:
        begun.set()
        pause = threading.Event()
        while not pause.wait(0.01):
            job.beat()

    return perform


def test_running_work_that_is_cancelled_ends_cancelled(database: Database) -> None:
    begun, work_id = threading.Event(), put(database)
    with running(database, beats_until_stopped(begun), lease=timedelta(seconds=1)):
        assert begun.wait(PATIENCE)
        with database.write() as connection:
            assert work.cancel(connection, work_id) is CancelResult.ASKED
        eventually(stands(database, work_id, WorkState.CANCELLED))


def test_waiting_work_that_is_cancelled_ends_undone_and_whoever_it_concerns_is_told(database: Database) -> None:
    told, work_id = Told(), put(database)
    begun: list[Job] = []
    with database.write() as connection:
        lanes.hold_lane(connection, "north", because="refused")
        assert work.cancel(connection, work_id) is CancelResult.ASKED
    run(database, begun.append, told.listeners, gave_up=told.gave_up)
    assert the(database, work_id).state is WorkState.CANCELLED
    assert told.gone == [(work_id, FailureClass.CANCELLED)]
    assert (begun, told.failures) == ([], [])


def test_a_clock_that_leaps_makes_nobody_take_over_their_own_living_work(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ends, work_id = threading.Event(), threading.Event(), put(database)
    ahead = timedelta(minutes=1)

    def perform(_job: Job) -> None:
        begun.set()
        ends.wait(PATIENCE)

    with running(database, perform, lease=timedelta(seconds=2)):
        assert begun.wait(PATIENCE)
        first = the(database, work_id).lease_until
        assert first is not None
        leapt = first + ahead
        monkeypatch.setattr(leases, "now", lambda connection: now(connection) + ahead)
        eventually(lambda: (the(database, work_id).lease_until or leapt) > leapt)
        ends.set()
    found = the(database, work_id)
    assert (found.state, found.attempts) == (WorkState.DONE, 1)


def test_work_outlives_many_leases_while_its_worker_lives(database: Database) -> None:
    begun, ends, work_id = threading.Event(), threading.Event(), put(database)
    lease = timedelta(seconds=1.5)

    def perform(_job: Job) -> None:
        begun.set()
        ends.wait(PATIENCE)

    with running(database, perform, lease=lease):
        assert begun.wait(PATIENCE)
        first = the(database, work_id).lease_until
        assert first is not None
        eventually(lambda: (the(database, work_id).lease_until or first) > first + lease)
        ends.set()
    found = the(database, work_id)
    assert (found.state, found.attempts) == (WorkState.DONE, 1)


def test_work_that_hangs_past_its_deadline_is_taken_from_its_thread_and_keeps_no_place(database: Database) -> None:
    ends, done = threading.Event(), threading.Event()
    hangs = put(database, argument={"hangs": True}, priority=5)
    put(database, argument={"hangs": False})

    def perform(job: Job) -> None:
        if job.argument["hangs"]:
            ends.wait(PATIENCE)
        else:
            done.set()

    kind = Kind("send", perform, deadline=timedelta(seconds=0.3), retry=RetryPolicy(base=timedelta(hours=1)))
    executor = LocalExecutor(database, [kind], threads=1)
    executor.start()
    assert done.wait(PATIENCE)
    ends.set()
    executor.stop()
    found = the(database, hangs)
    assert found.state is WorkState.WAITING
    assert found.failure is not None
    assert found.failure["class"] == "overdue"


def test_work_that_hangs_again_and_again_is_given_up_and_whoever_it_concerns_is_told(database: Database) -> None:
    ends, told, work_id = threading.Event(), Told(), put(database)
    policy = RetryPolicy(base=timedelta(milliseconds=1), overdue=2)
    deadline = timedelta(seconds=0.2)

    def hang(_job: Job) -> None:
        ends.wait(PATIENCE)

    kind = Kind("send", hang, policy, deadline, told.gave_up)
    executor = LocalExecutor(database, [kind], threads=1)
    executor.start()
    eventually(stands(database, work_id, WorkState.DEAD))
    ends.set()
    executor.stop()
    assert told.gone == [(work_id, FailureClass.OVERDUE)]
    assert the(database, work_id).attempts == 2


def test_what_a_vanished_worker_left_is_taken_over(database: Database) -> None:
    work_id = put(database)
    with database.write() as connection:
        gone = timedelta(seconds=-1)
        leases.claim(connection, worker="gone", kinds=["send"], limit=1, lease=gone)
    with running(database, lambda _job: None):
        eventually(stands(database, work_id, WorkState.DONE))
    assert the(database, work_id).attempts == 2


# --- waking, beginning, ending


def test_work_enqueued_meanwhile_is_begun_without_anyone_asking(database: Database) -> None:
    with running(database, lambda _job: None):
        work_id = put(database)
        eventually(stands(database, work_id, WorkState.DONE), 3)


def test_work_due_soon_is_begun_when_it_falls_due_and_not_before(database: Database) -> None:
    begun: list[Any] = []

    def perform(_job: Job) -> None:
        with database.read() as connection:
            begun.append(now(connection))

    with database.write() as connection:
        due = now(connection) + timedelta(seconds=1)
        work_id = work.enqueue(connection, kind="send", lane="north", argument={}, due_at=due)
    assert work_id is not None
    with running(database, perform):
        eventually(stands(database, work_id, WorkState.DONE), 3)
    assert begun[0] >= due


def test_recurring_work_is_begun_by_the_executor(database: Database) -> None:
    done = threading.Event()
    with running(database, lambda _job: done.set(), recurring=[Recurring("send", "north", every=timedelta(hours=1))]):
        assert done.wait(PATIENCE)


def test_stopping_lets_what_runs_end_and_starts_nothing_more(database: Database) -> None:
    begun, ends = threading.Event(), threading.Event()
    first = put(database)

    def perform(_job: Job) -> None:
        begun.set()
        ends.wait(PATIENCE)

    executor = LocalExecutor(database, [Kind("send", perform)])
    executor.start()
    assert begun.wait(PATIENCE)
    stopping = threading.Thread(target=executor.stop)
    stopping.start()
    eventually(lambda: executor.draining)
    second = put(database)
    ends.set()
    stopping.join(PATIENCE)
    assert the(database, first).state is WorkState.DONE
    assert the(database, second).state is WorkState.WAITING


@pytest.mark.parametrize("beats", [True, False])
def test_stopping_at_once_hands_back_what_runs_whether_it_listens_or_not(database: Database, beats: bool) -> None:
    begun, ends, work_id = threading.Event(), threading.Event(), put(database)

    def deaf(_job: Job) -> None:
        begun.set()
        ends.wait(PATIENCE)

    executor = LocalExecutor(database, [Kind("send", beats_until_stopped(begun) if beats else deaf)])
    executor.start()
    assert begun.wait(PATIENCE)
    executor.stop(drain=False)
    ends.set()
    found = the(database, work_id)
    assert (found.state, found.worker, found.lease_until) == (WorkState.WAITING, None, None)


def test_idle_is_reached_with_an_empty_queue_and_not_while_work_runs(database: Database) -> None:
    ends = threading.Event()
    assert LocalExecutor(database, [Kind("send", lambda _job: None)]).run_until_idle()
    put(database)

    def perform(_job: Job) -> None:
        ends.wait(PATIENCE)

    stuck = LocalExecutor(database, [Kind("send", perform)])
    assert not stuck.run_until_idle(timedelta(seconds=0.5))
    ends.set()


def test_idle_counts_the_work_that_work_enqueues(database: Database) -> None:
    put(database, argument={"more": 3})

    def perform(job: Job) -> None:
        if job.argument["more"]:
            put(database, argument={"more": job.argument["more"] - 1})

    run(database, perform)
    with database.read() as connection:
        assert work.counts(connection, tuple(WorkState)) == {"north": {WorkState.DONE: 4}}


def test_an_executor_is_listed_while_it_lives(database: Database) -> None:
    with running(database, lambda _job: None, name="host-1"), database.read() as connection:
        assert [worker.name for worker in workers.all_workers(connection)] == ["host-1"]
    with database.read() as connection:
        assert workers.all_workers(connection) == ()


def test_work_whose_end_could_not_be_written_is_tried_again_once_the_database_is_there(database: Database) -> None:
    one, begun = put(database), list[int]()

    def perform(job: Job) -> None:
        begun.append(job.attempt)
        if len(begun) == 1:
            raise Unavailable(DOWN)

    def away(*_: object) -> None:
        raise OperationalError("UPDATE work", {}, Exception("database is locked"))

    soon = RetryPolicy(base=timedelta(milliseconds=10), cap=timedelta(milliseconds=10))
    with running(database, perform, soon, lease=timedelta(seconds=1), listeners=Listeners(on_failure=away)):
        eventually(stands(database, one, WorkState.DONE))
    assert begun == [1, 2]
