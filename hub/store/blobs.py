"""Bytes, kept compressed in pieces under their SHA-256, apart from everything that is listed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

from sqlalchemy import Connection, select

from hub.domain.documents import RetentionClass
from hub.store.database import Database, now
from hub.store.dialects import insert_once
from hub.store.tables import blob_chunks, blobs

PIECE = 1024 * 1024


class BytesMissing(LookupError):
    """No bytes are kept under that digest."""


def packed(stream: BinaryIO) -> Iterator[bytes]:
    """The stream's bytes as they are kept: piece by piece, compressed."""
    return map(pack, iter(lambda: stream.read(PIECE), b""))


def pack(piece: bytes) -> bytes:
    """One piece, of at most PIECE bytes, as it is kept."""
    return zlib.compress(piece, 6)


def keep(
    connection: Connection, digest: str, size: int, packed_pieces: Iterable[bytes], retention: RetentionClass
) -> bool:
    """Keep bytes under their digest; False when they are kept already.

    The pieces come from `packed` or `pack`, made before the transaction where they are many: compressing takes time
    in which nobody else could write. The caller has computed digest and size from the bytes themselves.
    """
    row = {"digest": digest, "size": size, "retention": retention.value, "kept_at": now(connection)}
    if not insert_once(connection, blobs, row):
        return False
    for number, data in enumerate(packed_pieces):
        connection.execute(blob_chunks.insert().values(digest=digest, number=number, data=data))
    return True


def pieces(database: Database, digest: str) -> Iterator[bytes]:
    """The bytes under the digest, a piece at a time. Raises BytesMissing."""
    number = 0
    while (piece := _piece(database, digest, number)) is not None:
        yield piece
        number += 1
    if number == 0:
        _demand(database, digest)


def content(database: Database, digest: str) -> bytes:
    """All the bytes under the digest at once; for documents whose size the caller has looked at."""
    return b"".join(pieces(database, digest))


def stream(database: Database, digest: str) -> BinaryIO:
    """The bytes under the digest as a stream, a piece at a time in memory. Raises BytesMissing while it is read."""
    return cast("BinaryIO", io.BufferedReader(_Kept(pieces(database, digest)), PIECE))


class _Kept(io.RawIOBase):
    """Pieces, read as a file is."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        number = min(len(buffer), len(self._left))
        buffer[:number] = self._left[:number]
        self._left = self._left[number:]
        return number


def _piece(database: Database, digest: str, number: int) -> bytes | None:
    wanted = select(blob_chunks.c.data).where(blob_chunks.c.digest == digest, blob_chunks.c.number == number)
    with database.read() as connection:
        packed = connection.execute(wanted).scalar_one_or_none()
    return None if packed is None else zlib.decompress(packed)


def _demand(database: Database, digest: str) -> None:
    with database.read() as connection:
        size = connection.execute(select(blobs.c.size).where(blobs.c.digest == digest)).scalar_one_or_none()
    if size != 0:
        raise BytesMissing(f"no bytes are kept under {digest}")
