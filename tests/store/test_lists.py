"""Lists are read by an index and never touch bytes, whatever the number of rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text

from hub.domain.documents import DocumentState
from hub.domain.identifiers import OrganisationNumber
from hub.store import (
    audit,
    claims,
    connections,
    deliveries,
    documents,
    invoices,
    judgements,
    rule_packs,
    runs,
    set_asides,
    units,
    users,
)
from hub.store.database import Database
from hub.store.invoices import InvoiceFilter
from hub.store.tables import documents as table
from tests.store.rows import address, arrive, gln

Read = Callable[[Connection], object]
EARLY, LATE = datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)

LISTS: dict[str, Read] = {
    "documents": lambda c: documents.page(c, noun="invoices"),
    "documents in a state": lambda c: documents.page(c, noun="invoices", state=DocumentState.ARRIVED, before=9),
    "documents of a connection": lambda c: documents.page(c, noun="invoices", connection_name="inkorg"),
    "invoices": lambda c: invoices.page(c, InvoiceFilter()),
    "invoices by a word": lambda c: invoices.page(c, InvoiceFilter(words="öberg")),
    "invoices in a state": lambda c: invoices.page(c, InvoiceFilter(state=DocumentState.ARRIVED), before=9),
    "invoices by id": lambda c: invoices.rows(c, [1, 2]),
    "set aside": lambda c: set_asides.members(c),
    "a group of what is set aside": lambda c: set_asides.members(c, "f" * 16, after=3),
    "a journey": lambda c: documents.journey_of(c, 1),
    "the latest verdict": lambda c: judgements.latest(c, 1),
    "deliveries of a document": lambda c: deliveries.of(c, 1),
    "deliveries to a connection": lambda c: deliveries.latest_to(c, "agresso"),
    "events of a connection": lambda c: connections.events(c, "inkorg"),
    "hours of a connection": lambda c: connections.hours(c, "inkorg", LATE),
    "runs": lambda c: runs.page(c),
    "runs of a route": lambda c: runs.page(c, route="invoices", before=9),
    "runs of a connection": lambda c: runs.page(c, source="inkorg"),
    "deeds": lambda c: audit.about(c, "document 1"),
}
LOOKUPS: dict[str, Read] = {
    "a document": lambda c: documents.get(c, 1),
    "a message": lambda c: documents.find(c, "inkorg", "m-1"),
    "what a document is set aside for": lambda c: set_asides.of(c, 1),
    "a delivery": lambda c: deliveries.get(c, 1),
    "a unit by address": lambda c: units.by_address(c, address(f"0088:{gln(1)}")),
    "a unit by GLN": lambda c: units.by_gln(c, gln(1)),
    "a unit by organisation number": lambda c: units.by_organisation(c, OrganisationNumber.parse("212000-0142")),
    "how a connection fared": lambda c: connections.lived(c, "inkorg"),
    "whether it was written of that": lambda c: connections.event_once(
        c, "inkorg", connections.Happening.LEFT, about="fil.xml", details={}
    ),
    "a run's like": lambda c: runs.comparable(c, "register", "katalog", [LATE, EARLY], timedelta(hours=1)),
    "an account": lambda c: users.get(c, "anna"),
    "a claim given up": lambda c: claims.give_up(c, 1),
}
_SCANS = re.compile(r"Seq Scan on (\w+)|SCAN (\w+)\b(?! USING (?:COVERING )?INDEX)")
# A whole table is walked from its newest row back, and left at the page's end: that needs no index but the key.
_WALKED = {"sqlite": {"documents": "documents", "invoices": "documents", "runs": "runs"}, "postgresql": {}}


def plans(database: Database, read: Read) -> list[str]:
    """How the database means to carry out each statement of the read."""
    told: list[tuple[str, Any]] = []

    def listen(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        told.append((statement, parameters))

    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(connection, "before_cursor_execute", listen)
        read(connection)
        event.remove(connection, "before_cursor_execute", listen)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        return [
            "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))
            for statement, parameters in told
        ]


def scanned(database: Database, read: Read) -> set[str]:
    """The tables that are read row by row from one end to the other."""
    return {one or other for plan in plans(database, read) for one, other in _SCANS.findall(plan)}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_never_touches_bytes(sqlite_database: Database, name: str) -> None:
    assert not [plan for plan in plans(sqlite_database, LISTS[name]) if "blob" in plan]


@pytest.mark.parametrize("name", sorted(LISTS | LOOKUPS))
def test_what_is_read_is_read_by_an_index(database: Database, name: str) -> None:
    read = (LISTS | LOOKUPS)[name]
    walked = _WALKED["sqlite" if database.is_sqlite else "postgresql"].get(name)
    assert scanned(database, read) <= ({walked} if walked else set())


def test_a_read_without_an_index_would_be_noticed(database: Database) -> None:
    by_name = select(table).where(table.c.name == "faktura.xml")
    assert scanned(database, lambda connection: connection.execute(by_name).all()) == {"documents"}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(sqlite_database: Database, name: str) -> None:
    few = len(plans(sqlite_database, LISTS[name]))
    with sqlite_database.write() as connection:
        for number in range(60):
            document = arrive(connection, f"m-{number}")
            connections.event(connection, "inkorg", connections.Happening.LEFT)
            runs.begin(connection, "invoices", "inkorg", "schedule")
            audit.write(connection, "anna", "replay", f"document {document}")
    # A filter may first ask how rare what it asks for is; nothing is asked for each row.
    assert len(plans(sqlite_database, LISTS[name])) <= few + 1


def test_the_packs_are_few_and_read_whole(database: Database) -> None:
    with database.read() as connection:
        assert rule_packs.every(connection) == {}
