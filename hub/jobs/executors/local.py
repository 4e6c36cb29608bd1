"""Work carried out by threads of this process: the embedded default, on SQLite or PostgreSQL."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.jobs import worker
from hub.jobs.keeper import Keeper
from hub.jobs.kinds import Job, Kind, StopReason
from hub.jobs.pool import Pool
from hub.jobs.schedule import Recurring, Timetable
from hub.jobs.scheduler import Batch, Scheduler
from hub.jobs.verdicts import Action, Verdict, overdue, tell_bug
from hub.jobs.wakeups import Bell, Watcher
from hub.jobs.worker import Listeners
from hub.store import signals
from hub.store.database import Database, why
from hub.store.workers import own_name, register_worker, worker_left

_log = structlog.get_logger(__name__)
_FALLBACK_SECONDS = 5.0
_AFTER_ERROR_SECONDS = 1.0
_GRACE_SECONDS = 1.0
_GATHER_SECONDS = 0.002


class LocalExecutor:
    """Claims work of the given kinds and carries it out in threads, from `start` to `stop`, once.

    Any number of processes may run one each over the same database; their names must differ. `own_limits` says of
    which lanes this process bears less at once than all processes together.
    """

    def __init__(
        self,
        database: Database,
        kinds: Iterable[Kind],
        *,
        threads: int = 4,
        lease: timedelta = timedelta(seconds=30),
        name: str | None = None,
        recurring: Sequence[Recurring] = (),
        listeners: Listeners | None = None,
        own_limits: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        known = {kind.name: kind for kind in kinds}
        self._own_limits = own_limits
        self._database, self._listeners = database, listeners or Listeners()
        self._scheduler = Scheduler(database, known, name or own_name(), lease)
        self._timetable = Timetable(database, recurring)
        self._bell = Bell()
        self._keeper = Keeper(self._scheduler, self._overdue)
        self._pool = Pool(threads, self._run, self._bell.ring)
        self._watcher = Watcher(database, self._bell)
        self._finished: deque[Job] = deque()
        self._turning = threading.Lock()
        self._draining, self._ended, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._dispatcher = threading.Thread(target=self._dispatch, name="hub-dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to claim work and carry it out."""
        with self._database.write() as connection:
            register_worker(
                connection,
                self._scheduler.worker,
                self._scheduler.kinds,
                places=self._pool.size,
                judges=sum(self._own_limits.values()),
            )
        self._pool.start()
        self._keeper.start()
        self._watcher.start()
        self._dispatcher.start()

    @property
    def draining(self) -> bool:
        """Whether it has been told to stop: it claims no more."""
        return self._draining.is_set()

    def stop(self, drain: bool = True, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Claim no more, and end.

        With `drain`, what runs may run to its end within the timeout; without, it is asked to stop at its next
        `beat`. What still runs after that is handed back to wait, fenced off from the thread that has it.
        """
        self._draining.set()
        with self._turning:  # a turn that began before has ended now, and none that follows claims
            pass
        if not (drain and self._pool.wait_until_quiet(timeout.total_seconds())):
            self._hand_back_running()
        self._ended.set()
        self._bell.ring()
        self._dispatcher.join()
        self._keeper.stop()
        self._watcher.stop()
        self._pool.stop()
        self._leave()

    def run_until_idle(self, timeout: timedelta = timedelta(seconds=30)) -> bool:
        """Start, work until nothing runs and nothing is due now, stop; whether that was reached in time.

        Work that is due later, and work in a held lane, is left waiting.
        """
        self.start()
        reached = self._idle.wait(timeout.total_seconds())
        self.stop(drain=reached)
        return reached

    # --- claiming

    def _dispatch(self) -> None:
        while not self._ended.is_set():
            self._bell.wait(self._turn_safely())
        self._turn_safely()

    def _turn_safely(self) -> float:
        try:
            with self._turning:
                return self._turn()
        except SQLAlchemyError as error:
            _log.warning("executor.no_database", error=type(error).__name__, **why(error))
        except Exception as error:  # a thread that ended here would leave the process alive and idle for ever
            tell_bug("executor.bug", error, secrets.token_hex(6))
        return _AFTER_ERROR_SECONDS

    def _turn(self) -> float:
        """Write off what has finished and start what may start; for how many seconds there is no more to do."""
        draining = self._draining.is_set()
        until_slot = _FALLBACK_SECONDS if draining else min(_FALLBACK_SECONDS, self._timetable.tick())
        quiet, free, finished = self._pool.busy == 0, 0 if draining else self._pool.free, list(self._finished)
        if not free and not finished:
            return until_slot
        rooms = {lane: limit - self._pool.of_lane(lane) for lane, limit in self._own_limits.items()}
        batch = self._scheduler.next_jobs(free, finished, rooms)
        self._write_off(finished)
        self._begin(batch.jobs)
        if quiet and not batch.jobs:
            self._idle.set()
        if free and len(batch.jobs) == free:
            self._ended.wait(_GATHER_SECONDS)  # every place is taken: let short work end, and claim for several at once
            return 0.0
        return min(until_slot, _until_due(batch))

    def _write_off(self, finished: Sequence[Job]) -> None:
        for job in finished:
            self._finished.remove(job)
            self._keeper.forget(job)

    def _begin(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self.draining:
                self._settle(self._scheduler.kinds[job.kind], job, Verdict(Action.HAND_BACK))
                continue
            self._keeper.watch(job)
            self._pool.submit(job)

    # --- carrying out

    def _run(self, job: Job) -> None:
        """In a thread of the pool. What ended well is written off together with the next claim."""
        kind = self._scheduler.kinds[job.kind]
        verdict = worker.perform(kind, job)
        if verdict.action is Action.DONE and not job.leash.completed:
            self._finished.append(job)
            return
        self._settle(kind, job, verdict)
        self._keeper.forget(job)

    def _overdue(self, kind: Kind, job: Job) -> None:
        self._settle(kind, job, overdue(kind, job))
        self._pool.abandon(job)

    def _settle(self, kind: Kind, job: Job, verdict: Verdict) -> None:
        patience = self._scheduler.lease.total_seconds()
        worker.settle(self._database, kind, job, verdict, self._listeners, patience)

    # --- ending

    def _hand_back_running(self) -> None:
        for job in self._keeper.running():
            job.leash.stop = StopReason.STOPPING
        self._pool.wait_until_quiet(_GRACE_SECONDS)
        for job in self._keeper.running():
            self._settle(self._scheduler.kinds[job.kind], job, Verdict(Action.HAND_BACK))

    def _leave(self) -> None:
        try:
            with self._database.write() as connection:
                worker_left(connection, self._scheduler.worker)
                signals.ring(connection)
        except SQLAlchemyError as error:
            _log.warning("executor.left_unsaid", error=type(error).__name__, **why(error))


def _until_due(batch: Batch) -> float:
    return _FALLBACK_SECONDS if batch.pause is None else min(_FALLBACK_SECONDS, batch.pause.total_seconds())
