"""Checking a connection on request: its connector tries it without changing anything."""

from __future__ import annotations

from hub.domain.texts import Text
from hub.plugin.errors import Failure
from hub.plugin.ports import Check
from hub.status.connections import Configured
from hub.store import connections
from hub.store.database import Database

_NAME = Text("Kontroll", "Check")
_NOT_USABLE = Text("Kopplingen kan inte användas", "The connection cannot be used")


def check(connection: Configured) -> list[Check]:
    """What the connector tried, and how each went. Never raises for the other side's fault."""
    if connection.connector is None:
        return [Check(_NAME, False, connection.broken or _NOT_USABLE)]
    done: list[Check] = []
    try:
        done.extend(connection.connector.check(connection.settings))
    except Failure as failure:
        done.append(Check(_NAME, False, failure.text))
    except Exception as error:
        said = type(error).__name__
        done.append(Check(_NAME, False, Text(f"Ett fel i insticksmodulen: {said}", f"A fault in the plugin: {said}")))
    return done


def check_and_keep(database: Database, connection: Configured) -> list[Check]:
    """Check the connection and keep the result where its page shows it."""
    done = check(connection)
    report = {"checks": [{"sv": each.name.sv, "en": each.name.en, "passed": each.passed} for each in done]}
    with database.write() as writing:
        connections.checked(writing, connection.name, all(each.passed for each in done), report)
    return done
