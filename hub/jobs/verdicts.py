"""What is to become of an attempt, judged by how it ended. The class of the failure alone decides."""

from __future__ import annotations

import random
import secrets
import traceback
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from hub.domain.texts import Text
from hub.jobs.kinds import FailureClass, FailureReport, Job, Kind, Stopped, StopReason
from hub.jobs.names import OWN_LANES
from hub.jobs.retries import delay, gives_up
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.store.leases import Superseded

_log = structlog.get_logger(__name__)


class Action(StrEnum):
    """What the worker does with the row."""

    DONE = "done"
    RETRY = "retry"
    HOLD = "hold"
    BURY = "bury"
    CANCEL = "cancel"
    HAND_BACK = "hand_back"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action with its reason; `wait` is how long a retry waits."""

    action: Action
    report: FailureReport | None = None
    wait: timedelta = timedelta(0)


DONE = Verdict(Action.DONE)
LEAVE = Verdict(Action.LEAVE)
_CANCELLED = Text("Arbetet avbröts av en person.", "The work was cancelled by a person.")
_LOST = Text(
    "Den process som utförde arbetet försvann gång på gång. Arbetet har lagts åt sidan; se loggen för tiderna.",
    "The process that carried the work out vanished time and again. It was set aside; see the log at those times.",
)
_OVERDUE = Text(
    "Arbetet tog längre tid än det får och avbröts. Det försöks igen.",
    "The work took longer than it may and was stopped. It will be tried again.",
)
_ALWAYS_OVERDUE = Text(
    "Arbetet tog gång på gång längre tid än det får. Det har lagts åt sidan; se efter vad som inte svarar.",
    "The work took longer than it may time and again. It was set aside; see what it is that does not answer.",
)
_INTERRUPTED = Text(
    "Hubbens egen databas gick inte att nå under arbetet. Det försöks igen.",
    "The hub's own database could not be reached during the work. It will be tried again.",
)


def before_start(kind: Kind, job: Job) -> Verdict | None:
    """Work that is not to be started at all: asked to be cancelled, or the ruin of every worker that had it."""
    if job.leash.stop is StopReason.CANCELLED:
        return cancelled()
    if job.losses >= kind.retry.losses:
        return Verdict(Action.BURY, FailureReport(FailureClass.LOST, _LOST))
    return None


def judge(kind: Kind, job: Job, error: BaseException) -> Verdict:
    """What is to become of an attempt that raised. Who is refused in a lane of the hub's own holds nobody up there."""
    match error:
        case Superseded():
            return LEAVE
        case Stopped():
            return _stopped(kind, job, error.reason)
        case Unavailable():
            return _retry(kind, job, _told(FailureClass.UNAVAILABLE, error, error.text), error.retry_after)
        case Refused() if job.lane in OWN_LANES:
            return _retry(kind, job, _told(FailureClass.REFUSED, error, error.text))
        case Refused():
            return Verdict(Action.HOLD, _told(FailureClass.REFUSED, error, error.text))
        case Rejected():
            return Verdict(Action.BURY, _rejected(error))
        case _ if is_our_database(error):
            return Verdict(Action.RETRY, _told(FailureClass.INTERRUPTED, error, _INTERRUPTED), _wait(kind, job))
        case _:
            return _bug(kind, job, error)


def cancelled() -> Verdict:
    """A person stopped it."""
    return Verdict(Action.CANCEL, FailureReport(FailureClass.CANCELLED, _CANCELLED))


def overdue(kind: Kind, job: Job, earlier: int = 0) -> Verdict:
    """The attempt passed its deadline, as did so many `earlier` ones of the same work."""
    if gives_up(kind.retry, job.attempt) or earlier + 1 >= kind.retry.overdue:
        return Verdict(Action.BURY, FailureReport(FailureClass.OVERDUE, _ALWAYS_OVERDUE))
    return Verdict(Action.RETRY, FailureReport(FailureClass.OVERDUE, _OVERDUE), _wait(kind, job))


def is_our_database(error: BaseException) -> bool:
    """Whether it is our own database that could not be reached, was locked, cut the connection or had none free."""
    cut = isinstance(error, DBAPIError) and error.connection_invalidated
    return cut or isinstance(error, OperationalError | InterfaceError | NoConnectionFree)


def _stopped(kind: Kind, job: Job, reason: StopReason) -> Verdict:
    match reason:
        case StopReason.CANCELLED:
            return cancelled()
        case StopReason.STOPPING:
            return Verdict(Action.HAND_BACK)
        case StopReason.OVERDUE:
            return overdue(kind, job)
        case StopReason.SUPERSEDED:
            return LEAVE


def _retry(kind: Kind, job: Job, report: FailureReport, retry_after: timedelta | None = None) -> Verdict:
    if gives_up(kind.retry, job.attempt):
        return Verdict(Action.BURY, report)
    return Verdict(Action.RETRY, report, _wait(kind, job, retry_after))


def _wait(kind: Kind, job: Job, retry_after: timedelta | None = None) -> timedelta:
    return delay(kind.retry, job.attempt, random.random(), retry_after)  # noqa: S311 - spreads load, guards nothing


def _told(failure_class: FailureClass, error: BaseException, text: Text) -> FailureReport:
    return FailureReport(failure_class, text, type(error).__name__)


def _rejected(error: Rejected) -> FailureReport:
    return FailureReport(FailureClass.REJECTED, error.text, type(error).__name__, reasons=error.reasons)


def _bug(kind: Kind, job: Job, error: BaseException) -> Verdict:
    traceback_id = secrets.token_hex(6)
    tell_bug("work.bug", error, traceback_id, job)
    report = FailureReport(FailureClass.BUG, _bug_text(traceback_id), type(error).__name__, traceback_id)
    if job.attempt <= kind.retry.bugs:
        return Verdict(Action.RETRY, report, _wait(kind, job))
    return Verdict(Action.BURY, report)


def _bug_text(traceback_id: str) -> Text:
    return Text(
        f"Ett fel i hubben eller i en insticksmodul stoppade arbetet. Sök i loggen på {traceback_id}.",
        f"A bug in the hub or in a plugin stopped the work. Search the log for {traceback_id}.",
    )


def tell_bug(event: str, error: BaseException, traceback_id: str, job: Job | None = None) -> None:
    """Log where it happened. Neither the message nor any value, which might hold a secret, is written."""
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    where = {"work_id": job.id, "kind": job.kind, "lane": job.lane, "attempt": job.attempt} if job else {}
    _log.error(event, traceback_id=traceback_id, error=type(error).__name__, places=places, **where)
