"""The laws of a lane's limits: its rate and its circuit breaker, on both databases."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from hub.store import breakers, lanes, leases, work
from hub.store.breakers import BreakerState
from hub.store.database import Database, now, open_database, sqlite_url
from hub.store.leases import Claim, Claimed
from hub.store.tables import lanes as lanes_table
from hub.store.tables import metadata
from hub.store.work import CancelResult, WorkState

LEASE = timedelta(seconds=30)
BEGUN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def put(database: Database, number: int = 1, lane: str = "north") -> list[int]:
    with database.write() as connection:
        made = [work.enqueue(connection, kind="send", lane=lane, argument={}) for _ in range(number)]
    return [each for each in made if each is not None]


def claim(database: Database, limit: int = 10) -> Claim:
    with database.write() as connection:
        return leases.claim(connection, worker="w", kinds=["send"], limit=limit, lease=LEASE)


def allow(database: Database, rate: float | None, burst: int | None = None, concurrency: int = 1000) -> None:
    with database.write() as connection:
        lanes.set_lane(connection, "north", concurrency, rate, burst)


def rest(database: Database, seconds: float) -> None:
    """Let that much time pass for the lane's tokens and for its breaker."""
    passed = timedelta(seconds=seconds)
    with database.write() as connection:
        (row,) = connection.execute(lanes_table.select())
        moved = {name: getattr(row, name) for name in ("tokens_at", "open_until", "opened_at")}
        connection.execute(update(lanes_table).values({name: at and at - passed for name, at in moved.items()}))


# --- the rate


def test_a_lane_with_a_rate_begins_its_burst_and_then_as_tokens_come(database: Database) -> None:
    put(database, 20)
    allow(database, 2.0, 3)
    assert len(claim(database).taken) == 3
    assert claim(database).taken == ()
    rest(database, 1.0)
    assert len(claim(database).taken) == 2


def test_a_claim_tells_when_the_next_token_comes(database: Database) -> None:
    put(database, 5)
    allow(database, 0.5, 1)
    told = claim(database)
    assert len(told.taken) == 1
    assert told.next_due is not None
    assert timedelta(seconds=1.9) < told.next_due - told.at <= timedelta(seconds=2)


def test_the_burst_is_what_one_second_brings_and_at_least_one(database: Database) -> None:
    for rate, burst in ((5.0, 5), (0.1, 1), (2.5, 2)):
        allow(database, rate)
        with database.read() as connection:
            assert lanes.all_lanes(connection)[0].burst == burst


def test_setting_the_same_rate_again_brings_no_tokens(database: Database) -> None:
    put(database, 5)
    allow(database, 0.01, 2)
    claim(database)
    allow(database, 0.01, 2)
    assert claim(database).taken == ()


def test_a_lane_rid_of_its_rate_is_held_by_its_concurrency_alone(database: Database) -> None:
    put(database, 5)
    allow(database, 0.01, 1)
    claim(database)
    allow(database, None)
    assert len(claim(database).taken) == 4


def spend(database: Database) -> timedelta:
    with database.write() as connection:
        return leases.spend(connection, "north")


def test_calls_within_work_under_way_spend_what_new_work_would_have(database: Database) -> None:
    put(database, 5)
    allow(database, 0.01, 3)
    assert len(claim(database, limit=1).taken) == 1
    assert [spend(database), spend(database)] == [timedelta(0), timedelta(0)]
    assert timedelta(0) < spend(database) <= timedelta(seconds=100)
    assert claim(database).taken == ()
    rest(database, 100)
    assert spend(database) == timedelta(0)


def test_a_lane_without_a_rate_makes_no_call_wait(database: Database) -> None:
    put(database)
    assert [spend(database) for _ in range(20)] == [timedelta(0)] * 20


def test_a_rate_of_nought_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        allow(database, 0.0)


def test_work_to_be_cancelled_needs_no_token_and_takes_none(database: Database) -> None:
    ids = put(database, 3)
    allow(database, 0.01, 1)
    with database.write() as connection:
        assert work.cancel(connection, ids[0]) is CancelResult.ASKED
        assert work.cancel(connection, ids[1]) is CancelResult.ASKED
    taken = claim(database).taken
    assert {each.id for each in taken if each.cancel_asked} == set(ids[:2])
    assert {each.id for each in (*taken, *claim(database).taken) if not each.cancel_asked} == {ids[2]}


