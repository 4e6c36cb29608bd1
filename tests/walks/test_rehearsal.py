"""A rehearsal reads for real and does nothing; what it proposed is done exactly, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.flow.guards import FirstRun
from hub.jobs import routes
from hub.plugin.errors import Unavailable
from hub.store import plans
from hub.store.plans import StoredPlan
from hub.testing.register_http import Shelf, serving
from tests.walks.registry import ROUTE, people, registry
from tests.walks.test_invoices import good
from tests.walks.town import Town

INVOICES = "fakturor"


def rehearse(here: Town) -> StoredPlan:
    """A rehearsal of the town's route."""
    plan = routes.rehearse(here.ways, INVOICES, "anna")
    assert plan is not None
    return plan


def apply(here: Town, plan: StoredPlan) -> PlanState:
    """A person lets a rehearsal be done; what follows is done, but no source is asked for anything else."""
    routes.apply_proposed(here.hub.database, plan.id, plan.digest, "anna", "granskad")
    assert here.hub.executor(here.ways, scheduled=False).run_until_idle()
    with here.hub.database.read() as connection:
        found = plans.get(connection, plan.id)
    assert found is not None
    return found.state


def test_a_rehearsal_of_invoices_tells_each_delivery_and_each_setting_aside_and_does_nothing(here: Town) -> None:
    here.leave("god.xml", *good())
    here.leave("fel.xml", b"<nothing/>")
    plan = rehearse(here)
    assert (plan.state, plan.rehearsal, plan.figures.creates, plan.figures.flaws) == (PlanState.PROPOSED, True, 1, 1)
    with here.hub.database.read() as connection:
        wrong, right = sorted(plans.changes(connection, plan.id), key=lambda each: each.outcome is None)
    assert (wrong.outcome, [each.code for each in wrong.reasons]) == (plans.SET_ASIDE, ["FORMAT-UNKNOWN"])
    assert right.change.fields["target"] == "agresso-fil"
    assert here.all() == []
    assert here.delivered() == {}
    assert len(list(here.inbox.glob("*.xml"))) == 2


def test_what_was_rehearsed_is_done_and_nothing_that_came_since(here: Town) -> None:
    here.leave("god.xml", *good())
    plan = rehearse(here)
    assert rehearse(here).id == plan.id
    assert apply(here, plan) is PlanState.APPLIED
    assert here.states() == {"god.xml": DocumentState.DELIVERED}


def test_a_rehearsal_is_stale_when_the_source_holds_something_else(here: Town) -> None:
    here.leave("god.xml", *good())
    plan = rehearse(here)
    here.leave("god.xml", good(2)[1])
    assert apply(here, plan) is PlanState.STALE
    assert here.all() == []


@pytest.mark.parametrize("inbox", ["inkorg", "andra"])
def test_an_invoice_of_which_a_twin_waits_would_be_set_aside(here: Town, inbox: str) -> None:
    here.leave("en.xml", *good())
    here.leave("samma.xml", good()[0], inbox)
    plan = rehearse(here)
    assert (plan.figures.creates, plan.figures.flaws) == (1, 1)


def test_a_route_that_is_to_be_rehearsed_first_delivers_nothing_until_a_person_applies_it(here: Town) -> None:
    route = here.ways.routes[INVOICES]
    careful = replace(route, guards=replace(route.guards, first_run=FirstRun.REHEARSE))
    there = replace(here, ways=replace(here.ways, routes={INVOICES: careful}))
    there.leave("god.xml", *good())
    there.work()
    assert there.all() == []
    with there.hub.database.read() as connection:
        [plan] = plans.page(connection, route=INVOICES)
    assert (plan.state, plan.figures.creates, plan.by) == (PlanState.PROPOSED, 1, "hub")
    assert apply(there, plan) is PlanState.APPLIED
    there.leave("nästa.xml", good(2)[1])
    there.work()
    assert set(there.states().values()) == {DocumentState.DELIVERED}
    assert len(there.states()) == 2


@pytest.fixture
def shelf() -> Shelf:
    """What the register holds."""
    return Shelf()


def test_a_rehearsal_for_a_register_leaves_the_extract_where_it_lies(
    tmp_path: Path, database_url: str, shelf: Shelf
) -> None:
    with serving(shelf) as address, registry(tmp_path, database_url, address) as there:
        assert routes.rehearse(there.ways, ROUTE, "anna") is None
        there.leave("natt-0", *people(1, 2, 3))
        plan = routes.rehearse(there.ways, ROUTE, "anna")
        assert plan is not None
        assert (plan.state, plan.figures.creates, plan.document_id) == (PlanState.PROPOSED, 3, None)
        assert there.documents() == []
        assert shelf.fields() == {}
        again = routes.rehearse(there.ways, ROUTE, "bertil")
        assert again is not None
        assert again.id == plan.id
        there.apply()
        there.work(asked=False)
        assert there.plan().state is PlanState.APPLIED
        assert len(shelf.fields()) == 3
        there.work()
        assert (there.plan().figures.unchanged, there.plan().figures.changes) == (3, 0)


def test_a_rehearsal_whose_register_does_not_answer_says_so_and_leaves_no_plan(
    tmp_path: Path, database_url: str, shelf: Shelf
) -> None:
    shelf.before = lambda _method, _address: 503
    with serving(shelf) as address, registry(tmp_path, database_url, address) as there:
        there.leave("natt-0", *people(1))
        with pytest.raises(Unavailable):
            routes.rehearse(there.ways, ROUTE, "anna")
        assert there.plans() == []
        assert there.run().outcome == "failed"
