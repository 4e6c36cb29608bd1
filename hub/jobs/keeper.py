"""Keeping what runs: one thread per process prolongs every lease, another writes progress and sees deadlines pass.

They are two so that nothing the one must wait for, a row that a job itself holds above all, lets a lease run out.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.jobs.kinds import Job, Kind, StopReason
from hub.jobs.scheduler import Scheduler
from hub.jobs.verdicts import tell_bug
from hub.store import leases
from hub.store.database import why

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    job: Job
    deadline: float
    told: tuple[int, int] | None = None


class Leaps:
    """Sees time leap from one beat to the next: by the clock that all workers share, or by one that nobody sets.

    The first leaps when it is set; the second when no beat could be kept, for the database was away from everyone.
    """

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = lease / 2, clock
        self._kept: tuple[float, float] | None = None
        self._now = 0.0, 0.0
        self._calm_from = 0.0

    def is_calm(self, at: datetime) -> bool:
        """Whether nothing has leapt for half a lease: everyone alive has prolonged their leases since."""
        here = self._clock()
        self._now = here, at.timestamp() - here
        if max(now - kept for now, kept in zip(self._now, self._kept or self._now, strict=True)) > self._patience:
            self._calm_from = here + self._patience
        return here >= self._calm_from

    def beat_was_kept(self) -> None:
        """The beat in which it was last asked has been committed."""
        self._kept = self._now


class Keeper:
    """Watches over the jobs of one process. `on_overdue` is called, in a thread of its, with a job past its deadline.

    However long that takes, leases are prolonged.
    """

    def __init__(self, scheduler: Scheduler, on_overdue: Callable[[Kind, Job], None]) -> None:
        self._scheduler, self._on_overdue = scheduler, on_overdue
        self._watched: dict[leases.Held, _Watched] = {}
        lease = scheduler.lease.total_seconds()
        self._leaps = Leaps(lease)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        others = {self._tell: 1.0, self._deadlines: 0.5, scheduler.mend_orders: 30.0}
        self._threads = self._thread("hub-beats", {self._leases: lease / 10}), self._thread("hub-keeper", others)

    def _thread(self, name: str, every: Mapping[Callable[[], None], float]) -> threading.Thread:
        return threading.Thread(target=self._keep, args=[every], name=name, daemon=True)

    def start(self) -> None:
        """Begin to keep."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Keep no more: leases that are left run out."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

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

    def _keep(self, every: Mapping[Callable[[], None], float]) -> None:
        due = dict.fromkeys(every, time.monotonic())
        while not self._ended.wait(max(0.0, min(due.values()) - time.monotonic())):
            for task in [task for task, at in due.items() if at <= time.monotonic()]:
                self._try(task)
                due[task] = time.monotonic() + every[task]

    def _try(self, task: Callable[[], None]) -> None:
        try:
            task()
        except SQLAlchemyError as error:
            _log.warning("keeper.no_database", task=task.__name__, error=type(error).__name__, **why(error))
        except Exception as error:  # a thread that ended here would let every lease run out
            tell_bug("keeper.bug", error, secrets.token_hex(6))

    def _leases(self) -> None:
        """Prolong our own leases and take back what ran out, both or neither.

        In that order, so that no clock that leapt and no late waking makes us take our own living work.
        """
        watched = self._all()
        held = [(each.job.id, each.job.token) for each in watched]
        beat = self._scheduler.keep_leases(held, self._leaps.is_calm)
        self._leaps.beat_was_kept()
        for each, key in zip(watched, held, strict=True):
            if key not in beat.current:
                self._stop(each.job, StopReason.SUPERSEDED)
            elif key in beat.cancel_asked:
                self._stop(each.job, StopReason.CANCELLED)

    def _stop(self, job: Job, reason: StopReason) -> None:
        """Unless it has ended meanwhile, or passed its deadline, which is then the reason."""
        with self._lock:
            if (job.id, job.token) in self._watched:
                job.leash.stop = reason

    def _tell(self) -> None:
        news = [(each, each.job.leash.progress) for each in self._all() if each.job.leash.progress != each.told]
        if not news:
            return
        with self._scheduler.database.write() as connection:
            for each, progress in news:
                if progress and leases.tell_progress(connection, each.job.id, each.job.token, *progress):
                    each.told = progress

    def _deadlines(self) -> None:
        for each in self._all():
            if each.deadline <= time.monotonic():
                self.forget(each.job)
                each.job.leash.stop = StopReason.OVERDUE
                self._on_overdue(self._scheduler.kinds[each.job.kind], each.job)
