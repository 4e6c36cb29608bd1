"""Claims: which document holds a business key or some bytes, so that no invoice is sent on twice.

The first document that is to be delivered takes the claim; the database lets only one have it, however many
arrive at once. A claim is given up when its document is set aside or dismissed.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select

from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.tables import claims

BYTES = "bytes"
BUSINESS = "business"
_TRIES = 5
_HOLDER = select(claims.c.document_id).where(claims.c.kind == bindparam("kind"), claims.c.key == bindparam("key"))


def take(connection: Connection, kind: str, key: str, document_id: int) -> int:
    """Take the claim for the document; the id of the document that holds it now, which may be another."""
    row = {"kind": kind, "key": key[:400], "document_id": document_id, "at": now(connection)}
    for _ in range(_TRIES):
        insert_once(connection, claims, row)
        held_by = holder(connection, kind, key)
        if held_by is not None:
            return held_by
    raise LookupError(f"the {kind} claim of document {document_id} was given up as often as it was asked for")


def holder(connection: Connection, kind: str, key: str) -> int | None:
    """The document that holds the claim now, if any does."""
    found: int | None = connection.execute(_HOLDER, {"kind": kind, "key": key[:400]}).scalar_one_or_none()
    return found


def give_up(connection: Connection, document_id: int) -> None:
    """Let go of every claim the document holds."""
    connection.execute(delete(claims).where(claims.c.document_id == document_id))