def test_a_clock_put_back_neither_brings_tokens_nor_stops_them_from_coming(sqlite_database: Database) -> None:
    with time_machine.travel(BEGUN, tick=False) as clock:
        put(sqlite_database, 10)
        allow(sqlite_database, 1.0, 1)
        assert len(claim(sqlite_database).taken) == 1
        clock.shift(-3600)
        put(sqlite_database, 5)
        assert claim(sqlite_database).taken == ()
        clock.shift(1.0)
        assert len(claim(sqlite_database).taken) == 1


def test_a_clock_put_back_stops_no_call_for_longer_than_a_token_takes_to_come(sqlite_database: Database) -> None:
    with time_machine.travel(BEGUN, tick=False) as clock:
        put(sqlite_database)
        allow(sqlite_database, 1.0, 1)
        for shift, waits in ((0, 0), (-3600, 1), (1, 0)):
            clock.shift(shift)
            with sqlite_database.write() as connection:
                assert leases.spend(connection, "north") == timedelta(seconds=waits)


@given(
    rate=st.floats(0.2, 50),
    burst=st.integers(1, 10),
    steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 15)), max_size=12),
)
@settings(max_examples=40, deadline=None)
def test_in_no_time_more_begin_than_its_burst_and_what_its_rate_brings(
    rate: float, burst: int, steps: list[tuple[float, int]]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hubrate"))
    database = open_database(sqlite_url(folder / "hub.db"))
    begun: list[datetime] = []
    model = float(burst)
    try:
        with time_machine.travel(BEGUN, tick=False) as clock:
            with database.write() as connection:
                metadata.create_all(connection)
            allow(database, rate, burst)
            put(database, 200)
            for pause, limit in steps:
                clock.shift(timedelta(seconds=pause))
                told = claim(database, limit)
                begun += [told.at] * len(told.taken)
                model = min(burst, model + rate * round(pause, 6))
                assert abs(len(told.taken) - min(limit, int(model + 1e-6))) <= (abs(model - round(model)) < 1e-3)
                model -= len(told.taken)
                assert len(told.taken) == limit or (told.next_due is not None and told.next_due > told.at)
    finally:
        database.close()
        shutil.rmtree(folder)
    assert_held(begun, rate, burst)


def assert_held(begun: Sequence[datetime], rate: float, burst: int) -> None:
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            seconds = (begun[last] - begun[first]).total_seconds()
            assert last - first + 1 <= burst + rate * seconds + 1e-3


def test_two_that_claim_at_once_never_overshoot_together(database_url: str) -> None:
    rate, burst = 40.0, 4

    def claims(database: Database) -> list[datetime]:
        ends, told = time.monotonic() + 0.4, []
        while time.monotonic() < ends:
            told.append(claim(database, 3))
        return [each.at for each in told for _ in each.taken]

    with ThreadPoolExecutor() as threads:
        both = [open_database(database_url) for _ in range(2)]
        put(both[0], 200)
        allow(both[0], rate, burst)
        begun = sorted(at for found in threads.map(claims, both) for at in found)
        for each in both:
            each.close()
    assert len(begun) > burst
    assert_held(begun, rate, burst)


# --- the breaker


def note(database: Database, succeeded: bool, number: int = 1) -> None:
    with database.write() as connection:
        for _ in range(number):
            breakers.note(connection, "north", succeeded)


def state(database: Database) -> BreakerState:
    with database.read() as connection:
        return breakers.of(connection, "north").state


def tripped(database: Database, number: int = 3) -> list[int]:
    ids = put(database, number)
    note(database, False, 10)
    assert state(database) is BreakerState.OPEN
    return ids


def ends(database: Database, claimed: Claimed, succeeded: bool | None) -> None:
    with database.write() as connection:
        leases.hand_back(connection, claimed.id, claimed.token)
        if succeeded is not None:
            breakers.note(connection, "north", succeeded)


def test_fewer_calls_than_the_least_open_nothing_while_one_of_them_succeeds(database: Database) -> None:
    put(database)
    note(database, True)
    note(database, False, 8)
    assert state(database) is BreakerState.CLOSED


def test_four_calls_that_all_fail_open_it_and_three_do_not(database: Database) -> None:
    put(database)
    note(database, False, 3)
    assert state(database) is BreakerState.CLOSED
    note(database, False)
    assert state(database) is BreakerState.OPEN


def test_half_of_the_calls_failing_opens_it_and_fewer_do_not(database: Database) -> None:
    put(database)
    note(database, True, 6)
    note(database, False, 5)
    assert state(database) is BreakerState.CLOSED
    note(database, False)
    assert state(database) is BreakerState.OPEN


def test_failures_older_than_a_minute_are_forgotten(sqlite_database: Database) -> None:
    put(sqlite_database)
    with time_machine.travel(BEGUN, tick=False) as clock:
        note(sqlite_database, True)
        note(sqlite_database, False, 8)
        clock.shift(70)
        note(sqlite_database, True)
        note(sqlite_database, False, 8)
        assert state(sqlite_database) is BreakerState.CLOSED
        clock.shift(40)
        note(sqlite_database, False)
        assert state(sqlite_database) is BreakerState.OPEN


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=30)])
def test_a_breaker_that_opened_by_a_clock_that_was_ahead_lets_a_probe_through_when_it_is_put_right(
    sqlite_database: Database, ahead: timedelta
) -> None:
    with time_machine.travel(BEGUN, tick=False) as clock:
        clock.shift(ahead)
        tripped(sqlite_database)
        assert claim(sqlite_database).taken == ()
        clock.shift(-ahead)
        put(sqlite_database)
        [probe] = claim(sqlite_database).taken
        assert claim(sqlite_database).taken == ()
        ends(sqlite_database, probe, False)
        assert state(sqlite_database) is BreakerState.OPEN


