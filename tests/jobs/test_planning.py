"""Planning an extract: whom a plan that is made again waits for."""

from __future__ import annotations

from hub.domain.changes import PlanState
from hub.flow.guards import FirstRun, GuardLimits
from hub.store.database import Database
from tests.jobs.planned import Small, person

REMOVALS = GuardLimits(removals=1, changes_share=9, second_changes_share=9, first_run=FirstRun.APPLY)


def holding(database: Database, number: int) -> Small:
    """A hub whose register holds so many persons, and whose first plan is applied."""
    small = Small(database, REMOVALS)
    hold(small, number)
    extract(small, range(number))
    assert [each.state for each in small.plans()] == [PlanState.APPLIED]
    return small


def hold(small: Small, number: int) -> None:
    """The register holds so many persons from now on; who was there and stays is not touched."""
    wanted = {f"p{each}": f"Person {each}" for each in range(number)}
    for gone in small.store.records.keys() - wanted:
        del small.store.records[gone]
    for address in wanted.keys() - small.store.records:
        small.store.put(address, namn=wanted[address], enhet="1")


def extract(small: Small, numbers: range) -> None:
    """An extract of those persons comes, and all that follows is done."""
    small.land([person(each) for each in numbers])
    small.settle()


def test_the_same_plan_of_a_register_that_shrank_needs_as_many_persons_as_its_share_has_grown_to(
    database: Database,
) -> None:
    small = holding(database, 40)
    extract(small, range(4, 40))
    [_, first] = small.plans()
    assert (first.seats, first.stops[0].figures["holdings"]) == (1, 40)
    hold(small, 10)
    extract(small, range(4, 10))
    [_, again] = small.plans()
    assert (again.id, again.digest, again.state_at) == (first.id, first.digest, first.state_at)
    assert (again.seats, again.stops[0].figures["holdings"], again.figures.holdings) == (2, 10, 10)
    assert small.approve("anna") is PlanState.HELD
    small.settle()
    assert len(small.store.records) == 10
    assert small.approve("bertil") is PlanState.APPROVED
    small.settle()
    assert sorted(small.store.records) == [f"p{each}" for each in range(4, 10)]


def test_the_same_plan_of_a_register_that_grew_keeps_its_approval_and_needs_no_fewer_persons(
    database: Database,
) -> None:
    small = holding(database, 10)
    extract(small, range(4, 10))
    assert small.approve("anna") is PlanState.HELD
    hold(small, 40)
    extract(small, range(4, 40))
    [_, again] = small.plans()
    assert (again.seats, again.stops[0].seats, again.figures.holdings) == (2, 1, 40)
    assert small.approvers(again.id) == 1
    assert small.approve("bertil") is PlanState.APPROVED
