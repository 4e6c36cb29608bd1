"""Planning an extract: whom a plan that is made again waits for, and how the run of one that is not planned ends."""

from __future__ import annotations

from typing import cast

import pytest
from sqlalchemy import Connection, select

from hub.domain.changes import PlanState
from hub.domain.texts import Text
from hub.flow import land
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs import routes
from hub.jobs.ways import Route
from hub.plugin.errors import Unavailable
from hub.store import plans, runs, work
from hub.store.database import Database
from hub.store.runs import Run
from hub.store.tables import set_asides
from hub.store.work import WorkState
from hub.testing.registers import lines
from tests.jobs.planned import NOUN, ROUTE, SOURCE, Small, person

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


def away(*_of: str) -> None:
    """The register cannot be reached."""
    raise Unavailable(Text("nere", "down"))


def fetched(small: Small, name: str, *numbers: int, run: int, priority: int = 0) -> None:
    """A fetching lands an extract of those persons in its run."""

    def then(connection: Connection, document_id: int) -> None:
        routes.then_plan(small.ways.routes[ROUTE], connection, document_id, run, priority)

    message = land.Message(SOURCE, name, name, NOUN)
    content = lines(*(person(each) for each in numbers), whole=True)
    land.receive(small.database, message, [content], largest=10_000, then=then)


def a_run(database: Database) -> int:
    """A fetching begins."""
    with database.write() as connection:
        return runs.begin(connection, ROUTE, SOURCE, "schedule")


def told(database: Database) -> list[Run]:
    """Every run, oldest first."""
    with database.read() as connection:
        return runs.page(connection)[::-1]


def test_the_run_of_an_extract_that_was_begun_ends_when_a_later_one_has_come(database: Database) -> None:
    small = Small(database, REMOVALS)
    small.land([person(1)])
    small.store.hook = away
    small.step()
    small.store.hook = small.fate.point
    extract(small, range(2))
    first, second = told(database)
    assert (first.plan_id is not None, first.outcome, second.outcome) == (True, "nothing", "succeeded")
    assert first.failure is not None
    assert first.failure["en"] == "A later extract stands in its place."


def test_the_run_of_two_extracts_that_one_fetching_brought_ends_with_the_later(database: Database) -> None:
    small = Small(database, REMOVALS)
    run = a_run(database)
    fetched(small, "a.jsonl", 1, run=run)
    fetched(small, "b.jsonl", 1, 2, run=run)
    small.step()
    assert [(each.id, each.ended_at) for each in told(database)] == [(run, None)]
    small.settle()
    assert [(each.id, each.outcome) for each in told(database)] == [(run, "succeeded")]


def test_the_run_of_an_extract_that_no_route_takes_is_told_as_rejected(database: Database) -> None:
    small = Small(database, REMOVALS)
    small.land([person(1)])
    cast("dict[str, Route]", small.ways.routes).clear()
    small.settle()
    assert [each.outcome for each in told(database)] == ["rejected"]


def test_an_extract_that_waits_for_a_plan_under_way_keeps_its_place_before_others(database: Database) -> None:
    small = Small(database)
    extract(small, range(2))
    [proposed] = small.plans()
    with database.write() as connection:
        plans.move(connection, proposed.id, PlanState.APPLYING)
    fetched(small, "b.jsonl", 1, run=a_run(database), priority=50)
    small.step()
    with database.read() as connection:
        [waits] = work.page(connection, kind="plan", state=WorkState.WAITING)
    assert waits.priority == 50


@pytest.mark.parametrize("half", [r"\ud83d", r"\udce5", r"\u0000"])
@pytest.mark.parametrize("place", ["id", "namn"])
def test_a_record_that_no_database_takes_is_set_aside_and_the_others_go_on(
    database: Database, place: str, half: str
) -> None:
    small = Small(database, REMOVALS)
    small.store.put("p9", namn="x\ud83d", enhet="1")
    content = lines(person(1), person(2) | {place: "kabel HALF"}, person(3)).replace(b"HALF", half.encode())
    routes.receive(small.calm, land.Message(SOURCE, "natt", "natt.jsonl", NOUN), [content])
    small.settle()
    [plan] = small.plans()
    with database.read() as connection:
        aside = connection.execute(select(set_asides.c.code)).scalars().all()
    assert (plan.state, plan.figures.read, plan.figures.flaws) == (PlanState.APPLIED, 2, 1)
    assert aside == ["RECORD-UNSTORABLE"]
    assert {"p1", "p3"} <= small.store.records.keys()
