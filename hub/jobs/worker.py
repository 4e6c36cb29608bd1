"""One attempt from beginning to end: perform, judge, and write what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from hub.jobs.kinds import FailureClass, FailureReport, Job, Kind
from hub.jobs.verdicts import DONE, Action, Verdict, before_start, is_our_database, judge, overdue, tell_bug
from hub.store import breakers, leases
from hub.store.database import Database, now
from hub.store.lanes import hold_lane, released_since

_log = structlog.get_logger(__name__)

OnFailure = Callable[[Connection, Job, FailureClass, FailureReport], None]
OnRefused = Callable[[Connection, str, FailureReport], None]

REFUSED = "refused"
_AFTER_A_BROKEN_CALLBACK = timedelta(minutes=5)


def _no_failure(_connection: Connection, _job: Job, _class: FailureClass, _report: FailureReport) -> None:
    """Nobody listens."""


def _no_refusal(_connection: Connection, _lane: str, _report: FailureReport) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told, in the very transaction that writes what became of the work."""

    on_failure: OnFailure = _no_failure
    on_refused: OnRefused = _no_refusal


def perform(kind: Kind, job: Job) -> Verdict:
    """Make the attempt and judge it. Touches no row itself."""
    early = before_start(kind, job)
    if early is not None:
        return early
    try:
        kind.perform(job)
    except (Exception, SystemExit) as error:  # what a plugin raises is judged, never let through
        return judge(kind, job, error)
    return DONE


def settle(database: Database, kind: Kind, job: Job, verdict: Verdict, listeners: Listeners, patience: float) -> None:
    """Write what became of the attempt; wait up to `patience` seconds for a database that is away.

    When the token is old nothing is written. When the database stays away for longer, the work is tried again once it
    is there, as the verdict says when; when a listener fails, later.
    """
    if verdict.action is Action.LEAVE or (verdict.action is Action.DONE and job.leash.completed):
        return
    try:
        _patiently(lambda: _settle_once(database, kind, job, verdict, listeners), patience)
    except leases.Superseded:
        _log.warning("work.superseded", work_id=job.id, token=job.token, verdict=verdict.action.value)
    except Exception as error:
        tell_bug("work.unsettled", error, secrets.token_hex(6), job)
        _put_back(database, job, verdict, verdict.wait if is_our_database(error) else _AFTER_A_BROKEN_CALLBACK)


def _patiently(write: Callable[[], None], patience: float) -> None:
    again = retry_if_exception(is_our_database)
    pauses = wait_exponential_jitter(multiplier=0.05, max=2, jitter=0.05)
    for attempt in Retrying(retry=again, wait=pauses, stop=stop_after_delay(patience), reraise=True):
        with attempt:
            write()


def _settle_once(database: Database, kind: Kind, job: Job, verdict: Verdict, listeners: Listeners) -> None:
    with database.write() as connection:
        apply(connection, kind, job, verdict, listeners)


def apply(connection: Connection, kind: Kind, job: Job, verdict: Verdict, listeners: Listeners) -> None:
    """Write the verdict inside that transaction and tell the listeners. Raises Superseded when the token is old."""
    verdict = _with_the_earlier(connection, kind, job, verdict)
    _write(connection, job, verdict)
    report = verdict.report
    if report is None:
        return
    if verdict.action in {Action.BURY, Action.CANCEL}:
        kind.gave_up(connection, job, report)
    if report.failure_class is FailureClass.REJECTED:
        breakers.note(connection, job.lane, succeeded=True)  # who rejects a document has answered
    if verdict.action is Action.HOLD and _is_bygone(connection, job):
        return
    if verdict.action is Action.HOLD:
        hold_lane(connection, job.lane, because=REFUSED)
        listeners.on_refused(connection, job.lane, report)
    if verdict.action is not Action.CANCEL:
        listeners.on_failure(connection, job, report.failure_class, report)


def _is_bygone(connection: Connection, job: Job) -> bool:
    """Whether somebody let the connection go on after this call was begun: it tells nothing of how things are now."""
    return released_since(connection, job.lane, leases.begun_at(connection, job.id, job.token))


def _with_the_earlier(connection: Connection, kind: Kind, job: Job, verdict: Verdict) -> Verdict:
    """The verdict, of an overdue attempt with what is kept of the earlier ones in mind."""
    report = verdict.report
    if report is None or report.failure_class is not FailureClass.OVERDUE:
        return verdict
    return overdue(kind, job, leases.attempts_that_ended(connection, job.id, report.failure_class))


def _write(connection: Connection, job: Job, verdict: Verdict) -> None:
    failure = verdict.report.as_json() if verdict.report else {}
    match verdict.action:
        case Action.DONE:
            leases.complete(connection, job.id, job.token)
        case Action.RETRY | Action.HOLD:
            due_at, outcome = now(connection) + verdict.wait, str(failure["class"])
            leases.retry_later(connection, job.id, job.token, due_at=due_at, failure=failure, outcome=outcome)
        case Action.BURY:
            leases.bury(connection, job.id, job.token, failure=failure)
        case Action.CANCEL:
            leases.end_cancelled(connection, job.id, job.token)
        case Action.HAND_BACK:
            leases.hand_back(connection, job.id, job.token)
        case Action.LEAVE:
            return


def _put_back(database: Database, job: Job, verdict: Verdict, wait: timedelta) -> None:
    """Keep the work alive though its end was not written; should even this fail, its lease runs out."""
    failure = verdict.report.as_json() if verdict.report else {}
    try:
        with database.write() as connection:
            due_at = now(connection) + wait
            leases.retry_later(connection, job.id, job.token, due_at=due_at, failure=failure, outcome="unsettled")
    except Exception as error:
        tell_bug("work.left_to_its_lease", error, secrets.token_hex(6), job)
