"""The state of a connection: told from what happened, for every state there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.cron import CatchUp, Cron, Schedule
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text
from hub.jobs import routes
from hub.jobs.kinds import FailureClass, FailureReport
from hub.jobs.names import FETCH
from hub.plugin.connector import Connector
from hub.status.connections import FAILING_AFTER, LATE_AFTER, LATE_GRACE, State, Times, Told, tell, tell_all, times_of
from hub.store import connections, leases, pulls, runs, schedules, work
from hub.store.connections import Happening, Lived
from hub.store.database import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOWN = Text("svarar inte", "does not answer")
ODD = Text("inget har kommit", "nothing came")
WELL = Lived("inkorg", last_ok_at=NOW, last_moved_at=NOW)
FAILED = replace(WELL, failures=1, failing_since=NOW - MINUTE, last_failure=DOWN)
BROKEN = Text("laddas inte", "the plugin does not load")


@dataclass(frozen=True)
class Paper:
    """A connection as it may be configured."""

    name: str
    every: timedelta | None = None
    broken: Text | None = None
    connector_name: str = "paper.files"
    owner: str = "anna"
    connector: Connector | None = None
    settings: Any = None
    schedule: Schedule | None = None
    late_after: timedelta | None = None


TOLD: dict[State, tuple[Lived, timedelta | None, Text | None]] = {
    State.BROKEN: (WELL, MINUTE, BROKEN),
    State.REFUSED: (replace(WELL, refused_at=NOW, refused_because=DOWN), MINUTE, None),
    State.FAILING: (replace(FAILED, failures=FAILING_AFTER), MINUTE, None),
    State.LEFT: (replace(WELL, left_items=3), MINUTE, None),
    State.RETRYING: (replace(FAILED, failures=FAILING_AFTER - 1), MINUTE, None),
    State.LATE: (replace(WELL, last_ok_at=NOW - timedelta(hours=1)), MINUTE, None),
    State.PAUSED: (replace(WELL, paused_at=NOW, paused_by="anna"), MINUTE, None),
    State.UNKNOWN: (
        replace(WELL, worker_seen_at=NOW - timedelta(hours=2), last_ok_at=NOW - timedelta(hours=1)),
        None,
        None,
    ),
    State.SUSPICIOUS: (replace(WELL, suspicions=(Suspicion("documents", ODD),), doubted_since=NOW), MINUTE, None),
    State.HELD: (replace(WELL, held_plans=(17,), held_since=NOW), MINUTE, None),
    State.NEW: (Lived("inkorg"), MINUTE, None),
    State.OK: (WELL, MINUTE, None),
}


def state(lived: Lived, every: timedelta | None = MINUTE, broken: Text | None = None) -> State:
    return tell(lived, at=NOW, every=every, broken=broken).state


def test_every_state_can_be_told() -> None:
    assert set(TOLD) == set(State)


@pytest.mark.parametrize("wanted", TOLD)
def test_a_state_is_told_from_what_happened_and_says_why_in_both_languages(wanted: State) -> None:
    lived, every, broken = TOLD[wanted]
    told = tell(lived, at=NOW, every=every, broken=broken)
    assert told.state is wanted
    assert told.why.sv
    assert told.why.en
    assert (told.since is None) is (wanted in {State.BROKEN, State.NEW})


def test_a_failures_own_words_are_told() -> None:
    assert tell(FAILED, at=NOW).why == DOWN
    assert tell(FAILED, at=NOW).since == NOW - MINUTE
    assert tell(replace(WELL, refused_at=NOW, refused_because=DOWN), at=NOW).why == DOWN


def test_who_paused_is_told() -> None:
    assert "anna" in tell(replace(WELL, paused_at=NOW, paused_by="anna"), at=NOW).why.sv


def test_an_answer_with_nothing_is_told_apart_from_documents_that_pass() -> None:
    silent, moving = (tell(each, at=NOW) for each in (replace(WELL, last_moved_at=None), WELL))
    assert silent.state is moving.state is State.OK
    assert silent.why != moving.why


@given(waited=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3)), minutes=st.integers(1, 600))
def test_a_source_is_late_after_three_intervals_without_an_answer(waited: timedelta, minutes: int) -> None:
    every = timedelta(minutes=minutes)
    late = waited > LATE_AFTER * every + LATE_GRACE
    assert (state(replace(WELL, last_ok_at=NOW - waited), every) is State.LATE) is late


def test_what_is_not_asked_is_never_late() -> None:
    assert state(replace(WELL, last_ok_at=NOW - timedelta(days=400)), None) is State.OK


_LIVED = st.builds(
    Lived,
    name=st.just("inkorg"),
    paused_at=st.sampled_from([None, NOW]),
    refused_at=st.sampled_from([None, NOW]),
    failures=st.integers(0, 9),
    last_ok_at=st.sampled_from([None, NOW, NOW - timedelta(days=1)]),
)


@given(lived=_LIVED, broken=st.sampled_from([None, BROKEN]))
def test_a_broken_connection_is_broken_whatever_it_lived_through_and_no_other_is(lived: Lived, broken: str) -> None:
    assert (state(lived, broken=broken) is State.BROKEN) is bool(broken)


@given(lived=_LIVED)
def test_what_a_person_did_is_told_before_what_the_other_side_did(lived: Lived) -> None:
    told = state(lived)
    assert (told is State.PAUSED) is (lived.paused_at is not None)
    if lived.paused_at is None:
        assert (told is State.REFUSED) is (lived.refused_at is not None)


def test_every_connection_is_told_the_worst_first_and_the_unused_too(database: Database) -> None:
    with database.write() as connection:
        connections.succeeded(connection, "fine", Happening.ARRIVED)
        connections.failed(connection, "shaky", Happening.UNAVAILABLE, DOWN)
        connections.failed(connection, "refused", Happening.REFUSED, DOWN)
        connections.failed(connection, "removed from the settings", Happening.BUG, DOWN)
    names = ["fine", "shaky", "new-b", "new-a", "refused"]
    configured = {name: Paper(name) for name in names} | {"broken": Paper("broken", broken=BROKEN)}
    told = tell_all(database, configured)
    assert [(each.name, each.told.state) for each in told] == [
        ("broken", State.BROKEN),
        ("refused", State.REFUSED),
        ("shaky", State.RETRYING),
        ("new-a", State.NEW),
        ("new-b", State.NEW),
        ("fine", State.OK),
    ]
    assert {each.owner for each in told} == {"anna"}


def test_what_needs_attention_is_worse_than_all_that_does_not() -> None:
    needs = [each.needs_attention for each in State]
    assert needs == sorted(needs, reverse=True)
    assert not State.OK.needs_attention


# --- times ----------------------------------------------------------------------------------------------------

SIX = datetime(2026, 11, 20, 5, tzinfo=UTC)
"""06:00 on a Friday in the city."""

DAILY = Schedule(Cron.parse("0 6 * * *"), grace=timedelta(minutes=15), catch_up=CatchUp.NONE)


def asked_daily(minutes: int, *, ok: datetime | None = SIX - timedelta(days=1), is_running: bool = False) -> Told:
    """What is told so many minutes after six of a connection that last answered then."""
    times = Times(DAILY, SIX - timedelta(days=30), is_running)
    return tell(replace(WELL, last_ok_at=ok), at=SIX + timedelta(minutes=minutes), times=times)


def test_a_connection_is_late_when_its_grace_has_passed_after_a_time_and_the_time_is_named() -> None:
    assert asked_daily(15).state is State.OK
    late = asked_daily(16)
    assert (late.state, late.since) == (State.LATE, SIX)
    assert "2026-11-20 06:00" in late.why.sv
    assert "2026-11-20 06:00" in late.why.en


def test_a_connection_that_began_or_answered_after_its_time_is_not_late() -> None:
    assert asked_daily(60, is_running=True).state is State.OK
    assert asked_daily(60, ok=SIX + MINUTE).state is State.OK


def test_a_new_connection_is_late_for_the_first_time_after_it_was_known_and_none_before() -> None:
    times = Times(DAILY, SIX - MINUTE)
    assert tell(Lived("inkorg"), at=SIX + timedelta(minutes=14), times=times).state is State.NEW
    assert tell(Lived("inkorg"), at=SIX + timedelta(minutes=16), times=times).state is State.LATE
    assert tell(Lived("inkorg"), at=SIX + timedelta(minutes=16), times=Times(DAILY)).state is State.NEW


def test_a_paused_connection_is_told_as_paused_though_its_time_has_passed() -> None:
    paused = replace(WELL, last_ok_at=SIX - timedelta(days=1), paused_at=SIX, paused_by="anna")
    assert tell(paused, at=SIX + timedelta(hours=1), times=Times(DAILY, SIX)).state is State.PAUSED


def test_a_stated_grace_counts_for_one_asked_at_intervals_too() -> None:
    silent = replace(WELL, last_ok_at=NOW - timedelta(minutes=10))
    assert tell(silent, at=NOW, every=MINUTE).state is State.LATE
    assert tell(silent, at=NOW, every=MINUTE, late_after=timedelta(minutes=11)).state is State.OK


def test_the_times_of_a_schedule_are_told_from_what_is_known_of_it(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        began = schedules.follow(connection, "fetch:inkorg@", "inkorg", DAILY.cron.words).since
        work.enqueue(connection, kind="fetch", lane="inkorg", argument={})
        leases.claim(connection, worker="w", kinds=["fetch"], limit=1, lease=timedelta(hours=1))
    with sqlite_database.read() as connection:
        known = times_of(connection, {"inkorg": Paper("inkorg", schedule=DAILY), "b": Paper("b", schedule=DAILY)})
    assert known == {"inkorg": Times(DAILY, began, True), "b": Times(DAILY)}


NO_TEMPLATE = Text("Mallen 0 finns inte", "Template 0 does not exist")


def reject(database: Database, noun: str = "", kind: str = routes.PULL) -> None:
    """A pass over `webb` is rejected as a whole, as a pull of that noun or as the fetching of what waits there."""
    job: Any = SimpleNamespace(kind=kind, lane="webb", attempt=1, argument={})
    with database.write() as connection:
        run = runs.begin(connection, noun or "fakturor", "webb", "schedule")
        if noun:
            pulls.begin(connection, pulls.get(connection, "webb", noun), run, whole=True)
        runs.end(connection, run, "rejected", {}, {"sv": NO_TEMPLATE.sv, "en": NO_TEMPLATE.en})
        report = FailureReport(FailureClass.REJECTED, NO_TEMPLATE)
        routes.failed(connection, job, FailureClass.REJECTED, report)


def pulled(database: Database, noun: str) -> None:
    """A pull of that noun succeeds, and met nothing new: it leaves no run."""
    with database.write() as connection:
        pulls.end(connection, pulls.get(connection, "webb", noun), "m1")
        connections.succeeded(connection, "webb", Happening.ARRIVED, 0)


def webb(database: Database) -> Told:
    [fares] = tell_all(database, {"webb": Paper("webb")})
    return fares.told


def test_a_pull_that_was_rejected_needs_attention_and_says_why_until_one_of_its_noun_succeeds(
    database: Database,
) -> None:
    reject(database, "orders")
    reject(database, "suppliers")
    pulled(database, "suppliers")
    told = webb(database)
    assert told.state is State.LEFT
    assert (NO_TEMPLATE.sv in told.why.sv, NO_TEMPLATE.en in told.why.en) == (True, True)
    assert told.since is not None
    pulled(database, "orders")
    assert webb(database).state is State.OK


def test_a_fetch_that_was_rejected_needs_attention_until_one_succeeds(database: Database) -> None:
    reject(database, kind=FETCH)
    assert webb(database).state is State.LEFT
    assert NO_TEMPLATE.sv in webb(database).why.sv
    with database.write() as connection:
        connections.succeeded(connection, "webb", Happening.ARRIVED, 0)
    assert webb(database).state is State.OK


def test_what_was_rejected_stands_among_the_connections_events_and_opens_no_failure(database: Database) -> None:
    reject(database, "orders")
    with database.read() as connection:
        [event] = connections.events(connection, "webb")
        lived = connections.lived(connection, "webb")
    assert (event.kind, event.details["sv"]) == (Happening.REJECTED, NO_TEMPLATE.sv)
    assert lived.failures == 0


def test_a_pull_whose_run_was_rejected_goes_on_no_more_in_what_is_told(database: Database) -> None:
    reject(database, "orders")
    with database.read() as connection:
        [told] = pulls.every(connection)
        kept = pulls.get(connection, "webb", "orders")
    assert (told.goes_on, told.ended_at is None, told.rejected) == (False, False, True)
    assert kept.goes_on, "it is taken up from where it stopped when it is asked for again"
    assert told.complete_at is None
