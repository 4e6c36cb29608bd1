"""Keeping what runs: one thread per process prolongs every lease, writes progress, and sees deadlines pass."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.jobs.kinds import Job, Kind, StopReason
from hub.jobs.scheduler import Scheduler
from hub.jobs.verdicts import tell_bug
from hub.store import leases

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    job: Job
    deadline: float
    told: tuple[int, int] | None = None


class Leaps:
    """Sees the clock that all workers share leap ahead, beside one that nobody sets."""

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = lease / 2, clock
        self._ahead: float | None = None
        self._calm_from = 0.0

    def is_calm(self, at: datetime) -> bool:
        """Whether nothing has leapt for half a lease: everyone alive has prolonged their leases since."""
        here = self._clock()
        ahead = at.timestamp() - here
        if self._ahead is not None and ahead - self._ahead > self._patience:
            self._calm_from = here + self._patience
        self._ahead = ahead
        return here >= self._calm_from


class Keeper:
    """Watches over the jobs of one process. `on_overdue` is called, in its thread, with a job past its deadline."""

    def __init__(self, scheduler: Scheduler, on_overdue: Callable[[Kind, Job], None]) -> None:
        self._scheduler, self._on_overdue = scheduler, on_overdue
        self._watched: dict[leases.Held, _Watched] = {}
        self._leaps = Leaps(scheduler.lease.total_seconds())
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="hub-keeper", daemon=True)

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def stop(self) -> None:
        """Keep no more: leases that are left run out."""
        self._ended.set()
        self._thread.join()

    def watch(self, job: Job) -> None:
        """Take a job under watch, from now on counted against its deadline."""
        allowed = self._scheduler.kinds[job.kind].deadline.total_seconds()
        with self._lock:
            self._watched[job.id, job.token] = _Watched(job, time.monotonic() + allowed)

    def forget(self, job: Job) -> None:
        """The attempt has ended."""
        with self._lock:
            self._watched.pop((job.id, job.token), None)

    def running(self) -> tuple[Job, ...]:
        """The jobs under watch."""
        return tuple(watched.job for watched in self._all())

    def _all(self) -> list[_Watched]:
        with self._lock:
            return list(self._watched.values())

    def _keep(self) -> None:
        lease = self._scheduler.lease.total_seconds()
        every = {self._leases: lease / 10, self._tell: 1.0, self._deadlines: 0.5, self._scheduler.mend_orders: 30.0}
        due = dict.fromkeys(every, time.monotonic())
        while not self._ended.wait(max(0.0, min(due.values()) - time.monotonic())):
            for task in [task for task, at in due.items() if at <= time.monotonic()]:
                self._try(task)
                due[task] = time.monotonic() + every[task]

    def _try(self, task: Callable[[], None]) -> None:
        try:
            task()
        except SQLAlchemyError as error:
            _log.warning("keeper.no_database", task=task.__name__, error=type(error).__name__)
        except Exception as error:  # a thread that ended here would let every lease run out
            tell_bug("keeper.bug", error, secrets.token_hex(6))

    def _leases(self) -> None:
        """Prolong our own leases and take back what ran out, both or neither.

        In that order, so that no clock that leapt and no late waking makes us take our own living work.
        """
        watched = self._all()
        held = [(each.job.id, each.job.token) for each in watched]
        beat = self._scheduler.keep_leases(held, self._leaps.is_calm)
        for each, key in zip(watched, held, strict=True):
            if key not in beat.current:
                each.job.leash.stop = StopReason.SUPERSEDED
            elif key in beat.cancel_asked:
                each.job.leash.stop = StopReason.CANCELLED

    def _tell(self) -> None:
        news = [(each, each.job.leash.progress) for each in self._all() if each.job.leash.progress != each.told]
        if not news:
            return
        with self._scheduler.database.write() as connection:
            for each, progress in news:
                if progress is not None:
                    leases.tell_progress(connection, each.job.id, each.job.token, *progress)
                    each.told = progress

    def _deadlines(self) -> None:
        for each in self._all():
            if each.deadline <= time.monotonic():
                each.job.leash.stop = StopReason.OVERDUE
                self.forget(each.job)
                self._on_overdue(self._scheduler.kinds[each.job.kind], each.job)
