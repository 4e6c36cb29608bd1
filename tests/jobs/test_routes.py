"""Who follows whom, and in whose stead: what a person asks a source for goes before what waits, all the way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.texts import Text
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs import asking, routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.names import BY_HAND_IN_BULK, FETCH, HANDLE, JUDGING_LANE, PLAN
from hub.jobs.ways import Route, Ways
from hub.loader import Connection, Plugins
from hub.plugin.connector import Connector
from hub.store import leases, work
from hub.store.database import Database
from tests.flow.test_read import PaperEditions, PaperRules
from tests.jobs.test_fetching import NoSettings, Shelf

MINUTE = timedelta(minutes=1)
FIRST = 1
"""The document that is landed first."""

lanes = pytest.mark.parametrize(("to", "kind", "lane"), [("", HANDLE, JUDGING_LANE), ("katalog", PLAN, "katalog")])


def ways(database: Database, to: str) -> Ways:
    """A hub with a source of one document, on a route to units, or to a register."""
    shelf = Shelf(a=b"bytes")
    files = Connector(
        "paper.files", Text("Papper", "Paper"), NoSettings, lambda _: iter(()), sources={"invoices": lambda _: shelf}
    )
    return Ways(
        database=database,
        connections={"inkorg": Connection("inkorg", files.name, connector=files, settings=NoSettings())},
        plugins=Plugins({}, {}, (), (), (), (), ()),
        routes={"fakturor": Route("fakturor", "invoices", ("inkorg",), to, GuardLimits(first_run=FirstRun.APPLY))},
        editions=PaperEditions(),
        rules=PaperRules(),
    )


def wait(database: Database, kind: str, lane: str) -> None:
    """Two pieces of work wait there already."""
    with database.write() as connection:
        for document in (1000, 1001):
            work.enqueue(connection, kind=kind, lane=lane, argument={"document": document})


def ask(hub: Ways) -> None:
    """The source is asked, and what follows waits."""
    fetch = [each for each in routes.kinds(hub) if each.name == FETCH]
    assert LocalExecutor(hub.database, fetch, threads=1, lease=MINUTE).run_until_idle(MINUTE)


def next_of(database: Database, kind: str) -> tuple[int, int]:
    """The document that is taken next, and with what priority."""
    with database.write() as connection:
        [taken] = leases.claim(connection, worker="w", kinds=[kind], limit=1, lease=MINUTE).taken
        found = work.find(connection, taken.id)
    assert found is not None
    return found.argument["document"], found.priority


@lanes
def test_what_a_person_asked_a_source_for_overtakes_what_waits_and_is_one_of_many(
    database: Database, to: str, kind: str, lane: str
) -> None:
    wait(database, kind, lane)
    hub = ways(database, to)
    asking.run_now(hub, "inkorg", "anna")
    ask(hub)
    assert next_of(database, kind) == (FIRST, BY_HAND_IN_BULK)


@lanes
def test_what_a_source_brings_in_its_turn_overtakes_nothing(database: Database, to: str, kind: str, lane: str) -> None:
    wait(database, kind, lane)
    hub = ways(database, to)
    with database.write() as connection:
        argument = {"connection": "inkorg", "route": "fakturor"}
        work.enqueue(connection, kind=FETCH, lane="inkorg", argument=argument)
    ask(hub)
    assert next_of(database, kind) == (1000, 0)
