"""Asking sources by hand: once however often one presses, and waited for while anything goes on without a person."""

from __future__ import annotations

import pytest

from hub.jobs import asking, routes
from hub.jobs.names import FETCH, TIDY
from hub.jobs.ways import Ways
from hub.store import lanes, leases, work
from hub.store.asked import Asked
from hub.store.database import Database, now
from hub.store.leases import Claimed
from tests.jobs.test_routes import MINUTE, ways


@pytest.fixture
def hub(database: Database) -> Ways:
    """A hub with a route of one inbox."""
    return ways(database, "")


def begin(database: Database) -> Claimed:
    """A worker takes the asking."""
    with database.write() as connection:
        [taken] = leases.claim(connection, worker="w", kinds=[FETCH], limit=1, lease=MINUTE).taken
    return taken


def goes_on(database: Database, asked: Asked) -> bool:
    with database.read() as connection:
        return asking.goes_on(connection, asked)


def test_what_was_asked_for_and_not_begun_is_not_asked_for_once_more(hub: Ways, database: Database) -> None:
    first = asking.run_now(hub, "inkorg", "anna")
    assert asking.run_now(hub, "inkorg", "bo") == first
    assert asking.run_now(hub, "inkorg", "bo", whole=True) != first, "all of it is more than the news"


def test_what_is_to_be_cancelled_stands_for_nothing_that_is_asked_after(hub: Ways, database: Database) -> None:
    first = asking.run_now(hub, "inkorg", "anna")
    with database.write() as connection:
        work.cancel(connection, first)
    assert asking.run_now(hub, "inkorg", "berit") != first


def test_what_was_asked_for_by_a_plan_is_only_a_part_of_it(hub: Ways, database: Database) -> None:
    argument = {"connection": "inkorg", "route": "fakturor", "cause": "person", "whole": False, "by": "anna", "plan": 1}
    with database.write() as connection:
        part = work.enqueue(connection, kind=FETCH, lane="inkorg", argument=argument)
    assert asking.run_now(hub, "inkorg", "anna") != part


def test_what_is_under_way_or_waits_for_another_try_is_asked_for_again(hub: Ways, database: Database) -> None:
    first = asking.run_now(hub, "inkorg", "anna")
    taken = begin(database)
    second = asking.run_now(hub, "inkorg", "anna")
    with database.write() as connection:
        leases.retry_later(connection, taken.id, taken.token, due_at=now(connection) + MINUTE, failure={})
    assert second != first
    assert asking.run_now(hub, "inkorg", "anna") == second


def test_it_goes_on_while_it_waits_to_be_begun_and_while_somebody_works_at_it(hub: Ways, database: Database) -> None:
    asked = asking.ask(hub, "fakturor", "anna")
    assert goes_on(database, asked)
    taken = begin(database)
    assert goes_on(database, asked)
    with database.write() as connection:
        leases.complete(connection, taken.id, taken.token)
    assert not goes_on(database, asked)


def test_it_does_not_go_on_in_a_held_lane_or_until_its_next_try(hub: Ways, database: Database) -> None:
    asked = asking.ask(hub, "fakturor", "anna")
    with database.write() as connection:
        lanes.hold_lane(connection, "inkorg", because="refused")
        assert asking.held(connection)["inkorg"] == "refused"
        assert asking.lanes_left(connection, asked) == {"inkorg"}
    assert not goes_on(database, asked)
    with database.write() as connection:
        lanes.release_lane(connection, "inkorg")
    taken = begin(database)
    with database.write() as connection:
        leases.retry_later(connection, taken.id, taken.token, due_at=now(connection) + MINUTE, failure={})
    assert not goes_on(database, asked)


@pytest.mark.parametrize("ahead_is_held", [False, True])
def test_what_stands_behind_another_goes_on_as_that_one_does(
    hub: Ways, database: Database, ahead_is_held: bool
) -> None:
    asked = asking.ask(hub, "fakturor", "anna")
    taken = begin(database)
    with database.write() as connection:
        leases.complete(connection, taken.id, taken.token)
        argument = {"connection": "inkorg", "route": "fakturor", "cause": "person"}
        work.enqueue(connection, kind=TIDY, lane="mål", argument={}, order="en")
        work.enqueue(connection, kind=routes.PULL, lane="mål", argument=argument, order="en")
        if ahead_is_held:
            lanes.hold_lane(connection, "mål", because="paused")
    assert goes_on(database, asked) is not ahead_is_held
