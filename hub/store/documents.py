"""Documents and their journeys: what arrived, where each one stands, what has happened to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select, update

from hub.domain.documents import Arrival, DocumentState, Step
from hub.store import tallies
from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.tables import documents, journey

_NOTED_TIMES = 20


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is listed: everything but its bytes."""

    id: int
    noun: str
    connection: str
    external_id: str
    name: str
    digest: str
    size: int
    arrived_at: datetime
    details: Mapping[str, str]
    state: DocumentState
    state_at: datetime
    times_seen: int
    format: str | None
    verdict: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class JourneyStep:
    """One thing that happened to a document."""

    at: datetime
    step: Step
    connection: str | None
    by: str | None
    details: Mapping[str, Any]


def arrive(connection: Connection, arrival: Arrival) -> tuple[int, bool]:
    """Write the document down; its id, and whether it is new.

    The same external id from the same connection is the same message: it is counted, not landed again.
    """
    at = now(connection)
    row = {
        "noun": arrival.noun,
        "connection": arrival.connection,
        "external_id": arrival.external_id,
        "name": arrival.name[:300],
        "digest": arrival.digest,
        "size": arrival.size,
        "arrived_at": arrival.arrived_at,
        "details": arrival.details,
        "state": DocumentState.ARRIVED.value,
        "state_at": at,
        "times_seen": 1,
    }
    is_new = insert_once(connection, documents, row)
    known = find(connection, arrival.connection, arrival.external_id)
    if known is None:
        raise LookupError("a document that was just written cannot be found")
    if is_new:
        note(connection, known.id, Step.ARRIVED, connection_name=arrival.connection)
    return known.id, is_new


def seen_again(connection: Connection, document_id: int, digest: str) -> None:
    """Count that the message came once more; the first few times are noted in its journey too."""
    counted = update(documents).where(documents.c.id == document_id).values(times_seen=documents.c.times_seen + 1)
    times: int = connection.execute(counted.returning(documents.c.times_seen)).scalar_one()
    if times <= _NOTED_TIMES:
        note(connection, document_id, Step.SEEN_AGAIN, details={"digest": digest})


def find(connection: Connection, connection_name: str, external_id: str) -> Document | None:
    """The document that arrived by that connection under that id."""
    row = connection.execute(_FIND, {"connection": connection_name, "external_id": external_id}).one_or_none()
    return None if row is None else _document(row)


def get(connection: Connection, document_id: int) -> Document | None:
    """The document with that id."""
    row = connection.execute(_GET, {"this": document_id}).one_or_none()
    return None if row is None else _document(row)


def lock(connection: Connection, document_id: int) -> Document:
    """The document, held against other writers until the transaction ends. Raises LookupError."""
    row = connection.execute(_LOCK, {"this": document_id}).one_or_none()
    if row is None:
        raise LookupError(f"there is no document {document_id}")
    return _document(row)


def move(connection: Connection, document_id: int, state: DocumentState, **columns: str | None) -> None:
    """Let the document stand in that state from now on; `format`, `verdict` and `unit` may be set with it."""
    connection.execute(_MOVE, {"this": document_id, "state": state.value, "state_at": now(connection), **columns})


def note(
    connection: Connection,
    document_id: int,
    step: Step,
    *,
    connection_name: str | None = None,
    by: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a step to the document's journey."""
    row = {
        "document_id": document_id,
        "at": now(connection),
        "step": step.value,
        "connection": connection_name,
        "by": by,
        "details": dict(details or {}),
    }
    connection.execute(_NOTE, row)


def journey_of(connection: Connection, document_id: int, limit: int = 500) -> list[JourneyStep]:
    """What happened to the document, oldest first."""
    wanted = select(journey).where(journey.c.document_id == document_id).order_by(journey.c.id).limit(limit)
    return [
        JourneyStep(row.at, Step(row.step), row.connection, row.by, row.details) for row in connection.execute(wanted)
    ]


def page(
    connection: Connection,
    *,
    noun: str,
    state: DocumentState | None = None,
    connection_name: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Document]:
    """Documents, newest first, from below the id `before`."""
    wanted: Select[Any] = select(documents).where(documents.c.noun == noun)
    if state is not None:
        wanted = wanted.where(documents.c.state == state.value)
    if connection_name is not None:
        wanted = wanted.where(documents.c.connection == connection_name)
    if before is not None:
        wanted = wanted.where(documents.c.id < before)
    return [_document(row) for row in connection.execute(wanted.order_by(documents.c.id.desc()).limit(limit))]


def ids(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[int]:
    """The ids of the documents that meet the conditions, oldest first."""
    return iter(connection.execute(select(documents.c.id).where(*conditions).order_by(documents.c.id)).scalars())


def counts(connection: Connection, noun: str) -> dict[DocumentState, int]:
    """How many documents stand in each state."""
    found = tallies.numbers(connection, noun)
    return {state: found.get(state.value, 0) for state in DocumentState}


# Asked several times for every document: built once.
_GET = select(documents).where(documents.c.id == bindparam("this"))
_LOCK = _GET.with_for_update()
_FIND = select(documents).where(
    documents.c.connection == bindparam("connection"), documents.c.external_id == bindparam("external_id")
)
_MOVE = update(documents).where(documents.c.id == bindparam("this"))
_NOTE = journey.insert()


def _document(row: Row[Any]) -> Document:
    values = row._asdict()
    values["state"] = DocumentState(values["state"])
    return Document(**{name: values[name] for name in Document.__slots__})
