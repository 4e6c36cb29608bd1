"""Applying a plan: what was approved is done by the settings of now, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hub.domain.changes import PlanState
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs.ways import Route
from hub.store.database import Database
from tests.jobs.planned import ROUTE, Small, person

STRICT = GuardLimits(removals=1, changes_share=0.1, first_run=FirstRun.APPLY)
NUMBERS = range(20)


@pytest.fixture
def held(database: Database) -> Small:
    """A hub whose plan to move everybody to another unit waits for two persons."""
    small = Small(database, STRICT)
    for number in NUMBERS:
        small.store.put(f"p{number}", namn=f"Person {number}", enhet="1")
    for unit in ("1", "2"):
        small.land([person(number, unit) for number in NUMBERS])
        small.settle()
    assert [each.state for each in small.plans()] == [PlanState.APPLIED, PlanState.HELD]
    return small


def approve(small: Small) -> None:
    for by in ("anna", "bertil"):
        small.approve(by)
    small.settle()


def theirs(route: Route) -> Route:
    return replace(route, guards=replace(route.guards, theirs=frozenset({"enhet"})))


def elsewhere(route: Route) -> Route:
    return replace(route, sources=("annat",))


def test_what_is_approved_under_the_settings_it_was_made_by_is_done(held: Small) -> None:
    approve(held)
    assert {each.fields["enhet"] for each in held.store.records.values()} == {"2"}


@pytest.mark.parametrize("changed", [theirs, elsewhere], ids=["a field is the target's own", "another source"])
def test_what_the_settings_forbid_meanwhile_is_not_done_though_it_is_approved(
    held: Small, changed: Callable[[Route], Route]
) -> None:
    held.lead(changed(held.ways.routes[ROUTE]))
    approve(held)
    assert {each.fields["enhet"] for each in held.store.records.values()} == {"1"}
    assert held.plans()[-1].state is PlanState.STALE


def test_an_extract_without_records_is_no_first_run(database: Database) -> None:
    small = Small(database)
    for _ in range(2):
        small.land([])
        small.settle()
    small.land([person(1), person(2)])
    small.settle()
    assert [each.state for each in small.plans()] == [PlanState.APPLIED, PlanState.APPLIED, PlanState.PROPOSED]
    assert small.approve("anna") is PlanState.APPROVED
    small.settle()
    small.land([person(1), person(2), person(3)])
    small.settle()
    assert [each.state for each in small.plans()][-2:] == [PlanState.APPLIED, PlanState.APPLIED]
