"""What was stopped and mended is rehearsed and run again: all of it comes through, once, and the result says so."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

from hub_svefaktura.standin.units import register
from sqlalchemy import func, select, update

from hub.domain.documents import DocumentState, Step
from hub.flow.register import parse
from hub.jobs import replaying
from hub.store import audit, breakers, deliveries, documents, leases, replays, set_asides, units
from hub.store.database import now
from hub.store.replays import Outcome, Result
from hub.store.set_asides import Chosen
from hub.store.tables import work
from tests.jobs.waiting import eventually
from tests.walks.test_invoices import good
from tests.walks.town import TARGET, Town

LETTERS = 38
EVERYTHING = Chosen(everything=True)


def stopped(here: Town, number: int = LETTERS) -> None:
    """So many invoices, all different, stopped because the register is empty."""
    with here.hub.database.write() as connection:
        units.replace_all(connection, [])
    for place, content in enumerate(good(number)):
        here.leave(f"{place}.xml", content)
    here.work()
    assert {each.state for each in here.all()} == {DocumentState.SET_ASIDE}


def mended(here: Town) -> None:
    """The register holds the units again."""
    with here.hub.database.write() as connection:
        units.replace_all(connection, parse(register(TARGET)))


def result(here: Town, replay: int) -> Result:
    """How far the replay has come."""
    with here.hub.database.read() as connection:
        return replays.result(connection, replay)


def test_38_of_38_are_recovered_after_the_register_was_mended_as_the_rehearsal_said(here: Town) -> None:
    stopped(here)
    with here.hub.database.read() as connection:
        (group,) = set_asides.groups(connection)
    chosen = Chosen(group=group.fingerprint)

    before = replaying.replay(here.hub.database, chosen, "anna", rehearse=True)
    here.work()
    assert result(here, before) == Result(LETTERS, 0, LETTERS, 0)
    with here.hub.database.read() as connection:
        (why,) = replays.stops(connection, before)
    assert (why.codes, why.number) == (("CITY-RECIPIENT",), LETTERS)

    mended(here)
    rehearsal = replaying.replay(here.hub.database, chosen, "anna", rehearse=True)
    here.work()
    assert result(here, rehearsal) == Result(LETTERS, LETTERS, 0, 0)
    assert {each.state for each in here.all()} == {DocumentState.SET_ASIDE}
    assert here.delivered() == {}

    replay = replaying.replay(here.hub.database, chosen, "anna")
    assert result(here, replay) == Result(LETTERS, 0, 0, LETTERS)
    here.work()
    assert str(result(here, replay)) == "38 of 38 recovered"
    assert result(here, replay).is_whole
    assert sorted(here.delivered().values()) == sorted(good(LETTERS))


def test_a_rehearsal_leaves_no_trace_on_any_document(here: Town) -> None:
    stopped(here, 2)
    mended(here)
    with here.hub.database.read() as connection:
        before = [documents.journey_of(connection, each.id) for each in here.all()]
    replaying.replay(here.hub.database, EVERYTHING, "anna", rehearse=True)
    here.work()
    with here.hub.database.read() as connection:
        assert [documents.journey_of(connection, each.id) for each in here.all()] == before
        assert [deliveries.of(connection, each.id) for each in here.all()] == [[], []]
        assert set_asides.count(connection) == 2


def test_of_two_that_are_alike_a_rehearsal_says_as_the_replay_does_that_one_is_delivered(here: Town) -> None:
    with here.hub.database.write() as connection:
        units.replace_all(connection, [])
    (sent,) = good()
    here.leave("a.xml", sent)
    here.leave("b.xml", sent)
    here.work()
    mended(here)
    rehearsal = replaying.replay(here.hub.database, EVERYTHING, "anna", rehearse=True)
    here.work()
    replay = replaying.replay(here.hub.database, EVERYTHING, "anna")
    here.work()
    assert result(here, rehearsal) == result(here, replay) == Result(2, 1, 1, 0)
    with here.hub.database.read() as connection:
        for each in (rehearsal, replay):
            assert [why.codes for why in replays.stops(connection, each)] == [("CITY-SAME-BYTES",)]


def test_what_stops_again_is_told_by_its_reason_and_stays_told_when_it_is_recovered_later(here: Town) -> None:
    stopped(here, 3)
    first = replaying.replay(here.hub.database, EVERYTHING, "anna")
    here.work()
    mended(here)
    second = replaying.replay(here.hub.database, EVERYTHING, "anna")
    here.work()
    assert result(here, first) == Result(3, 0, 3, 0)
    assert result(here, second) == Result(3, 3, 0, 0)


def test_replayed_by_many_at_once_each_document_is_in_one_replay_and_is_delivered_once(here: Town) -> None:
    stopped(here, 8)
    mended(here)
    made: list[int] = []
    at_once = threading.Barrier(4)

    def one() -> None:
        at_once.wait()
        made.append(replaying.replay(here.hub.database, EVERYTHING, "anna"))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    here.work()
    results = [result(here, each) for each in made]
    assert sum(each.number for each in results) == sum(each.recovered for each in results) == 8
    assert all(each.is_whole for each in results)
    assert len(here.delivered()) == 8


def test_a_replay_waits_for_a_target_that_is_away_and_ends_when_it_is_back(here: Town) -> None:
    stopped(here, 3)
    mended(here)
    away = here.drop.with_name("away")
    here.drop.rename(away)
    replay = replaying.replay(here.hub.database, EVERYTHING, "anna")
    here.work()
    assert result(here, replay) == Result(3, 0, 0, 3)
    away.rename(here.drop)
    with here.hub.database.write() as connection:
        breakers.close(connection, TARGET)  # it opens when work was slow enough for a second try
        connection.execute(update(work).where(work.c.state == "waiting").values(due_at=now(connection)))
    here.work()
    assert result(here, replay) == Result(3, 3, 0, 0)
    assert len(here.delivered()) == 3


def test_a_worker_killed_in_the_middle_of_a_replay_loses_nothing_and_delivers_nothing_twice(here: Town) -> None:
    number = 16
    stopped(here, number)
    mended(here)
    replay = replaying.replay(here.hub.database, EVERYTHING, "anna")
    home = str(here.hub.settings.home)
    command = [sys.executable, "-c", "from hub.program.main import main; main()", "--home", home, "worker"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: result(here, replay).recovered > 0, 60)
    worker.kill()
    worker.wait()
    came = result(here, replay)
    assert came.recovered < number, "it was killed too late to be in the middle"
    _let_leases_run_out(here)
    here.work()
    assert result(here, replay) == Result(number, number, 0, 0)
    assert sorted(here.delivered().values()) == sorted(good(number))


def test_a_replay_says_who_began_it_and_each_document_which_replay_it_was(here: Town) -> None:
    stopped(here, 1)
    replay = replaying.replay(here.hub.database, EVERYTHING, "anna")
    (document,) = here.all()
    with here.hub.database.read() as connection:
        (deed,) = audit.about(connection, f"replay {replay}")
        step = documents.journey_of(connection, document.id)[-1]
    assert (deed.who, deed.what, deed.details["number"]) == ("anna", "replay", 1)
    assert (step.step, step.by, step.details) == (Step.REPLAYED, "anna", {"replay": replay})


def test_a_document_that_is_dismissed_before_its_replay_comes_to_it_counts_as_dismissed_in_none(here: Town) -> None:
    stopped(here, 2)
    first, _ = here.all()
    assert replaying.dismiss(here.hub.database, first.id, "anna", "sent to the wrong city")
    mended(here)
    replay = replaying.replay(here.hub.database, Chosen(ids=tuple(each.id for each in here.all())), "anna")
    here.work()
    assert result(here, replay) == Result(1, 1, 0, 0)


def test_a_rehearsal_tells_the_target_that_each_would_go_to(here: Town) -> None:
    stopped(here, 1)
    mended(here)
    rehearsal = replaying.replay(here.hub.database, EVERYTHING, "anna", rehearse=True)
    here.work()
    with here.hub.database.read() as connection:
        (item,) = replays.items(connection, rehearsal)
    assert (item.outcome, item.codes, item.target) == (Outcome.RECOVERED, (), TARGET)


def _let_leases_run_out(here: Town) -> None:
    """As time would: what the dead worker held is anybody's."""
    with here.hub.database.write() as connection:
        ran = select(func.count()).select_from(work).where(work.c.state == "running")
        connection.execute(
            update(work).where(work.c.state == "running").values(lease_until=now(connection) - timedelta(seconds=1))
        )
        leases.reclaim_expired(connection)
        assert connection.execute(ran).scalar_one() == 0
