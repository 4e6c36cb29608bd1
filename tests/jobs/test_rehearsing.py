"""Rehearsing a route of several sources: each is held, blamed and let in by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from typing import Any, BinaryIO

import pytest

from hub.domain.changes import PlanState
from hub.domain.texts import Text
from hub.flow import land
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs import asking, holding, rehearsing, routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.names import JUDGING_LANE
from hub.jobs.ways import Route, Ways
from hub.jobs.worker import Listeners
from hub.loader import Connection, Plugins
from hub.plugin.connector import Connector
from hub.plugin.errors import Failure, Refused, Unavailable
from hub.plugin.files import FilePlace
from hub.plugin.ports import Item
from hub.store import connections, documents, lanes, plans, work
from hub.store.database import Database
from hub.store.plans import StoredPlan

NOUN, ROUTE = "invoices", "fakturor"
REFUSES = Refused(Text("Fel lösenord.", "Wrong password."))
DOWN = Unavailable(Text("Servern svarar inte.", "The server does not answer."))


@dataclass
class Door:
    """A source of items, or a failure; it counts how often it was asked."""

    items: list[str]
    failure: Failure | None = None
    asked: int = 0

    def fetch(self) -> Iterator[Item]:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        yield from (Item(name, f"{name}.xml") for name in self.items)

    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        yield BytesIO(item.external_id.encode("utf-8", "replace"))

    def acknowledge(self, _item: Item) -> None:
        """It stays, and is known."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Street:
    """A hub with a route from several doors, to be rehearsed first; all that is landed is too large to be judged."""

    database: Database
    doors: dict[str, Door] = field(default_factory=dict)

    @property
    def ways(self) -> Ways:
        """What the work walks on."""
        route = Route(ROUTE, NOUN, tuple(self.doors), guards=GuardLimits(first_run=FirstRun.REHEARSE))
        nothing: Any = None
        plugins, made = Plugins({}, {}, (), (), (), (), ()), {name: self._made(name) for name in self.doors}
        return Ways(self.database, made, plugins, {ROUTE: route}, nothing, nothing, landed=100, judged=0)

    def _made(self, name: str) -> Connection:
        sources = {NOUN: lambda _settings: self.doors[name]}
        connector = Connector("prov.dorr", Text("Dörr", "Door"), FilePlace, lambda _settings: iter(()), sources=sources)
        return Connection(name, connector.name, connector=connector, interval=timedelta(minutes=1))

    def ask(self, *names: str) -> None:
        """A person asks these sources, and all that follows is done."""
        for name in names:
            asking.run_now(self.ways, name, "anna")
        self.work()

    def work(self) -> None:
        """All that may be done now is done, what waited for another try too."""
        with self.database.write() as connection:
            work.hurry(connection, JUDGING_LANE)
        listeners = Listeners(on_failure=routes.failed)
        assert LocalExecutor(self.database, routes.kinds(self.ways), listeners=listeners).run_until_idle()

    def rehearse(self) -> StoredPlan:
        """A person rehearses all sources together."""
        plan = routes.rehearse(self.ways, ROUTE, "anna")
        assert plan is not None
        return plan

    def plans(self) -> list[StoredPlan]:
        """Every plan, oldest first."""
        with self.database.read() as connection:
            return plans.page(connection)[::-1]

    def approve(self, plan: StoredPlan) -> None:
        """A person lets a plan be applied."""
        routes.apply_proposed(self.database, plan.id, plan.digest, "anna", "granskad")

    def landed(self) -> set[str]:
        """What was landed."""
        with self.database.read() as connection:
            return {each.external_id for each in documents.page(connection, noun=NOUN)}

    def held(self) -> set[str]:
        """The lanes that are held."""
        with self.database.read() as connection:
            return {each.name for each in lanes.all_lanes(connection) if each.held_at}

    def blamed(self) -> set[str]:
        """Who has failed since it last succeeded."""
        with self.database.read() as connection:
            return {name for name, lived in connections.all_lived(connection).items() if lived.failures}


@pytest.fixture
def street(database: Database) -> Street:
    """Two doors with one item each; the test runs on both databases."""
    return Street(database, {"a": Door(["a1"]), "b": Door(["b1"])})


