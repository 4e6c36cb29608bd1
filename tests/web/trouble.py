"""Incidents for the console to show: one that is open and was repaired in vain, one that closed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from hub.app import Hub
from hub.status.incidents import Cause, title_of
from hub.store import audit, incidents, tables
from hub.store.connections import Happening
from hub.store.database import now
from hub.store.incidents import IncidentEventKind, Scope

FOLDER, TARGET = "leverantorsmapp", "agresso-utb"


def in_trouble(hub: Hub) -> None:
    """An open incident and a closed one."""
    _closed(hub)
    _open(hub)


def _open(hub: Hub) -> None:
    with hub.database.write() as connection:
        audit.write(connection, "anna", "activate", "pack hub-peppol-billing-3.0.21")
        since = now(connection) - timedelta(minutes=52)
        scope = Scope((FOLDER,), ("filer.storstad.example",), ("unavailable",))
        title = title_of(Cause.UNAVAILABLE, scope.connections, scope.hosts)
        made = incidents.begin(connection, "filer", "unavailable", title, scope, since)
        said = {"sv": "Servern svarar inte (tidsgräns 10 s).", "en": "The server does not answer (10 s)."}
        incidents.note(connection, made.id, IncidentEventKind.JOINED, FOLDER, said)
        told = {"channel": "mail", "message": "opened"}
        incidents.note(connection, made.id, IncidentEventKind.TOLD, details=told)
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_BEGUN, details={"by": "anna"})
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_CHECKED, FOLDER, {"passed": False, **said})
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_ENDED, details=said)
        incidents.seen(connection, made.id, now(connection), 6)


def _closed(hub: Hub) -> None:
    with hub.database.write() as connection:
        since = now(connection) - timedelta(hours=5)
        scope = Scope((TARGET, "agresso-miljo"), ("agresso.storstad.example",), ("refused",))
        title = title_of(Cause.REFUSED, scope.connections, scope.hosts)
        made = incidents.begin(connection, "agresso", "refused", title, scope, since)
        for name in scope.connections:
            incidents.note(
                connection, made.id, IncidentEventKind.JOINED, name, {"sv": "Fel nyckel.", "en": "Wrong key."}
            )
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_BEGUN, details={"by": "anna"})
        for name in scope.connections:
            incidents.note(connection, made.id, IncidentEventKind.REPAIR_CHECKED, name, {"passed": True})
        waited = {"waited": 35}
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_RELEASED, details=waited)
        replayed = waited | {"number": 3, "replay": 1}
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_REPLAYED, details=replayed)
        outcome = {"recovered": 38, "total": 38, "stopped": 0}
        incidents.note(connection, made.id, IncidentEventKind.REPAIR_ENDED, details=outcome)
        incidents.close(connection, made.id, "anna", outcome)
        _refused_earlier(connection, since)


def _refused_earlier(connection: Connection, since: datetime) -> None:
    for minutes in (0, 12, 13, 14, 60):
        row = {
            "connection": TARGET,
            "at": since + timedelta(minutes=minutes),
            "kind": Happening.REFUSED.value,
            "number": 1,
            "details": {"sv": "Fel nyckel.", "en": "Wrong key."},
        }
        connection.execute(tables.connection_events.insert().values(row))
    connection.execute(update(tables.incidents).values(failures=5))
