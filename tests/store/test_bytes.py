"""Bytes: they come back as they came, are kept once, and are apart from everything that is listed."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hub.domain.documents import RetentionClass
from hub.store import blobs
from hub.store.blobs import PIECE
from hub.store.database import Database
from hub.store.tables import blob_chunks
from hub.store.tables import blobs as kept

_SIZES = st.one_of(
    st.integers(0, 64),
    st.integers(PIECE - 2, PIECE + 2),
    st.integers(2 * PIECE - 2, 2 * PIECE + 2),
)


def keep(database: Database, content: bytes) -> tuple[str, bool]:
    """The digest of the bytes, and whether they were new."""
    digest = hashlib.sha256(content).hexdigest()
    with database.write() as connection:
        stream = io.BytesIO(content)
        return digest, blobs.keep(connection, digest, len(content), blobs.packed(stream), RetentionClass.ACCOUNTING)


def fail_to_keep(database: Database, content: bytes, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Keep the bytes in a transaction that then fails."""
    digest = hashlib.sha256(content).hexdigest()
    with database.write() as connection:
        blobs.keep(connection, digest, len(content), blobs.packed(io.BytesIO(content)), RetentionClass.ACCOUNTING)
        meanwhile()
        raise RuntimeError("the machine stops here")


def rows(database: Database) -> tuple[int, int]:
    """How many digests and how many pieces are kept."""
    with database.read() as connection:
        digests = connection.execute(select(func.count()).select_from(kept)).scalar_one()
        return digests, connection.execute(select(func.count()).select_from(blob_chunks)).scalar_one()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=_SIZES, seed=st.binary(min_size=1, max_size=8))
def test_bytes_of_any_size_come_back_exactly(database: Database, size: int, seed: bytes) -> None:
    content = (seed * (size // len(seed) + 1))[:size]
    digest, _ = keep(database, content)
    assert blobs.content(database, digest) == content


def test_bytes_that_cannot_be_compressed_come_back_exactly(database: Database) -> None:
    content = os.urandom(PIECE + 17)
    digest, _ = keep(database, content)
    assert blobs.content(database, digest) == content


def test_bytes_come_back_in_pieces_of_bounded_size(database: Database) -> None:
    digest, _ = keep(database, b"x" * (2 * PIECE + 1))
    assert [len(piece) for piece in blobs.pieces(database, digest)] == [PIECE, PIECE, 1]


def test_no_bytes_at_all_are_bytes_too(database: Database) -> None:
    digest, is_new = keep(database, b"")
    assert is_new
    assert blobs.content(database, digest) == b""


def test_equal_bytes_are_kept_once(database: Database) -> None:
    content = b"faktura" * 1000
    first, was_new = keep(database, content)
    second, is_new = keep(database, content)
    assert (first, was_new, is_new) == (second, True, False)
    assert rows(database) == (1, 1)


@pytest.mark.parametrize("kept_already", [b"", b"something else"])
def test_bytes_that_were_never_kept_are_told_as_missing(database: Database, kept_already: bytes) -> None:
    keep(database, kept_already)
    with pytest.raises(blobs.BytesMissing):
        blobs.content(database, "0" * 64)


def test_a_transaction_that_fails_keeps_no_bytes(database: Database) -> None:
    with pytest.raises(RuntimeError):
        fail_to_keep(database, b"half a way")
    assert rows(database) == (0, 0)


def test_of_two_transactions_that_keep_the_same_bytes_at_once_one_keeps_them(database: Database) -> None:
    content = b"the same file twice" * 100
    at_once = threading.Barrier(2)
    new: list[bool] = []

    def one() -> None:
        at_once.wait()
        new.append(keep(database, content)[1])

    threads = [threading.Thread(target=one) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(new) == [False, True]
    assert rows(database) == (1, 1)


def test_bytes_whose_first_keeper_fails_are_kept_by_the_second(database: Database) -> None:
    """On PostgreSQL the second waits for the first to end; on SQLite for its turn to write."""
    content = b"kept after all"
    new: list[tuple[str, bool]] = []
    second = threading.Thread(target=lambda: new.append(keep(database, content)))
    with pytest.raises(RuntimeError):
        fail_to_keep(database, content, second.start)
    second.join()
    ((digest, is_new),) = new
    assert is_new
    assert blobs.content(database, digest) == content
