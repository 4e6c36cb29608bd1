"""Land first, understand second: bytes are kept under their digest before anything looks into them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

from sqlalchemy import Connection

from hub.domain.documents import Arrival, RetentionClass
from hub.store import blobs, connections, documents
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.documents import Document
from hub.store.texts import storable

_IN_MEMORY = 4 * blobs.PIECE
_LONGEST_ID = 280


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
    the bytes; there it is counted, too. Raises TooLarge above `largest` bytes.
    """
    with _spooled(pieces, largest) as came, database.write() as connection:
        blobs.keep(connection, came.digest, came.size, came.pieces(), RetentionClass.ACCOUNTING)
        landed = _written(connection, message, came.digest, came.size)
        if landed.is_new:
            then(connection, landed.document_id)
            connections.count(connection, message.connection, Happening.ARRIVED, 1)
        return landed


def part(connection: Connection, whole: Document, name: str, content: bytes) -> int:
    """Keep one part of a document that holds many as a document of its own, under the whole's id and its name.

    Doing it again finds the same one.
    """
    digest = hashlib.sha256(content).hexdigest()
    pieces = (content[start : start + blobs.PIECE] for start in range(0, len(content), blobs.PIECE))
    blobs.keep(connection, digest, len(content), map(blobs.pack, pieces), RetentionClass.ACCOUNTING)
    details = {"extract": str(whole.id), "record": name}
    message = Message(whole.connection, f"{whole.external_id}#{name}", name, whole.noun, details)
    return _written(connection, message, digest, len(content)).document_id


def within(
    connection: Connection, message: Message, content: bytes, *, largest: int, retention: RetentionClass
) -> Landed:
    """Keep bytes that are at hand in the caller's own transaction, together with what was made of them.

    Raises TooLarge above `largest` bytes.
    """
    with _spooled((content,), largest) as came:
        blobs.keep(connection, came.digest, came.size, came.pieces(), retention)
        return _written(connection, message, came.digest, came.size)


def is_known(connection: Connection, message: Message, digest: str) -> bool:
    """Whether that message is landed already with the bytes of that digest."""
    external_id = _fitted(message.external_id)
    ids = external_id, _own_id(external_id, digest)
    known = (documents.find(connection, message.connection, each) for each in ids)
    return any(each is not None and each.digest == digest for each in known)


def fitted(message: Message) -> Message:
    """The message as it is written down when it is landed."""
    return replace(
        message,
        external_id=_fitted(message.external_id),
        name=storable(message.name),
        details={name: storable(value) for name, value in message.details.items()},
    )


def _written(connection: Connection, said: Message, digest: str, size: int) -> Landed:
    message = fitted(said)
    arrival = Arrival(
        connection=message.connection,
        external_id=message.external_id,
        name=message.name,
        digest=digest,
        size=size,
        arrived_at=now(connection),
        noun=message.noun,
        details=dict(message.details),
    )
    landed = _arrived(connection, arrival)
    if landed is not None:
        return landed
    other = _arrived(connection, replace(arrival, external_id=_own_id(message.external_id, digest)))
    if other is None:
        raise LookupError(f"message {message.external_id}: its id for these bytes is held by other bytes")
    return replace(other, conflicts=True)


def _own_id(external_id: str, digest: str) -> str:
    """The id, fitted, for bytes that came under it after other bytes did."""
    return f"{external_id}#{digest[:16]}"


def _arrived(connection: Connection, arrival: Arrival) -> Landed | None:
    """The document, new or known, unless its id belongs to other bytes. The insert decides, not a look before it."""
    document_id, is_new = documents.arrive(connection, arrival)
    if is_new:
        return Landed(document_id, arrival.digest, is_new=True)
    known = documents.get(connection, document_id)
    if known is None or known.digest != arrival.digest:
        return None
    documents.seen_again(connection, document_id, arrival.digest)
    return Landed(document_id, arrival.digest, is_new=False)


def _fitted(external_id: str) -> str:
    """The id as the table can hold it, with room for what tells other bytes apart; a longer one ends in its digest."""
    plain = storable(external_id)
    if len(plain) <= _LONGEST_ID:
        return plain
    return f"{plain[: _LONGEST_ID - 33]}~{hashlib.sha256(plain.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class _Spooled:
    """Bytes on their way in: counted, digested and compressed, before any transaction begins."""

    digest: str
    size: int
    spool: BinaryIO
    lengths: list[int]

    def pieces(self) -> Iterator[bytes]:
        """The compressed pieces, from the first."""
        self.spool.seek(0)
        return (self.spool.read(length) for length in self.lengths)


@contextmanager
def _spooled(pieces: Iterable[bytes], largest: int) -> Iterator[_Spooled]:
    digest, size, lengths = hashlib.sha256(), 0, []
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        for piece in _of_one_size(_weighed(pieces, largest)):
            size += len(piece)
            digest.update(piece)
            lengths.append(spool.write(blobs.pack(piece)))
        yield _Spooled(digest.hexdigest(), size, cast("BinaryIO", spool), lengths)


def _weighed(pieces: Iterable[bytes], largest: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > largest:
            raise TooLarge(f"more than {largest} bytes")
        yield piece


def _of_one_size(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of the size they are kept in, the last one shorter."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= blobs.PIECE:
            yield bytes(gathered[: blobs.PIECE])
            del gathered[: blobs.PIECE]
    if gathered:
        yield bytes(gathered)
