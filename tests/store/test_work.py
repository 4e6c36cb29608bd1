"""The laws of durable work, on both databases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Insert,
    TextualSelect,
    bindparam,
    delete,
    event,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from hub.jobs.verdicts import is_our_database
from hub.store import claiming, dispatches, lanes, leases, work, workers
from hub.store.database import Database, now, open_database
from hub.store.leases import Claimed, Superseded
from hub.store.tables import work as work_table
from hub.store.tables import workers as workers_table
from hub.store.work import CancelResult, Work, WorkState
from tests.postgres import Server, shown
from tests.store.reading import rows_read

LEASE = timedelta(seconds=30)
RUN_OUT = timedelta(seconds=-1)
FAILURE = {"class": "unavailable", "sv": "nere", "en": "down"}


def put(database: Database, number: int = 1, lane: str = "north", priority: int = 0, kind: str = "send") -> list[int]:
    with database.write() as connection:
        made = [
            work.enqueue(connection, kind=kind, lane=lane, argument={"n": n}, priority=priority) for n in range(number)
        ]
    return [each for each in made if each is not None]


def take(
    database: Database, limit: int = 1, lease: timedelta = LEASE, kinds: Sequence[str] = ("send",)
) -> list[Claimed]:
    with database.write() as connection:
        return list(leases.claim(connection, worker="w", kinds=kinds, limit=limit, lease=lease).taken)


def take_ids(database: Database, limit: int = 1) -> list[int]:
    return [claimed.id for claimed in take(database, limit)]


def the(database: Database, work_id: int) -> Work:
    with database.read() as connection:
        found = work.find(connection, work_id)
    assert found is not None
    return found


def done(database: Database, claimed: Claimed) -> None:
    with database.write() as connection:
        leases.complete(connection, claimed.id, claimed.token)


def outcomes(database: Database, work_id: int) -> list[str | None]:
    with database.read() as connection:
        return [attempt.outcome for attempt in work.attempts_of(connection, work_id)]


# --- into the queue


def test_an_equal_key_enqueues_once(database: Database) -> None:
    with database.write() as connection:
        first = work.enqueue(connection, kind="send", lane="north", argument={}, key="invoice:7")
        again = work.enqueue(connection, kind="send", lane="north", argument={}, key="invoice:7")
        found = work.page(connection)
    assert again is None
    assert [each.id for each in found] == [first]


def test_an_equal_key_stays_taken_after_the_work_has_ended(database: Database) -> None:
    with database.write() as connection:
        work.enqueue(connection, kind="send", lane="north", argument={}, key="invoice:7")
    done(database, take(database)[0])
    with database.write() as connection:
        assert work.enqueue(connection, kind="send", lane="north", argument={}, key="invoice:7") is None


def test_work_without_a_key_is_enqueued_each_time(database: Database) -> None:
    assert len(put(database, 2)) == 2


def test_work_enqueued_in_a_transaction_that_fails_never_was(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            work.enqueue(connection, kind="send", lane="north", argument={})
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert take(database) == []


def test_the_argument_comes_back_as_it_was_given(database: Database) -> None:
    given = {"document": 7, "name": "Åsö förskola", "parts": [1, None, True]}
    with database.write() as connection:
        work.enqueue(connection, kind="send", lane="north", argument=given)
    assert take(database)[0].argument == given


# --- which work is taken, and in what order


def test_one_piece_of_work_is_taken_by_one_claimer(database: Database) -> None:
    put(database)
    assert len(take(database)) == 1
    assert take(database) == []


def test_inside_a_lane_the_older_goes_first(database: Database) -> None:
    ids = put(database, 3)
    assert take_ids(database, 3) == ids


def test_a_higher_priority_overtakes_a_backlog(database: Database) -> None:
    put(database, 50)
    urgent = put(database, 1, priority=10)
    assert take_ids(database) == urgent


def test_a_lower_priority_goes_after_all_others(database: Database) -> None:
    last = put(database, 1, priority=-5)
    first = put(database, 2)
    assert take_ids(database, 3) == first + last


def test_work_due_later_waits_and_tells_when(database: Database) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    with database.write() as connection:
        work.enqueue(connection, kind="send", lane="north", argument={}, due_at=due)
        claim = leases.claim(connection, worker="w", kinds=["send"], limit=1, lease=LEASE)
    assert claim.taken == ()
    assert claim.next_due == due


def test_urgent_work_due_later_does_not_block_what_may_run_now(database: Database) -> None:
    with database.write() as connection:
        due = now(connection) + timedelta(hours=1)
        work.enqueue(connection, kind="send", lane="north", argument={}, priority=10, due_at=due)
    ready = put(database)
    assert take_ids(database) == ready


def test_lanes_take_turns_whatever_the_length_of_their_queues(database: Database) -> None:
    put(database, 20, lane="long")
    put(database, 3, lane="short")
    with database.write() as connection:
        lanes.set_lane(connection, "long", 100)
    served = [take(database)[0].lane for _ in range(6)]
    assert served == ["long", "short", "long", "short", "long", "short"]


def test_one_claim_of_several_deals_to_all_lanes(database: Database) -> None:
    for lane in ("a", "b", "c"):
        put(database, 5, lane=lane)
    assert [claimed.lane for claimed in take(database, 6)] == ["a", "b", "c", "a", "b", "c"]


def test_a_lane_never_carries_more_than_its_concurrency(database: Database) -> None:
    put(database, 5)
    with database.write() as connection:
        lanes.set_lane(connection, "north", 2)
    first, _ = take(database, 10)
    assert take(database, 10) == []
    done(database, first)
    assert len(take(database, 10)) == 1


def test_a_lane_of_concurrency_nought_starts_nothing(database: Database) -> None:
    put(database)
    with database.write() as connection:
        lanes.set_lane(connection, "north", 0)
    assert take(database) == []


def test_a_held_lane_starts_nothing_until_it_is_released_and_others_go_on(database: Database) -> None:
    held, free = put(database, 1, lane="held"), put(database, 1, lane="free")
    with database.write() as connection:
        assert lanes.hold_lane(connection, "held", because="refused")
    assert take_ids(database, 5) == free
    with database.write() as connection:
        assert lanes.release_lane(connection, "held")
    assert take_ids(database, 5) == held


def test_the_first_reason_for_holding_a_lane_stays(database: Database) -> None:
    with database.write() as connection:
        lanes.hold_lane(connection, "north", because="refused")
        assert not lanes.hold_lane(connection, "north", because="paused")
        assert not lanes.release_lane(connection, "north", because="paused")
        (lane,) = lanes.all_lanes(connection)
    assert lane.held_because == "refused"


def test_work_of_an_unknown_kind_is_left_to_one_who_knows_it(database: Database) -> None:
    put(database, 1, kind="new")
    known = put(database, 1, kind="send")
    assert take_ids(database, 5) == known
    assert len(take(database, kinds=["new"])) == 1


def test_what_a_person_asks_for_is_begun_before_a_backlog_of_fifty_thousand(database: Database) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "north", 1)
        connection.execute(_many(connection, 50_000))
    first = take(database)[0]
    urgent = put(database, 1, priority=100)
    done(database, first)
    assert take_ids(database) == urgent


def test_a_backlog_of_a_kind_that_nobody_knows_keeps_nothing_else_waiting(database: Database) -> None:
    with database.write() as connection:
        lanes.ensure_lane(connection, "north")
        connection.execute(_many(connection, 20_000, "unknown"))
    known = put(database)
    assert take(database, kinds=["other"]) == []
    assert take_ids(database) == known


def test_the_backlog_is_never_read_through_to_find_the_next(database: Database) -> None:
    with database.write() as connection:
        lanes.ensure_lane(connection, "north")
        connection.execute(_many(connection, 50_000))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        plan = _plan(connection, claiming._LOOKS[connection.dialect.name])
    assert "ix_work_state_lane_kind_priority_due_at_id" in plan
    assert "Seq Scan on work" not in plan
    assert "SCAN work" not in plan
    by_index = re.search(r"kind\)?(::text)? = \(levels\.kind\)::text\) AND \(priority = levels\.priority", plan)
    assert "kind=? AND priority=?" in plan or by_index
    assert "FOR ORDER BY" not in plan
    assert not any("due_at" in line for line in plan.splitlines() if "Sort Key" in line)


def _many(connection: Connection, number: int, kind: str = "send") -> Insert:
    counted = select(literal(1).label("n")).cte("counted", recursive=True)
    counted = counted.union_all(select(counted.c.n + 1).where(counted.c.n < number))
    at = now(connection)
    values = {"kind": kind, "lane": "north", "argument": {}, "state": "waiting", "priority": 0}
    values |= {"due_at": at, "enqueued_at": at, "attempts": 0, "token": 0}
    given = [literal(value, work_table.c[name].type) for name, value in values.items()]
    return insert(work_table).from_select(list(values), select(*given).select_from(counted))


def _plan(connection: Connection, look: TextualSelect) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    asked = text(f"{explain} {look.element.text}").bindparams(bindparam("kinds", expanding=True))
    given = {"kinds": ["send"], "at": datetime.now(UTC).isoformat(), "limit": 8}
    return "\n".join(str(row[-1]) for row in connection.execute(asked, given))


def test_a_lane_gives_a_claimer_no_more_than_it_has_room_for_and_others_the_rest(database: Database) -> None:
    put(database, 5)
    other = put(database, 1, lane="south")
    with database.write() as connection:
        claim = leases.claim(connection, worker="w", kinds=["send"], limit=9, lease=LEASE, rooms={"north": 1})
    assert sorted(claimed.lane for claimed in claim.taken) == ["north", "south"]
    assert other[0] in {claimed.id for claimed in claim.taken}
    assert len(take(database, 9)) == 3


# --- dispatched to another machine


def dispatch(database: Database, lease: timedelta = LEASE) -> Claimed:
    with database.write() as connection:
        (claimed,) = leases.claim(
            connection, worker="leader", kinds=["send"], limit=1, lease=lease, into=WorkState.DISPATCHED
        ).taken
    return claimed


@pytest.fixture
def many_hosts(postgres: Server) -> Iterator[Database]:
    """A fresh database that many hosts may share."""
    address = postgres.create()
    opened = open_database(shown(address))
    yield opened
    opened.close()
    postgres.drop(address)


def begin(database: Database, claimed: Claimed) -> tuple[Claimed, ...]:
    with database.write() as connection:
        return leases.begin_all(connection, [(claimed.id, claimed.token)], "far", LEASE)


def test_dispatched_work_is_begun_once_under_its_token_and_counts_as_an_attempt_from_then(
    many_hosts: Database,
) -> None:
    (work_id,) = put(many_hosts)
    sent = dispatch(many_hosts)
    assert the(many_hosts, work_id).state is WorkState.DISPATCHED
    assert outcomes(many_hosts, work_id) == []
    (begun,) = begin(many_hosts, sent)
    assert (begun.id, begun.token, begun.attempt) == (sent.id, sent.token, sent.attempt)
    assert begin(many_hosts, sent) == ()
    done(many_hosts, begun)
    assert outcomes(many_hosts, work_id) == ["done"]


def test_dispatched_work_holds_its_lanes_place(database: Database) -> None:
    put(database, 2)
    with database.write() as connection:
        lanes.set_lane(connection, "north", 1)
    dispatch(database)
    assert take(database, 5) == []


def test_dispatched_work_that_nobody_begins_is_taken_back_and_has_cost_no_attempt(many_hosts: Database) -> None:
    (work_id,) = put(many_hosts)
    sent = dispatch(many_hosts, RUN_OUT)
    with many_hosts.write() as connection:
        assert leases.reclaim_expired(connection) == (work_id,)
    assert begin(many_hosts, sent) == ()
    second = take(many_hosts)[0]
    assert (second.attempt, second.losses) == (1, 0)
    assert second.token > sent.token


# --- how it ends


def test_completed_work_is_done_and_its_attempt_says_so(database: Database) -> None:
    (work_id,) = put(database)
    done(database, take(database)[0])
    assert the(database, work_id).state is WorkState.DONE
    assert outcomes(database, work_id) == ["done"]


def test_effect_and_completion_are_kept_together_or_not_at_all(database: Database) -> None:
    (work_id,) = put(database)
    claimed = take(database)[0]

    def fail() -> None:
        with database.write() as connection:
            leases.complete(connection, claimed.id, claimed.token)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert the(database, work_id).state is WorkState.RUNNING
    assert outcomes(database, work_id) == [None]


def test_work_that_failed_waits_without_a_slot_until_it_is_due(database: Database) -> None:
    first, second = put(database, 2)
    with database.write() as connection:
        lanes.set_lane(connection, "north", 1)
    claimed = take(database)[0]
    with database.write() as connection:
        due = now(connection) + timedelta(minutes=5)
        leases.retry_later(connection, claimed.id, claimed.token, due_at=due, failure=FAILURE)
    assert the(database, first).due_at == due
    assert the(database, first).failure == FAILURE
    assert take_ids(database, 5) == [second]


def test_a_retry_that_has_come_due_is_a_new_attempt_with_a_higher_token(database: Database) -> None:
    put(database)
    first = take(database)[0]
    with database.write() as connection:
        leases.retry_later(connection, first.id, first.token, due_at=now(connection), failure=FAILURE)
    second = take(database)[0]
    assert (second.attempt, second.losses) == (2, 0)
    assert second.token > first.token
    assert outcomes(database, first.id) == ["failed", None]


def test_buried_work_is_dead_with_its_reason_and_blocks_nothing(database: Database) -> None:
    poisoned, sound = put(database, 2)
    claimed = take(database)[0]
    with database.write() as connection:
        leases.bury(connection, claimed.id, claimed.token, failure=FAILURE)
    assert the(database, poisoned).state is WorkState.DEAD
    assert the(database, poisoned).failure == FAILURE
    assert take_ids(database, 5) == [sound]


def test_work_finished_before_a_claim_frees_its_slot_in_the_same_transaction(database: Database) -> None:
    first, second = put(database, 2)
    with database.write() as connection:
        lanes.set_lane(connection, "north", 1)
    held = [(claimed.id, claimed.token) for claimed in take(database)]
    with database.write() as connection:
        claim = leases.claim(connection, worker="w", kinds=["send"], limit=1, lease=LEASE, finished=held)
    assert [claimed.id for claimed in claim.taken] == [second]
    assert claim.superseded == frozenset()
    assert the(database, first).state is WorkState.DONE
    assert outcomes(database, first) == ["done"]


ENDINGS: dict[str, Callable[[Connection, int, int], None]] = {
    "complete": leases.complete,
    "retry_later": lambda c, i, t: leases.retry_later(c, i, t, due_at=now(c), failure=FAILURE),
    "hand_back": leases.hand_back,
    "bury": lambda c, i, t: leases.bury(c, i, t, failure=FAILURE),
    "end_cancelled": leases.end_cancelled,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stale_token_changes_nothing(database: Database, ending: str) -> None:
    (work_id,) = put(database)
    stale = take(database, lease=RUN_OUT)[0]
    with database.write() as connection:
        leases.reclaim_expired(connection)
    current = take(database)[0]
    before = the(database, work_id)

    def come_late() -> None:
        with database.write() as connection:
            ENDINGS[ending](connection, stale.id, stale.token)

    with pytest.raises(Superseded):
        come_late()
    assert the(database, work_id) == before
    assert current.token == before.token
    assert outcomes(database, work_id) == ["lost", None]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_has_ended_cannot_end_again(database: Database, ending: str) -> None:
    (work_id,) = put(database)
    claimed = take(database)[0]
    done(database, claimed)

    def again() -> None:
        with database.write() as connection:
            ENDINGS[ending](connection, claimed.id, claimed.token)

    with pytest.raises(Superseded):
        again()
    assert the(database, work_id).state is WorkState.DONE


def test_finishing_with_a_stale_token_is_told_and_changes_nothing(database: Database) -> None:
    (work_id,) = put(database)
    stale = take(database, lease=RUN_OUT)[0]
    with database.write() as connection:
        leases.reclaim_expired(connection)
        held = (stale.id, stale.token)
        claim = leases.claim(connection, worker="w", kinds=[], limit=0, lease=LEASE, finished=[held])
    assert claim.superseded == {held}
    assert the(database, work_id).state is WorkState.WAITING


# --- leases


def test_an_expired_lease_is_taken_over_and_the_attempt_recorded_as_lost(database: Database) -> None:
    (work_id,) = put(database)
    take(database, lease=RUN_OUT)
    with database.write() as connection:
        assert leases.reclaim_expired(connection) == (work_id,)
    second = take(database)[0]
    assert (second.attempt, second.losses) == (2, 1)
    assert outcomes(database, work_id) == ["lost", None]


def test_what_is_spared_is_not_taken_over_though_its_lease_has_run_out(database: Database) -> None:
    mine, theirs = put(database, 2)
    held = [(claimed.id, claimed.token) for claimed in take(database, 2, lease=RUN_OUT) if claimed.id == mine]
    with database.write() as connection:
        assert leases.reclaim_expired(connection, spare=held) == (theirs,)
    assert the(database, mine).state is WorkState.RUNNING


def test_a_lease_that_holds_is_not_reclaimed(database: Database) -> None:
    put(database)
    take(database)
    with database.write() as connection:
        assert leases.reclaim_expired(connection) == ()


def test_a_heartbeat_prolongs_the_lease(database: Database) -> None:
    (work_id,) = put(database)
    claimed = take(database, lease=RUN_OUT)[0]
    held = (claimed.id, claimed.token)
    with database.write() as connection:
        assert leases.heartbeat(connection, [held], LEASE).current == {held}
        assert leases.reclaim_expired(connection) == ()
    assert (the(database, work_id).lease_until or claimed.lease_until) > claimed.lease_until


def test_a_heartbeat_with_a_stale_token_learns_that_the_work_is_gone(database: Database) -> None:
    put(database)
    claimed = take(database, lease=RUN_OUT)[0]
    with database.write() as connection:
        leases.reclaim_expired(connection)
        beat = leases.heartbeat(connection, [(claimed.id, claimed.token)], LEASE)
    assert beat.current == frozenset()


def test_progress_is_kept_while_the_token_is_current(database: Database) -> None:
    (work_id,) = put(database)
    claimed = take(database)[0]
    with database.write() as connection:
        leases.tell_progress(connection, claimed.id, claimed.token, 3, 7)
        leases.tell_progress(connection, claimed.id, claimed.token - 1, 99, 100)
    assert the(database, work_id).progress == {"done": 3, "total": 7}


def test_whether_progress_was_kept_is_told_and_nobody_waits_for_a_row_that_another_transaction_holds(
    many_hosts: Database,
) -> None:
    (work_id,) = put(many_hosts)
    claimed = take(many_hosts)[0]
    with many_hosts.write() as ending, many_hosts.write() as telling:
        leases.complete(ending, claimed.id, claimed.token)
        telling.execute(text("SET LOCAL lock_timeout = '5s'"))
        assert not leases.tell_progress(telling, claimed.id, claimed.token, 3, 7)
        ending.rollback()
        assert leases.tell_progress(telling, claimed.id, claimed.token, 3, 7)
    assert the(many_hosts, work_id).progress == {"done": 3, "total": 7}


@pytest.mark.parametrize("turn", ["claim", "spend"])
def test_who_stands_still_within_the_claimers_turn_loses_it_to_the_others(
    many_hosts: Database, monkeypatch: pytest.MonkeyPatch, turn: str
) -> None:
    monkeypatch.setattr(leases, "STANDS_STILL", "200ms")
    put(many_hosts, 2)
    with many_hosts.engine.connect() as frozen:
        if turn == "claim":
            leases.claim(frozen, worker="frozen", kinds=["send"], limit=1, lease=LEASE)
        else:
            leases.spend(frozen, "north")
        with many_hosts.write() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            assert len(leases.claim(connection, worker="w", kinds=["send"], limit=2, lease=LEASE).taken) == 2
        with pytest.raises(DBAPIError) as told:
            frozen.commit()
    assert is_our_database(told.value)


# --- cancelling


def leave(_database: Database) -> None:
    return


def hold(database: Database) -> None:
    with database.write() as connection:
        lanes.hold_lane(connection, "north", because="refused")


def fill(database: Database) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "north", 1)
    take(database)


def let_wait(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(work_table).values(due_at=now(connection) + timedelta(hours=1)))


@pytest.mark.parametrize("bring", [leave, hold, fill, let_wait])
def test_waiting_work_that_is_cancelled_is_given_out_to_be_ended_however_its_lane_stands(
    database: Database, bring: Callable[[Database], None]
) -> None:
    (_, work_id) = put(database, 2)
    bring(database)
    with database.write() as connection:
        assert work.cancel(connection, work_id) is CancelResult.ASKED
    (claimed,) = take(database)
    assert (claimed.id, claimed.cancel_asked) == (work_id, True)


def test_work_to_be_cancelled_is_left_to_those_who_know_its_kind(database: Database) -> None:
    (work_id,) = put(database)
    with database.write() as connection:
        work.cancel(connection, work_id)
    assert take(database, kinds=["fetch"]) == []
    assert the(database, work_id).state is WorkState.WAITING


def test_work_asked_to_be_cancelled_that_comes_back_to_a_held_lane_is_ended(database: Database) -> None:
    put(database)
    claimed = take(database)[0]
    hold(database)
    with database.write() as connection:
        work.cancel(connection, claimed.id)
        leases.hand_back(connection, claimed.id, claimed.token)
    assert take(database)[0].cancel_asked


def test_work_asked_to_be_cancelled_while_it_fails_is_ended_at_once_however_long_a_retry_waits(
    database: Database,
) -> None:
    put(database)
    claimed = take(database)[0]
    with database.write() as connection:
        work.cancel(connection, claimed.id)
        due_at = now(connection) + timedelta(hours=24)
        leases.retry_later(connection, claimed.id, claimed.token, due_at=due_at, failure=FAILURE)
    (again,) = take(database)
    assert (again.id, again.cancel_asked) == (claimed.id, True)


def test_running_work_is_asked_to_stop_and_keeps_its_slot_until_it_has(database: Database) -> None:
    (work_id, _) = put(database, 2)
    with database.write() as connection:
        lanes.set_lane(connection, "north", 1)
    claimed = take(database)[0]
    held = (claimed.id, claimed.token)
    with database.write() as connection:
        assert work.cancel(connection, work_id) is CancelResult.ASKED
        assert leases.heartbeat(connection, [held], LEASE).cancel_asked == {held}
    assert take(database) == []
    with database.write() as connection:
        leases.end_cancelled(connection, *held)
    assert the(database, work_id).state is WorkState.CANCELLED
    assert len(take(database)) == 1


def test_a_cancellation_outlives_the_worker_that_was_asked(database: Database) -> None:
    (work_id,) = put(database)
    take(database, lease=RUN_OUT)
    with database.write() as connection:
        work.cancel(connection, work_id)
        leases.reclaim_expired(connection)
    assert take(database)[0].cancel_asked


def test_ended_work_is_not_cancelled(database: Database) -> None:
    (work_id,) = put(database)
    done(database, take(database)[0])
    with database.write() as connection:
        assert work.cancel(connection, work_id) is CancelResult.ENDED
    assert the(database, work_id).state is WorkState.DONE


# --- lists, counts, retention, workers


def test_pages_follow_one_another_without_gap_or_overlap(database: Database) -> None:
    ids = put(database, 7)
    seen: list[int] = []
    with database.read() as connection:
        while found := work.page(connection, before_id=seen[-1] if seen else None, limit=3):
            seen += [each.id for each in found]
    assert seen == ids[::-1]


def test_a_page_holds_only_what_was_asked_for(database: Database) -> None:
    put(database, 2)
    (wanted,) = put(database, 1, lane="south", kind="fetch")
    with database.read() as connection:
        found = work.page(connection, lane="south", kind="fetch", state=WorkState.WAITING)
        none = work.page(connection, lane="south", state=WorkState.DONE)
    assert [each.id for each in found] == [wanted]
    assert none == ()


def test_counts_tell_each_lane_and_state(database: Database) -> None:
    put(database, 3)
    put(database, 1, lane="south")
    take(database)
    with database.read() as connection:
        assert work.counts(connection) == {
            "north": {WorkState.WAITING: 2, WorkState.RUNNING: 1},
            "south": {WorkState.WAITING: 1},
        }


def test_ended_work_is_forgotten_by_age_with_its_attempts_and_nothing_else_is(database: Database) -> None:
    first, second, waiting = put(database, 3)
    for claimed in take(database, 2):
        done(database, claimed)
    with database.write() as connection:
        assert work.forget_ended(connection, now(connection) - timedelta(hours=1), limit=10) == 0
        assert work.forget_ended(connection, now(connection) + timedelta(hours=1), limit=1) == 1
        assert work.forget_ended(connection, now(connection) + timedelta(hours=1), limit=10) == 1
        assert work.find(connection, first) is work.find(connection, second) is None
        assert work.attempts_of(connection, first) == ()
        assert work.find(connection, waiting) is not None


def test_the_last_key_under_a_prefix_is_found_byte_by_byte(database: Database) -> None:
    with database.write() as connection:
        for key in ("fetch:north:0009", "fetch:north:0010", "fetch:north-2:0011", "fetch:northern:0012"):
            work.enqueue(connection, kind="fetch", lane="north", argument={}, key=key)
        found = work.latest_under(connection, "fetch:north:")
    assert found is not None
    assert found.key == "fetch:north:0010"


def test_a_worker_is_known_with_its_kinds_until_it_leaves(database: Database) -> None:
    with database.write() as connection:
        workers.register_worker(connection, "w1", ["send", "fetch"])
        workers.register_worker(connection, "w1", ["send"])
        (worker,) = workers.all_workers(connection)
        workers.worker_seen(connection, "w1")
        (seen,) = workers.all_workers(connection)
        workers.worker_left(connection, "w1")
        assert workers.all_workers(connection) == ()
    assert worker.kinds == ("send",)
    assert seen.seen_at >= worker.seen_at


@pytest.mark.parametrize("seen", [timedelta(minutes=-1), timedelta(minutes=1)])
def test_a_worker_that_died_is_not_living_whatever_clock_it_was_last_seen_by(
    database: Database, seen: timedelta
) -> None:
    with database.write() as connection:
        for name in ("dead", "living"):
            workers.register_worker(connection, name, ["send"])
        dead = update(workers_table).where(workers_table.c.name == "dead")
        connection.execute(dead.values(seen_at=now(connection) + seen))
        assert [each.name for each in workers.living_workers(connection)] == ["living"]


# --- what is stranded


def test_what_is_stranded_is_looked_for_once_in_each_order_however_much_waits_there(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        for number in range(200):
            work.enqueue(connection, kind="send", lane="north", argument={"n": number}, order="a")
    behind = select(work_table.c.lane, work_table.c.order_key).where(work_table.c.state == WorkState.BEHIND)
    orders = steps(sqlite_database, lambda connection: connection.execute(behind.distinct()).all())
    looked = steps(sqlite_database, work.promote_stranded)
    assert 0 < looked < 1.5 * orders


def steps(database: Database, read: Callable[[Connection], object]) -> int:
    """How many steps SQLite takes for it."""
    taken = count()
    with database.write() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_progress_handler(lambda: next(taken) < 0, 1)
        read(connection)
        driver.set_progress_handler(None, 1)
    return next(taken)


@pytest.mark.parametrize("known", [0, 1, 3000])
def test_a_claim_reads_no_backlog_though_what_is_known_of_the_queue_is_out_of_date(
    many_hosts: Database, known: int
) -> None:
    asked: list[tuple[str, Any]] = []

    @event.listens_for(many_hosts.engine, "before_cursor_execute")
    def keep(_connection: object, _cursor: object, statement: str, given: Any, *_more: object) -> None:
        asked.append((statement, given))

    with many_hosts.write() as connection:
        row = {"kind": "send", "lane": "north", "argument": {}, "attempts": 0, "token": 0, "priority": 0}
        at = {"due_at": now(connection), "enqueued_at": now(connection)}
        connection.execute(insert(work_table), [row | at | {"state": WorkState.DONE, "ended_at": at["due_at"]}] * 3000)
        connection.execute(delete(work_table).where(work_table.c.id <= 3000 - known))
        lanes.ensure_lane(connection, "north")
    with many_hosts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE work")
    with many_hosts.write() as connection:
        connection.execute(insert(work_table), [row | at | {"state": WorkState.WAITING}] * 20_000)
    with many_hosts.write() as connection:
        asked.clear()
        assert leases.claim(connection, worker="w", kinds=["send"], limit=4, lease=timedelta(seconds=30)).taken
        claim = [(statement, given) for statement, given in asked if "work" in statement]
        read = [rows_read(connection, *each) for each in claim]
    assert len(read) == 2
    assert max(read) < 100


# --- what waits


def test_every_kind_that_waits_in_any_lane_is_named_and_no_other(database: Database) -> None:
    with database.write() as connection:
        assert dispatches.waiting_kinds(connection) == frozenset()
        for kind, lane in [("c", "x"), ("a", "x"), ("b", "x"), ("a", "y"), ("e", "y"), ("e", "y"), ("d", "z")]:
            work.enqueue(connection, kind=kind, lane=lane, argument={})
        connection.execute(update(work_table).where(work_table.c.kind == "d").values(state=WorkState.RUNNING))
        connection.execute(update(work_table).where(work_table.c.kind == "b").values(state=WorkState.DONE))
        assert dispatches.waiting_kinds(connection) == {"a", "c", "e"}
        assert work.waiting(connection) == 5
        assert [work.waits_in(connection, lane) for lane in ("x", "y", "z", "nowhere")] == [True, True, False, False]
