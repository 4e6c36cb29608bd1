"""Land first, understand second: bytes are kept under their digest before anything looks into them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from sqlalchemy import Connection

from hub.domain.documents import Arrival, RetentionClass
from hub.store import blobs, documents
from hub.store.database import Database, now

_IN_MEMORY = 4 * blobs.PIECE


class TooLarge(Exception):
    """The document is larger than what the hub is set to keep; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a source says of the bytes it hands over. `external_id` is its own name for the message."""

    connection: str
    external_id: str
    name: str
    noun: str = "invoices"
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Landed:
    """Bytes that are safe. `is_new` is false when the same message came before.

    `conflicts` says that the message's id was known with other bytes: these were landed as a document of their own.
    """

    document_id: int
    digest: str
    is_new: bool
    conflicts: bool = False


def receive(
    database: Database,
    message: Message,
    pieces: Iterable[bytes],
    *,
    largest: int,
    then: Callable[[Connection, int], None],
) -> Landed:
    """Keep the bytes and write the document down; when this returns, both are committed.

    `then` is called with the id of a new document inside the same transaction, so that what follows is as safe as
    the bytes. Raises TooLarge above `largest` bytes.
    """
    with _spooled(pieces, largest) as (stream, digest, size), database.write() as connection:
        blobs.keep(connection, digest, size, stream, RetentionClass.ACCOUNTING)
        landed = _written(connection, message, digest, size)
        if landed.is_new:
            then(connection, landed.document_id)
        return landed


def _written(connection: Connection, message: Message, digest: str, size: int) -> Landed:
    known = documents.find(connection, message.connection, message.external_id)
    if known is not None and known.digest == digest:
        documents.seen_again(connection, known.id, digest)
        return Landed(known.id, digest, is_new=False)
    external_id = message.external_id if known is None else f"{message.external_id}#{digest[:16]}"
    arrival = Arrival(
        connection=message.connection,
        external_id=external_id,
        name=message.name,
        digest=digest,
        size=size,
        arrived_at=now(connection),
        noun=message.noun,
        details=dict(message.details),
    )
    document_id, is_new = documents.arrive(connection, arrival)
    if not is_new:
        documents.seen_again(connection, document_id, digest)
    return Landed(document_id, digest, is_new, conflicts=known is not None)


@contextmanager
def _spooled(pieces: Iterable[bytes], largest: int) -> Iterator[tuple[BinaryIO, str, int]]:
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        for piece in pieces:
            size += len(piece)
            if size > largest:
                raise TooLarge(f"more than {largest} bytes")
            digest.update(piece)
            spool.write(piece)
        spool.seek(0)
        yield cast("BinaryIO", spool), digest.hexdigest(), size
