"""Which work may run now: claims over all lanes, and what is told when leases run out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from hub.jobs.kinds import Job, Kind, Leash, StopReason
from hub.store import leases
from hub.store.database import Database, now
from hub.store.leases import Beat, Claimed, Held
from hub.store.work import promote_stranded
from hub.store.workers import worker_seen

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs to start now, in that order, and how long until something more falls due (None: not known)."""

    jobs: tuple[Job, ...]
    pause: timedelta | None


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Claims for one worker, by name, the kinds it knows."""

    database: Database
    kinds: Mapping[str, Kind]
    worker: str
    lease: timedelta

    def next_jobs(
        self, limit: int, finished: Sequence[Job] = (), rooms: Mapping[str, int] = MappingProxyType({})
    ) -> Batch:
        """Mark what has finished as done and take up to `limit` jobs for this worker, in one transaction.

        `rooms` says how many more of a lane this process has room for; a lane that is not named has no such limit.
        """
        held = [(job.id, job.token) for job in finished]
        with self.database.write() as connection:
            claim = leases.claim(
                connection,
                worker=self.worker,
                kinds=self.kinds,
                limit=limit,
                lease=self.lease,
                finished=held,
                rooms=rooms,
            )
        for work_id, token in claim.superseded:
            _log.warning("work.superseded", work_id=work_id, token=token)
        return Batch(tuple(map(job_of, claim.taken)), _pause(claim.at, claim.next_due))

    def keep_leases(self, held: Collection[Held], is_calm: Callable[[datetime], bool] = lambda _at: True) -> Beat:
        """Prolong what this worker holds, then put back what vanished workers left behind, in one transaction.

        What is held is never put back, whatever the clock says, and nothing is when our own could not be prolonged, or
        while the clock that all workers share is not calm: then the living shall have time to prolong theirs first.
        """
        with self.database.write() as connection:
            worker_seen(connection, self.worker)
            beat = leases.heartbeat(connection, held, self.lease)
            found = leases.reclaim_expired(connection, spare=held) if is_calm(now(connection)) else ()
        if found:
            _log.warning("work.reclaimed", worker=self.worker, work_ids=found[:20], number=len(found))
        return beat

    def mend_orders(self) -> None:
        """Let go on what waits behind nothing: a worker of a release that knew no orders ended what was before it."""
        with self.database.write() as connection:
            found = promote_stranded(connection)
        if found:
            _log.warning("work.orders_mended", worker=self.worker, number=found)


def job_of(claimed: Claimed) -> Job:
    """The job that a claim became; one that was asked to be cancelled while nobody ran it says so from the start."""
    return Job(
        id=claimed.id,
        kind=claimed.kind,
        lane=claimed.lane,
        argument=claimed.argument,
        attempt=claimed.attempt,
        token=claimed.token,
        key=claimed.key,
        priority=claimed.priority,
        losses=claimed.losses,
        leash=Leash(stop=StopReason.CANCELLED if claimed.cancel_asked else None),
    )


def _pause(at: datetime, next_due: datetime | None) -> timedelta | None:
    return None if next_due is None else max(timedelta(0), next_due - at)
