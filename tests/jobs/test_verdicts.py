"""The laws of judging how an attempt ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from structlog.testing import capture_logs

from hub.domain.texts import Reason, Text
from hub.jobs.kinds import FailureClass, Job, Kind, Leash, Stopped, StopReason
from hub.jobs.names import OWN_LANES
from hub.jobs.retries import RetryPolicy
from hub.jobs.verdicts import Action, before_start, judge, overdue
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.store.leases import Superseded

DOWN = Text("Mottagaren svarar inte.", "The receiver does not answer.")
REASON = Reason("BR-02", Text("Fakturanummer saknas.", "No invoice number."), Text("Rätta.", "Mend it."))


def nothing(_job: Job) -> None:
    return


def kind(policy: RetryPolicy | None = None) -> Kind:
    return Kind("send", nothing, retry=policy or RetryPolicy())


def job(attempt: int = 1, losses: int = 0, stop: StopReason | None = None) -> Job:
    return Job(1, "send", "north", {}, attempt=attempt, losses=losses, leash=Leash(stop=stop))


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (Unavailable(DOWN), Action.RETRY),
        (Refused(DOWN), Action.HOLD),
        (Rejected((REASON,)), Action.BURY),
        (OperationalError("select", {}, Exception()), Action.RETRY),
        (NoConnectionFree(), Action.RETRY),
        (InternalError("select", {}, Exception(), connection_invalidated=True), Action.RETRY),
        (InternalError("select", {}, Exception()), Action.BURY),
        (ProgrammingError("select", {}, Exception()), Action.BURY),
        (ZeroDivisionError(), Action.BURY),
        (SystemExit(1), Action.BURY),
        (Superseded(1, 1), Action.LEAVE),
        (Stopped(StopReason.CANCELLED), Action.CANCEL),
        (Stopped(StopReason.STOPPING), Action.HAND_BACK),
        (Stopped(StopReason.OVERDUE), Action.RETRY),
        (Stopped(StopReason.SUPERSEDED), Action.LEAVE),
    ],
    ids=repr,
)
def test_the_class_of_the_failure_alone_decides(error: BaseException, action: Action) -> None:
    assert judge(kind(), job(), error).action is action


@pytest.mark.parametrize("lane", sorted(OWN_LANES))
def test_who_is_refused_in_a_lane_of_the_hubs_own_tries_again_later_and_holds_nobody_up(lane: str) -> None:
    refused = judge(kind(), replace(job(), lane=lane), Refused(DOWN))
    assert (refused.action, refused.report and refused.report.text) == (Action.RETRY, DOWN)
    assert refused.wait > timedelta(0)


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_to_stop_has_a_verdict(reason: StopReason) -> None:
    assert judge(kind(), job(), Stopped(reason)) is not None


@given(st.integers(min_value=1, max_value=10_000))
def test_a_system_out_of_reach_is_tried_again_without_end(attempt: int) -> None:
    assert judge(kind(), job(attempt), Unavailable(DOWN)).action is Action.RETRY


def test_a_policy_that_counts_buries_after_its_last_attempt() -> None:
    counting = kind(RetryPolicy(attempts=3))
    assert judge(counting, job(2), Unavailable(DOWN)).action is Action.RETRY
    assert judge(counting, job(3), Unavailable(DOWN)).action is Action.BURY


def test_retry_after_is_waited_out() -> None:
    assert judge(kind(), job(), Unavailable(DOWN, timedelta(minutes=7))).wait >= timedelta(minutes=7)


def test_a_bug_is_retried_as_often_as_the_policy_says() -> None:
    patient = kind(RetryPolicy(bugs=1))
    assert judge(patient, job(1), ZeroDivisionError()).action is Action.RETRY
    assert judge(patient, job(2), ZeroDivisionError()).action is Action.BURY


def test_a_last_attempt_past_its_deadline_is_not_said_to_be_tried_again() -> None:
    patient = kind(RetryPolicy(overdue=3))
    again, last = overdue(patient, job(2), earlier=1), overdue(patient, job(3), earlier=2)
    assert (again.action, last.action) == (Action.RETRY, Action.BURY)
    assert again.report != last.report
    assert overdue(kind(RetryPolicy(attempts=2)), job(2)) == last


def test_a_rejection_carries_its_reasons() -> None:
    report = judge(kind(), job(), Rejected((REASON,))).report
    assert report is not None
    assert (report.failure_class, report.reasons, report.as_json()["codes"]) == (
        FailureClass.REJECTED,
        (REASON,),
        ["BR-02"],
    )


def test_a_bug_is_found_in_the_log_by_its_id_and_its_message_is_nowhere() -> None:
    with capture_logs() as logged:
        report = judge(kind(), job(), _raised(ValueError("password=hunter2"))).report
    assert report is not None
    assert logged[0]["traceback_id"] == report.traceback_id
    assert any("_raised" in place for place in logged[0]["places"])
    assert report.traceback_id in report.text.sv
    assert report.traceback_id in report.text.en
    assert "hunter2" not in f"{logged}{report}"


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_work_that_ruins_every_worker_is_given_up_before_it_ruins_another() -> None:
    verdict = before_start(kind(), job(losses=5))
    assert verdict is not None
    assert verdict.report is not None
    assert (verdict.action, verdict.report.failure_class) == (Action.BURY, FailureClass.LOST)
    assert before_start(kind(), job(losses=4)) is None


def test_work_cancelled_while_nobody_ran_it_is_not_started() -> None:
    verdict = before_start(kind(), job(stop=StopReason.CANCELLED))
    assert verdict is not None
    assert verdict.action is Action.CANCEL