def test_calls_that_were_counted_by_a_clock_that_was_ahead_are_not_counted_when_it_is_put_right(
    sqlite_database: Database,
) -> None:
    with time_machine.travel(BEGUN, tick=False) as clock:
        put(sqlite_database)
        clock.shift(3605)
        note(sqlite_database, True)
        note(sqlite_database, False, 8)
        clock.shift(-3600)
        note(sqlite_database, False)
        assert state(sqlite_database) is BreakerState.CLOSED


def test_while_it_is_open_work_waits_costs_no_attempt_and_others_go_on(database: Database) -> None:
    ids, other = tripped(database), put(database, 1, "south")
    told = claim(database)
    assert [each.id for each in told.taken] == other
    assert told.next_due is not None
    assert timedelta(seconds=29) < told.next_due - told.at <= timedelta(seconds=30)
    with database.read() as connection:
        assert [work.attempts_of(connection, each) for each in ids] == [()] * len(ids)


def test_when_its_time_is_over_one_probe_is_let_through_over_all_claimers(database: Database) -> None:
    tripped(database)
    rest(database, 31)
    assert len(claim(database).taken) == 1
    assert claim(database).taken == ()
    assert state(database) is BreakerState.HALF


def test_a_probe_that_succeeds_closes_it_and_forgets_what_was_counted(database: Database) -> None:
    tripped(database)
    rest(database, 31)
    ends(database, claim(database).taken[0], True)
    with database.read() as connection:
        stands = breakers.of(connection, "north")
    assert (stands.state, stands.trips, stands.succeeded, stands.failed) == (BreakerState.CLOSED, 0, 0, 0)
    assert len(claim(database).taken) == 3


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_ten_minutes(database: Database) -> None:
    tripped(database)
    stays = []
    for _ in range(6):
        rest(database, 601)
        ends(database, claim(database).taken[0], False)
        with database.read() as connection:
            stands = breakers.of(connection, "north")
        assert stands.opened_at is not None
        assert stands.open_until is not None
        stays.append((stands.open_until - stands.opened_at).total_seconds())
    assert stays == [60, 120, 240, 480, 600, 600]


@pytest.mark.parametrize("dies", [True, False])
def test_a_probe_that_ends_without_a_word_is_followed_by_another(database: Database, dies: bool) -> None:
    tripped(database)
    rest(database, 31)
    probe = claim(database).taken[0]
    if dies:
        with database.write() as connection:
            this = update(metadata.tables["work"]).where(metadata.tables["work"].c.id == probe.id)
            connection.execute(this.values(lease_until=now(connection) - LEASE))
            assert leases.reclaim_expired(connection) == (probe.id,)
    else:
        ends(database, probe, None)
    assert len(claim(database).taken) == 1
    assert claim(database).taken == ()


def test_work_to_be_cancelled_is_ended_though_it_is_open_and_is_no_probe(database: Database) -> None:
    ids = tripped(database)
    with database.write() as connection:
        work.cancel(connection, ids[0])
    assert [each.id for each in claim(database).taken] == [ids[0]]
    assert state(database) is BreakerState.OPEN


def test_a_person_may_close_it_and_it_goes_on_at_once(database: Database) -> None:
    tripped(database)
    with database.write() as connection:
        assert breakers.close(connection, "north")
        assert not breakers.close(connection, "north")
    assert len(claim(database).taken) == 3


