"""Extracts: documents that hold many records, and the parts of them that are kept as documents of their own.

A part says in its details which document it is of; what does not is whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from hub.domain.documents import DocumentState
from hub.store.tables import documents, set_asides

_OF = documents.c.details["extract"].as_string()


@dataclass(frozen=True, slots=True)
class Standing:
    """An extract or a part of one (`of` that extract), where it stands, and when it was set aside if it is."""

    id: int
    state: DocumentState
    of: int | None
    aside_at: datetime | None

    @property
    def extract(self) -> int:
        """The whole that it is, or is of."""
        return self.id if self.of is None else self.of


def later(connection: Connection, noun: str, source: str, document_id: int) -> int | None:
    """A whole extract that came from the source after that document, and that nobody gave up; the newest."""
    gone = (DocumentState.SET_ASIDE, DocumentState.DISMISSED)
    return _newest(connection, noun, source, documents.c.id > document_id, documents.c.state.not_in(gone))


def newest(connection: Connection, noun: str, source: str) -> int | None:
    """The newest whole extract that came from the source, wherever it stands."""
    return _newest(connection, noun, source)


def standing(connection: Connection, noun: str, source: str, states: Collection[DocumentState]) -> list[Standing]:
    """That source's documents of that noun, whole and parts, in those states, oldest first."""
    wanted = (
        select(documents.c.id, documents.c.state, _OF.label("of"), set_asides.c.at)
        .outerjoin(set_asides, set_asides.c.document_id == documents.c.id)
        .where(documents.c.noun == noun, documents.c.connection == source, documents.c.state.in_(states))
    )
    return [
        Standing(row.id, DocumentState(row.state), int(row.of) if row.of else None, row.at)
        for row in connection.execute(wanted.order_by(documents.c.id))
    ]


def _newest(connection: Connection, noun: str, source: str, *conditions: Any) -> int | None:
    whole = documents.c.connection == source, documents.c.noun == noun, _OF.is_(None)
    wanted = select(documents.c.id).where(*whole, *conditions).order_by(documents.c.id.desc()).limit(1)
    found: int | None = connection.execute(wanted).scalar_one_or_none()
    return found
