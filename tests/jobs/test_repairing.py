"""Repairing: what a person decides meanwhile stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.domain.texts import Text
from hub.jobs import holding, repairing, routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.ways import Ways
from hub.loader import Connection, Plugins
from hub.plugin.connector import Connector
from hub.plugin.files import FilePlace
from hub.plugin.ports import Check
from hub.store import connections, incidents, lanes
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import IncidentEventKind, Scope

WELL = Check(Text("Svar", "Answer"), True, Text("ja", "yes"))
WRONG = Text("Fel lösenord.", "Wrong password.")
NAMES = ("agresso", "marvin")


def ways(database: Database, asked: list[str]) -> Ways:
    """Connections that answer; while the second is checked a person pauses the first."""

    def check(_settings: object) -> Iterator[Check]:
        asked.append("checked")
        if len(asked) == 2:
            holding.pause(database, "agresso", "karin")
        yield WELL

    connector = Connector("prov.mal", Text("Mål", "Target"), FilePlace, check)
    made = {name: Connection(name, connector.name, connector=connector) for name in NAMES}
    nothing: Any = None
    return Ways(database, made, Plugins({}, {}, (), (), (), (), ()), {}, nothing, nothing)


def test_a_connection_that_a_person_pauses_while_it_is_checked_stays_paused(database: Database) -> None:
    with database.write() as connection:
        for name in NAMES:
            lanes.hold_lane(connection, name, because="refused")
            connections.failed(connection, name, Happening.REFUSED, WRONG)
        incident = incidents.begin(connection, "f", "refused", WRONG, Scope(NAMES), now(connection))
    asked: list[str] = []
    repairing.ask(database, incident.id, "anna")
    assert LocalExecutor(database, routes.kinds(ways(database, asked))).run_until_idle()
    assert len(asked) == 2
    with database.read() as connection:
        assert connections.lived(connection, "agresso").paused_by == "karin"
        assert {each.name for each in lanes.all_lanes(connection) if each.held_at} == set(NAMES)
        last = incidents.events(connection, incident.id)[-1]
    assert (last.kind, "agresso" in last.details["en"]) == (IncidentEventKind.REPAIR_ENDED, True)
