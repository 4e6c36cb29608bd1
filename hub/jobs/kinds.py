"""Kinds of work, the job a worker is given, and how a failure is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from hub.domain.texts import Reason, Text
from hub.jobs.retries import DEFAULT_RETRIES, RetryPolicy
from hub.store import leases


class FailureClass(StrEnum):
    """What sort of failure it was.

    unavailable  the other side cannot answer now
    refused      the other side will not have us
    rejected     this one document or record is at fault
    bug          anything else that was raised
    interrupted  our own database could not be reached: nobody's fault outside
    overdue      the work passed its deadline
    lost         worker after worker vanished over it
    cancelled    a person stopped it
    """

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    REJECTED = "rejected"
    BUG = "bug"
    INTERRUPTED = "interrupted"
    OVERDUE = "overdue"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class FailureReport:
    """A failure as it is kept and shown; it holds no secret.

    `error` is the name of the exception's class, `traceback_id` leads to the log, `reasons` are a rejection's.
    """

    failure_class: FailureClass
    text: Text
    error: str = ""
    traceback_id: str = ""
    reasons: tuple[Reason, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As it stands in the failure column of work and attempts."""
        return {
            "class": self.failure_class.value,
            "sv": self.text.sv,
            "en": self.text.en,
            "error": self.error,
            "traceback_id": self.traceback_id,
            "codes": [reason.code for reason in self.reasons],
        }


class StopReason(StrEnum):
    """Why a running job should end now."""

    CANCELLED = "cancelled"
    OVERDUE = "overdue"
    SUPERSEDED = "superseded"
    STOPPING = "stopping"


class Stopped(Exception):
    """Raised by `Job.beat`: the work is to end here. Let it pass; the worker knows what to do."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(f"the work is to stop: {reason}")
        self.reason = reason


@dataclass(slots=True)
class Leash:
    """What passes between a running job and the thread that keeps its lease."""

    stop: StopReason | None = None
    progress: tuple[int, int] | None = None
    completed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One attempt at a piece of work. `attempt` counts from 1; `token` fences off whoever lost the lease."""

    id: int
    kind: str
    lane: str
    argument: Mapping[str, Any]
    attempt: int = 1
    token: int = 1
    key: str | None = None
    priority: int = 0
    losses: int = 0
    leash: Leash = field(default_factory=Leash)

    def complete_in(self, connection: Connection) -> None:
        """Mark the work done inside the caller's transaction, so that effect and completion are kept together.

        Raises hub.store.leases.Superseded when the work is somebody else's now: let it pass, and the effect is
        rolled back with it.
        """
        leases.complete(connection, self.id, self.token)
        self.leash.completed = True

    def hold_in(self, connection: Connection) -> None:
        """Write nothing inside the caller's transaction unless the work is still ours.

        Raises hub.store.leases.Superseded when it is not: let it pass, and what was written is rolled back.
        """
        leases.hold(connection, self.id, self.token)

    def progress(self, done: int, total: int) -> None:
        """Tell how far it has come; shown within a second or so. Touches no database itself."""
        self.leash.progress = (done, total)

    def beat(self) -> None:
        """To be called now and then by long work, before a foreign call above all; touches no database.

        Raises Stopped when the work was cancelled, passed its deadline, lost its lease or the worker is stopping.
        """
        if self.leash.stop is not None:
            raise Stopped(self.leash.stop)


def nothing_to_tell(_connection: Connection, _job: Job, _report: FailureReport) -> None:
    """For a kind whose giving up concerns nobody: a dead row and its reason are enough."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work: how it is done, how it is retried, how long one attempt may take.

    `gave_up` is called in the transaction that buries the work (or ends it cancelled), so that whatever it was
    about is set aside and never lost.
    """

    name: str
    perform: Callable[[Job], None]
    retry: RetryPolicy = DEFAULT_RETRIES
    deadline: timedelta = timedelta(minutes=10)
    gave_up: Callable[[Connection, Job, FailureReport], None] = nothing_to_tell