def test_every_lanes_breaker_is_told_with_what_was_counted(database: Database) -> None:
    put(database)
    put(database, 1, "south")
    note(database, True, 4)
    note(database, False, 3)
    with database.read() as connection:
        told = breakers.standing(connection)
    assert (told["north"].succeeded, told["north"].failed) == (4, 3)
    assert (told["south"].state, told["south"].failed) == (BreakerState.CLOSED, 0)


# --- order


def in_order(database: Database, order: str, number: int, lane: str = "north") -> list[int]:
    with database.write() as connection:
        made = [work.enqueue(connection, kind="send", lane=lane, argument={}, order=order) for _ in range(number)]
    return [each for each in made if each is not None]


def stands(database: Database, work_id: int) -> WorkState:
    with database.read() as connection:
        found = work.find(connection, work_id)
    assert found is not None
    return found.state


def taken(database: Database) -> list[Claimed]:
    return list(claim(database).taken)


def test_what_has_an_order_is_begun_one_after_another_and_orders_do_not_wait_for_each_other(database: Database) -> None:
    a, b = in_order(database, "a", 2), in_order(database, "b", 2)
    south = in_order(database, "a", 1, "south")
    first = taken(database)
    assert sorted(each.id for each in first) == sorted([a[0], b[0], *south])
    assert stands(database, a[1]) is WorkState.BEHIND
    with database.write() as connection:
        leases.complete(connection, *next((each.id, each.token) for each in first if each.id == a[0]))
    assert [each.id for each in taken(database)] == [a[1]]


@pytest.mark.parametrize("ending", ["bury", "end_cancelled", "finished"])
def test_however_one_ends_the_next_of_its_order_goes_on(database: Database, ending: str) -> None:
    (first, second) = in_order(database, "a", 2)
    (claimed,) = taken(database)
    held = (claimed.id, claimed.token)
    with database.write() as connection:
        if ending == "bury":
            leases.bury(connection, *held, failure={})
        elif ending == "end_cancelled":
            leases.end_cancelled(connection, *held)
        else:
            leases.claim(connection, worker="w", kinds=[], limit=0, lease=LEASE, finished=[held])
    assert [each.id for each in taken(database)] == [second]
    assert claimed.id == first


def test_one_that_is_tried_again_keeps_its_place_in_the_order(database: Database) -> None:
    first, second = in_order(database, "a", 2)
    (claimed,) = taken(database)
    with database.write() as connection:
        leases.retry_later(connection, claimed.id, claimed.token, due_at=now(connection) + LEASE, failure={})
    assert taken(database) == []
    assert (stands(database, first), stands(database, second)) == (WorkState.WAITING, WorkState.BEHIND)


def test_one_that_is_cancelled_behind_is_ended_at_once_and_the_order_goes_on_as_it_was(database: Database) -> None:
    first, second, third = in_order(database, "a", 3)
    (running,) = taken(database)
    with database.write() as connection:
        assert work.cancel(connection, second) is CancelResult.ASKED
    (asked,) = taken(database)
    assert (asked.id, asked.cancel_asked) == (second, True)
    with database.write() as connection:
        leases.end_cancelled(connection, asked.id, asked.token)
    assert taken(database) == []
    with database.write() as connection:
        leases.complete(connection, running.id, running.token)
    assert [each.id for each in taken(database)] == [third]
    assert running.id == first


def test_what_an_older_release_left_behind_nothing_goes_on_when_it_is_mended(database: Database) -> None:
    first, second, _ = in_order(database, "a", 3)
    other = in_order(database, "b", 2)
    with database.write() as connection:
        gone = metadata.tables["work"].c.id == first
        connection.execute(update(metadata.tables["work"]).where(gone).values(state=WorkState.DONE))
        assert work.promote_stranded(connection) == 1
        assert work.promote_stranded(connection) == 0
    assert sorted(each.id for each in taken(database)) == sorted([second, other[0]])


def test_those_that_enqueue_and_end_at_once_strand_nothing_and_never_overtake(database_url: str) -> None:
    both = [open_database(database_url) for _ in range(2)]
    ran: list[int] = []

    def enqueues(database: Database) -> None:
        for _ in range(15):
            in_order(database, "a", 1)

    def works(database: Database) -> None:
        while len(ran) < 15:
            for each in taken(database):
                ran.append(each.id)
                with database.write() as connection:
                    leases.complete(connection, each.id, each.token)

    with ThreadPoolExecutor() as threads:
        done = [threads.submit(enqueues, both[0]), threads.submit(works, both[1])]
        for each in done:
            each.result(30)
    for database in both:
        database.close()
    assert ran == sorted(ran)
