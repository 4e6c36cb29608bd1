"""What came of asking a route's sources: it is found whatever kind of work it is, and nothing of anybody else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from hub.domain.changes import Change, ChangeKind, Plan
from hub.store import asked as kept
from hub.store import deliveries, plans, runs, work
from hub.store.asked import Asked
from hub.store.database import Database
from hub.store.tables import documents
from hub.store.tables import work as works
from hub.store.work import WorkState
from tests.store.rows import ARRIVED, arrive
from tests.store.test_plans import NEW

ASKING = {"connection": "inkorg", "route": "fakturor", "cause": "person", "by": "anna"}


def queue(connection: Connection, kind: str, /, **argument: object) -> int:
    """Work of that kind, in a lane of its own."""
    made = work.enqueue(connection, kind=kind, lane=kind, argument=argument)
    assert made is not None
    return made


def ask(connection: Connection) -> Asked:
    """The inbox is asked for the route of invoices."""
    made = queue(connection, "fetch", **ASKING)
    return Asked("fakturor", {"inkorg": made}, ARRIVED, runs.latest(connection))


def deliver(connection: Connection, document: int) -> int:
    """A delivery of the document that waits to be made."""
    change = Change(ChangeKind.CREATE, f"k-{document}", f"{document}.xml")
    delivery = deliveries.intend(connection, document, Plan("invoices", "agresso", (change,)), change)
    return queue(connection, "deliver", delivery=delivery)


def plan(connection: Connection, route: str, source: str) -> int:
    """A plan of that route that waits to be applied."""
    return queue(connection, "apply", plan=plans.begin(connection, replace(NEW, route=route, source=source)))


def test_the_asking_and_all_that_came_of_it_is_found_and_what_others_wait_for_is_not(database: Database) -> None:
    with database.write() as connection:
        before = arrive(connection, "before")
        connection.execute(update(documents).values(arrived_at=ARRIVED - timedelta(seconds=1)))
        asked = ask(connection)
        brought, others = arrive(connection, "brought"), arrive(connection, "elsewhere", "annan")
        wanted = [
            asked.works["inkorg"],
            queue(connection, "pull", **ASKING),
            queue(connection, "handle", document=brought),
            queue(connection, "plan", document=brought, run=1),
            deliver(connection, brought),
            plan(connection, "fakturor", "inkorg"),
        ]
        queue(connection, "fetch", **ASKING | {"cause": "schedule"})
        queue(connection, "pull", **ASKING | {"connection": "annan"})
        queue(connection, "pull", **ASKING | {"route": "order"})
        for each in (before, others):
            queue(connection, "handle", document=each)
        deliver(connection, others)
        plan(connection, "fakturor", "annan")
        plan(connection, "order", "inkorg")
        queue(connection, "tidy")
        assert [each.id for each in kept.unended(connection, asked)] == wanted


@pytest.mark.parametrize("state", [WorkState.DONE, WorkState.DEAD, WorkState.CANCELLED])
def test_what_has_ended_however_it_ended_is_not_waited_for(database: Database, state: WorkState) -> None:
    with database.write() as connection:
        asked = ask(connection)
        connection.execute(update(works).values(state=state))
        assert list(kept.unended(connection, asked)) == []


def test_what_is_under_way_comes_first_and_pages_leave_nothing_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_PAGE", 2)
    with database.write() as connection:
        asked = ask(connection)
        made = [asked.works["inkorg"], *(queue(connection, "pull", **ASKING) for _ in range(6))]
        begun = made[3:5]
        connection.execute(update(works).where(works.c.id.in_(begun)).values(state=WorkState.RUNNING))
        found = [each.id for each in kept.unended(connection, asked)]
    assert found == [*begun, *(each for each in made if each not in begun)]