def test_a_source_that_refuses_while_a_plan_of_several_is_applied_is_held_itself_and_asked_no_more(
    street: Street,
) -> None:
    plan = street.rehearse()
    street.doors["b"].failure = REFUSES
    street.approve(plan)
    street.work()
    assert (street.held(), street.blamed()) == ({"b"}, {"b"})
    asked = street.doors["b"].asked
    street.work()
    assert (street.doors["b"].asked, street.held()) == (asked, {"b"})
    street.doors["b"].failure = None
    holding.resume(street.database, "b", "anna")
    street.work()
    assert ([each.state for each in street.plans()], street.landed()) == ([PlanState.APPLIED], {"a1", "b1"})


def test_a_source_out_of_reach_while_a_plan_of_several_is_applied_is_blamed_itself(street: Street) -> None:
    plan = street.rehearse()
    street.doors["b"].failure = DOWN
    street.approve(plan)
    street.work()
    assert (street.held(), street.blamed()) == (set(), {"b"})
    street.doors["b"].failure = None
    street.work()
    assert street.landed() == {"a1", "b1"}


def test_each_source_is_rehearsed_first_by_itself_and_one_that_refuses_holds_no_other(street: Street) -> None:
    street.doors["b"].failure = REFUSES
    street.ask("a", "b")
    assert (street.held(), street.blamed()) == ({"b"}, {"b"})
    (plan,) = street.plans()
    assert (plan.state, plan.source) == (PlanState.PROPOSED, "a")
    street.approve(plan)
    street.work()
    assert street.landed() == {"a1"}


def test_the_first_rehearsal_of_one_source_is_applied_while_that_of_another_waits_in_a_lane_that_is_held(
    street: Street,
) -> None:
    street.ask("a", "b")
    one, other = street.plans()
    holding.pause(street.database, one.source, "karin")
    street.approve(one)
    street.approve(other)
    street.work()
    assert street.landed() == {f"{other.source}1"}


def test_a_source_that_is_added_to_a_route_is_rehearsed_before_anything_of_it_is_landed(street: Street) -> None:
    added = street.doors.pop("b")
    street.ask("a")
    street.approve(street.plans()[0])
    street.work()
    street.doors |= {"b": added}
    street.doors["a"].items.append("a2")
    street.ask("a", "b")
    street.ask("a", "b")
    assert street.landed() == {"a1", "a2"}
    _, plan = street.plans()
    assert (plan.state, plan.source) == (PlanState.PROPOSED, "b")
    street.approve(plan)
    street.work()
    added.items.append("b2")
    street.ask("b")
    assert street.landed() == {"a1", "a2", "b1", "b2"}


def test_a_rehearsal_of_all_sources_stands_for_those_it_met_something_of_once_it_is_applied(street: Street) -> None:
    street.doors["c"] = Door([])
    plan, route = street.rehearse(), street.ways.routes[ROUTE]
    assert rehearsing.is_first(street.ways, route, "a")
    with street.database.write() as connection:
        plans.move(connection, plan.id, PlanState.APPLIED)
    assert [rehearsing.is_first(street.ways, route, name) for name in ("a", "b", "c")] == [False, False, True]


def test_a_rehearsal_of_all_sources_takes_the_place_of_those_of_each(street: Street) -> None:
    street.ask("a", "b")
    whole = street.rehearse()
    street.ask("a", "b")
    waiting = [each.id for each in street.plans() if each.state is PlanState.PROPOSED]
    assert (waiting, whole.source, whole.figures.flaws) == ([whole.id], "", 2)


def test_an_item_of_any_name_is_rehearsed_and_fetched_as_another(street: Street) -> None:
    street.doors = {"a": Door(["f\udce5ktura", "n\0l", "y" * 285])}
    plan = street.rehearse()
    assert plan.figures.read + plan.figures.flaws == 3
    street.approve(plan)
    street.work()
    assert len(street.landed()) == 2  # the third is larger than what is kept


def test_an_item_that_is_landed_is_known_to_a_rehearsal_by_whatever_id_it_was_landed_under(street: Street) -> None:
    street.doors = {"a": Door(["f\udce5ktura", "n\0l", "y" * 285, "a"])}
    ways = replace(street.ways, landed=1000)
    for name in street.doors["a"].items:
        for content in (b"other bytes under the same id", name.encode("utf-8", "replace")):
            message = land.Message("a", name, name, NOUN)
            land.receive(street.database, message, [content], largest=1000, then=lambda _connection, _id: None)
    assert routes.rehearse(ways, ROUTE, "anna") is None
