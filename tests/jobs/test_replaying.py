"""Replaying: in portions, by whom it was asked first, taken up where it was left, and told to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select

from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.jobs import handling, replaying
from hub.jobs.kinds import FailureClass, FailureReport, Stopped, StopReason
from hub.jobs.names import BY_HAND, BY_HAND_IN_BULK, HANDLE, REHEARSE, REPLAY
from hub.plugin.errors import Unavailable
from hub.store import documents, replays, set_asides, units
from hub.store.database import Database, now
from hub.store.replays import Outcome, Result
from hub.store.set_asides import Chosen
from hub.store.tables import claims, work
from tests.jobs.test_handling import ways
from tests.store.rows import a_reason, a_unit, an_invoice, arrive

EVERYTHING = Chosen(everything=True)
PORTION, TOGETHER = 200, 25


@dataclass
class PaperJob:
    """One attempt; it is stopped when it has beaten so often."""

    kind: str
    argument: Mapping[str, Any]
    beats: int = 1_000_000
    completed: list[Connection] = field(default_factory=list)

    def beat(self) -> None:
        self.beats -= 1
        if self.beats < 0:
            raise Stopped(StopReason.STOPPING)

    def complete_in(self, connection: Connection) -> None:
        self.completed.append(connection)


def aside(database: Database, number: int) -> list[int]:
    """So many documents that are set aside."""
    with database.write() as connection:
        units.replace_all(connection, [a_unit("107")])
        ids = [arrive(connection, f"m-{each}") for each in range(number)]
        for each in ids:
            handling.set_aside(connection, each, "city", [a_reason("CITY-RECIPIENT")])
    return ids


def waiting(database: Database, kind: str) -> list[Any]:
    """The work of that kind that waits."""
    with database.read() as connection:
        rows = connection.execute(select(work).where(work.c.kind == kind).order_by(work.c.id)).all()
    return [row for row in rows if row.state == "waiting"]


def result(database: Database, replay: int) -> Result:
    """How far the replay has come."""
    with database.read() as connection:
        return replays.result(connection, replay)


def test_a_portion_goes_at_once_and_the_rest_in_portions_of_its_own_wherever_it_was_left(database: Database) -> None:
    aside(database, PORTION * 2 + 5)
    replay = replaying.replay(database, EVERYTHING, "anna")
    assert result(database, replay) == Result(PORTION, 0, 0, PORTION, gathered=False)
    (rest,) = waiting(database, REPLAY)
    stopped: Any = PaperJob(REPLAY, rest.argument, beats=1)
    with pytest.raises(Stopped):
        replaying.perform(database, stopped)
    assert (result(database, replay).number, stopped.completed) == (PORTION * 2, [])
    job: Any = PaperJob(REPLAY, rest.argument)
    replaying.perform(database, job)
    assert result(database, replay) == Result(PORTION * 2 + 5, 0, 0, PORTION * 2 + 5)
    assert len(job.completed) == 1
    assert len(waiting(database, HANDLE)) == PORTION * 2 + 5


def test_a_portion_that_is_put_on_its_way_twice_is_on_its_way_once(database: Database) -> None:
    aside(database, 3)
    replay = replaying.replay(database, EVERYTHING, "anna")
    job: Any = PaperJob(REPLAY, {"replay": replay})
    replaying.perform(database, job)
    assert result(database, replay).number == 3
    assert len(waiting(database, HANDLE)) == 3


def test_what_is_set_aside_after_a_replay_began_is_none_of_it(database: Database) -> None:
    aside(database, PORTION + 1)
    replay = replaying.replay(database, EVERYTHING, "anna")
    with database.write() as connection:
        late = arrive(connection, "late")
        handling.set_aside(connection, late, "city", [a_reason("CITY-RECIPIENT")])
    job: Any = PaperJob(REPLAY, {"replay": replay})
    replaying.perform(database, job)
    assert result(database, replay).number == PORTION + 1
    with database.read() as connection:
        assert set_asides.members(connection) == [late]


def test_a_few_overtake_everything_and_many_overtake_no_other_person(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "A_FEW", 2)
    ids = aside(database, 5)
    replaying.replay(database, Chosen(ids=tuple(ids[:2])), "anna")
    replaying.replay(database, EVERYTHING, "anna")
    assert [row.priority for row in waiting(database, HANDLE)] == [BY_HAND] * 2 + [BY_HAND_IN_BULK] * 3


def test_each_document_is_marked_once_by_what_happened_to_it_first(database: Database) -> None:
    ids = aside(database, 3)
    replay = replaying.replay(database, EVERYTHING, "anna")
    with database.write() as connection:
        replays.mark(connection, ids[0], Outcome.RECOVERED)
        handling.set_aside(connection, ids[1], "target", [a_reason("HTTP-400"), a_reason("HTTP-400")], "agresso")
        replays.mark(connection, ids[1], Outcome.RECOVERED)
    assert result(database, replay) == Result(3, 1, 1, 1)
    assert replaying.dismiss(database, ids[1], "anna", "betald för hand")
    assert result(database, replay) == Result(3, 1, 1, 1)
    with database.read() as connection:
        (stop,) = replays.stops(connection, replay)
    assert (stop.codes, stop.number, stop.sample) == (("HTTP-400",), 1, ids[1])


def test_a_replay_is_settled_when_its_last_document_has_ended_and_no_sooner(database: Database) -> None:
    ids = aside(database, 2)
    replay = replaying.replay(database, EVERYTHING, "anna")
    with database.write() as connection:
        replays.mark(connection, ids[0], Outcome.RECOVERED)
        assert replays.settle(connection) == 0
        replays.mark(connection, ids[1], Outcome.DISMISSED)
        assert replays.settle(connection) == 1
        assert replays.settle(connection) == 0
        settled = replays.get(connection, replay)
    assert settled is not None
    assert settled.ended_at is not None
    assert settled.counts == {"recovered": 1, "dismissed": 1}
    assert result(database, replay) == Result(2, 1, 0, 0, dismissed=1)


def test_a_replay_that_is_given_up_says_why_and_ends_with_those_it_had_taken(database: Database) -> None:
    aside(database, PORTION + 1)
    replay = replaying.replay(database, EVERYTHING, "anna")
    job: Any = PaperJob(REPLAY, {"replay": replay})
    failure = FailureReport(FailureClass.CANCELLED, Text("avbrutet", "cancelled"))
    with database.write() as connection:
        replaying.gave_up(connection, job, failure)
        kept = replays.get(connection, replay)
    assert kept is not None
    assert kept.failure is not None
    assert kept.failure["class"] == "cancelled"
    assert result(database, replay) == Result(PORTION, 0, 0, PORTION)


def test_a_replay_that_is_given_up_before_it_took_any_document_ends_when_it_was_given_up(database: Database) -> None:
    with database.write() as connection:
        replay = replays.begin(connection, EVERYTHING, "anna", rehearsal=True, priority=0, last=1)
        replays.stop_gathering(connection, replay, {"class": "cancelled", "sv": "avbrutet", "en": "cancelled"})
        assert replays.settle(connection) == 1
        kept = replays.get(connection, replay)
    assert kept is not None
    assert kept.ended_at == kept.gathered_at is not None


def rehearsed(database: Database, looked: Any, ids: Sequence[int]) -> tuple[int, PaperJob]:
    """A rehearsal of the documents, carried out."""
    replay = replaying.replay(database, Chosen(ids=tuple(ids)), "anna", rehearse=True)
    job: Any = PaperJob(REHEARSE, {})
    for each in waiting(database, REHEARSE):
        job = PaperJob(REHEARSE, each.argument)
        replaying.perform_rehearsal(looked, job)
    return replay, job


def test_a_rehearsal_looks_at_its_documents_a_handful_at_a_time_and_takes_no_claim(database: Database) -> None:
    ids = aside(database, TOGETHER + 1)
    replay, _ = rehearsed(database, ways(database, an_invoice()), ids)
    assert [len(row.argument["documents"]) for row in waiting(database, REHEARSE)] == [TOGETHER, 1]
    # All are the same invoice: of each handful one would be delivered, for nobody has the claim yet.
    assert result(database, replay) == Result(TOGETHER + 1, 2, TOGETHER - 1, 0)
    with database.write() as connection:
        assert connection.execute(delete(claims)).rowcount == 0
        assert {documents.lock(connection, each).state for each in ids} == {DocumentState.SET_ASIDE}


def test_a_claim_that_another_document_holds_stops_in_a_rehearsal_as_for_real(database: Database) -> None:
    ids = aside(database, 2)
    real = ways(database, an_invoice())
    replaying.replay_these(database, ids[:1], "anna")
    job: Any = PaperJob(HANDLE, {"document": ids[0]})
    handling.perform(real, job, lambda *_: None)
    replay, _ = rehearsed(database, real, ids[1:])
    with database.read() as connection:
        (stop,) = replays.stops(connection, replay)
    assert stop.codes == ("CITY-DUPLICATE",)


def test_what_is_no_longer_set_aside_or_cannot_be_asked_about_is_told_as_unknown(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = aside(database, 2)
    replay = replaying.replay(database, EVERYTHING, "anna", rehearse=True)
    replaying.replay_these(database, [first], "anna")

    def away(*_given: Any, **_named: Any) -> None:
        raise Unavailable(Text("borta", "away"))

    monkeypatch.setattr(handling, "rehearse", away)
    job: Any = PaperJob(REHEARSE, {"replay": replay, "documents": [first, second]})
    replaying.perform_rehearsal(ways(database, an_invoice()), job)
    assert result(database, replay) == Result(2, 0, 0, 0, unknown=2)
    with database.read() as connection:
        told = {each.document_id: each.codes for each in replays.items(connection, replay)}
    assert told == {first: ("NOT-SET-ASIDE",), second: ("UNAVAILABLE",)}


def test_a_rehearsal_that_is_given_up_leaves_no_document_untold(database: Database) -> None:
    ids = aside(database, 2)
    replay = replaying.replay(database, EVERYTHING, "anna", rehearse=True)
    job: Any = PaperJob(REHEARSE, {"replay": replay, "documents": ids})
    with database.write() as connection:
        replaying.gave_up(connection, job, FailureReport(FailureClass.BUG, Text("fel", "bug")))
    assert result(database, replay) == Result(2, 0, 0, 0, unknown=2)


def test_what_is_delivered_meanwhile_does_not_change_what_a_rehearsal_says(database: Database) -> None:
    ids = aside(database, 1)
    replay = replaying.replay(database, EVERYTHING, "anna", rehearse=True)
    with database.write() as connection:
        replays.mark(connection, ids[0], Outcome.RECOVERED)
    assert result(database, replay) == Result(1, 0, 0, 1)


def test_a_replay_that_repairs_an_incident_is_found_by_it(database: Database) -> None:
    aside(database, 1)
    replay = replaying.replay(database, EVERYTHING, "anna", incident=7)
    with database.read() as connection:
        assert [each.id for each in replays.of_incident(connection, 7)] == [replay]
        assert replays.of_incident(connection, 8) == []


def test_replays_that_ended_long_ago_are_forgotten_with_their_documents_and_others_are_not(database: Database) -> None:
    ids = aside(database, 2)
    old = replaying.replay(database, Chosen(ids=tuple(ids[:1])), "anna")
    under_way = replaying.replay(database, Chosen(ids=tuple(ids[1:])), "anna")
    with database.write() as connection:
        replays.mark(connection, ids[0], Outcome.RECOVERED)
        replays.settle(connection)
        soon = now(connection) + timedelta(days=1)
        assert [replays.forget_before(connection, soon, 1) for _ in range(3)] == [1, 1, 0]
        assert [each.id for each in replays.page(connection)] == [under_way]
        assert replays.items(connection, old) == []
        assert len(replays.items(connection, under_way)) == 1
