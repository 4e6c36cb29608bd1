"""The state of a connection: told from what happened, for every state there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.status.connections import FAILING_AFTER, LATE_AFTER, LATE_GRACE, State, tell, tell_all
from hub.store import connections
from hub.store.connections import Happening, Lived
from hub.store.database import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOWN = Text("svarar inte", "does not answer")
WELL = Lived("inkorg", last_ok_at=NOW, last_moved_at=NOW)
FAILED = replace(WELL, failures=1, failing_since=NOW - MINUTE, last_failure=DOWN)
BROKEN = Text("laddas inte", "the plugin does not load")
UNTOLD = {State.HELD, State.UNKNOWN}
"""States that nothing that happens in this edition leads to: guards and approvals come with plans of many changes."""


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


TOLD: dict[State, tuple[Lived, timedelta | None, Text | None]] = {
    State.BROKEN: (WELL, MINUTE, BROKEN),
    State.REFUSED: (replace(WELL, refused_at=NOW, refused_because=DOWN), MINUTE, None),
    State.FAILING: (replace(FAILED, failures=FAILING_AFTER), MINUTE, None),
    State.WARNING: (replace(FAILED, failures=FAILING_AFTER - 1), MINUTE, None),
    State.LATE: (replace(WELL, last_ok_at=NOW - timedelta(hours=1)), MINUTE, None),
    State.PAUSED: (replace(WELL, paused_at=NOW, paused_by="anna"), MINUTE, None),
    State.NEW: (Lived("inkorg"), MINUTE, None),
    State.OK: (WELL, MINUTE, None),
}


def state(lived: Lived, every: timedelta | None = MINUTE, broken: Text | None = None) -> State:
    return tell(lived, at=NOW, every=every, broken=broken).state


def test_every_state_can_be_told_or_is_named_as_not_yet_told() -> None:
    assert set(TOLD) | UNTOLD == set(State)
    assert not set(TOLD) & UNTOLD


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
        ("shaky", State.WARNING),
        ("new-a", State.NEW),
        ("new-b", State.NEW),
        ("fine", State.OK),
    ]
    assert {each.owner for each in told} == {"anna"}


def test_what_needs_attention_is_worse_than_all_that_does_not() -> None:
    needs = [each.needs_attention for each in State]
    assert needs == sorted(needs, reverse=True)
    assert not State.OK.needs_attention
