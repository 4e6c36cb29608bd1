"""Landing: when it returns, bytes, document and what follows are safe together; when it fails, nothing is kept."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from hub.domain.documents import DocumentState, Step
from hub.flow.land import Landed, Message, TooLarge, receive
from hub.store import blobs, documents, work
from hub.store.database import Database
from hub.store.tables import blobs as kept
from hub.store.tables import documents as landed_documents

MESSAGE = Message("inkorg", "m-1", "faktura.xml", details={"file": "faktura.xml"})


def nothing_follows(_connection: Connection, _document_id: int) -> None:
    """For laws that are not about what follows."""


def land(
    database: Database,
    *pieces: bytes,
    message: Message = MESSAGE,
    largest: int = 10**9,
    then: Callable[[Connection, int], None] = nothing_follows,
) -> Landed:
    return receive(database, message, pieces, largest=largest, then=then)


def rows(database: Database) -> tuple[int, int]:
    """How many documents and how many digests are kept."""
    with database.read() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(each)).scalar_one() for each in (landed_documents, kept)
        ]
    return counts[0], counts[1]


def the(database: Database, document_id: int) -> documents.Document:
    with database.read() as connection:
        found = documents.get(connection, document_id)
    assert found is not None
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=50), max_size=6))
def test_what_is_landed_are_the_bytes_in_whatever_pieces_they_came(database: Database, pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    digest = hashlib.sha256(content).hexdigest()
    landed = land(database, *pieces, message=Message("inkorg", digest, "f.xml"))
    assert landed.digest == digest
    assert blobs.content(database, digest) == content
    assert the(database, landed.document_id).size == len(content)


def test_bytes_too_many_for_memory_are_landed_from_a_file(sqlite_database: Database) -> None:
    piece = bytes(range(256)) * 4096
    landed = land(sqlite_database, *[piece] * 6)
    assert blobs.content(sqlite_database, landed.digest) == piece * 6


def test_a_landed_document_has_arrived_and_says_from_where(database: Database) -> None:
    landed = land(database, b"<a/>")
    found = the(database, landed.document_id)
    assert (landed.is_new, landed.conflicts) == (True, False)
    assert (found.state, found.connection, found.external_id) == (DocumentState.ARRIVED, "inkorg", "m-1")
    assert (found.name, found.noun, found.details) == ("faktura.xml", "invoices", {"file": "faktura.xml"})


def test_the_same_message_is_landed_once_and_followed_once(database: Database) -> None:
    followed: list[int] = []
    tried = [land(database, b"<a/>", then=lambda _connection, each: followed.append(each)) for _ in range(3)]
    assert [each.is_new for each in tried] == [True, False, False]
    assert followed == [tried[0].document_id]
    assert rows(database) == (1, 1)
    assert the(database, tried[0].document_id).times_seen == 3
    with database.read() as connection:
        steps = [each.step for each in documents.journey_of(connection, tried[0].document_id)]
    assert steps == [Step.ARRIVED, Step.SEEN_AGAIN, Step.SEEN_AGAIN]


def test_the_same_message_with_other_bytes_is_landed_as_its_own_and_says_so(database: Database) -> None:
    followed: list[int] = []
    first = land(database, b"<a/>")
    other = land(database, b"<b/>", then=lambda _connection, each: followed.append(each))
    again = land(database, b"<b/>")
    assert (first.conflicts, other.conflicts, again.conflicts) == (False, True, True)
    assert (other.is_new, again.is_new) == (True, False)
    assert other.document_id == again.document_id != first.document_id
    assert followed == [other.document_id]
    assert blobs.content(database, other.digest) == b"<b/>"


def test_the_same_bytes_in_two_messages_are_two_documents_and_are_kept_once(database: Database) -> None:
    land(database, b"<a/>")
    land(database, b"<a/>", message=Message("inkorg", "m-2", "annan.xml"))
    assert rows(database) == (2, 1)


def test_what_is_as_large_as_may_be_is_landed_and_one_byte_more_is_not(database: Database) -> None:
    with pytest.raises(TooLarge):
        land(database, b"1234", b"5678", b"9", largest=8)
    assert rows(database) == (0, 0)
    assert land(database, b"1234", b"5678", largest=8).is_new


def test_a_stream_without_end_is_left_when_it_is_too_large(sqlite_database: Database) -> None:
    given_out: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            given_out.append(1)
            yield b"x" * 1000

    with pytest.raises(TooLarge):
        receive(sqlite_database, MESSAGE, endless(), largest=5000, then=nothing_follows)
    assert len(given_out) == 6


def test_what_follows_is_in_the_same_transaction(database: Database) -> None:
    def follow(connection: Connection, document_id: int) -> None:
        work.enqueue(connection, kind="handle", lane="judging", argument={"document": document_id})

    land(database, b"<a/>", then=follow)
    with database.read() as connection:
        assert [sum(lane.values()) for lane in work.counts(connection).values()] == [1]


def test_a_crash_in_what_follows_leaves_neither_document_nor_bytes_nor_work(database: Database) -> None:
    def crash(connection: Connection, document_id: int) -> None:
        work.enqueue(connection, kind="handle", lane="judging", argument={"document": document_id})
        raise RuntimeError("the machine stops here")

    with pytest.raises(RuntimeError):
        land(database, b"<a/>", then=crash)
    assert rows(database) == (0, 0)
    with database.read() as connection:
        assert work.counts(connection) == {}
    assert land(database, b"<a/>").is_new


def test_a_transfer_that_breaks_leaves_nothing(database: Database) -> None:
    def cut() -> Iterator[bytes]:
        yield b"<a"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        receive(database, MESSAGE, cut(), largest=100, then=nothing_follows)
    assert rows(database) == (0, 0)


@pytest.mark.parametrize("second", [b"<a/>", b"<b/>"])
def test_of_one_message_arriving_twice_at_once_nothing_is_lost(database: Database, second: bytes) -> None:
    """The second is under way before the first has committed: it waits, and then finds the id taken."""
    others: list[Landed] = []
    other = threading.Thread(target=lambda: others.append(land(database, second)))

    def meanwhile(_connection: Connection, _document_id: int) -> None:
        other.start()
        other.join(0.3)

    first = land(database, b"<a/>", then=meanwhile)
    other.join()
    (landed,) = others
    assert blobs.content(database, the(database, landed.document_id).digest) == second
    same = second == b"<a/>"
    assert (landed.document_id == first.document_id, landed.is_new, landed.conflicts) == (same, not same, not same)


@pytest.mark.parametrize("length", [250, 299, 300, 301, 5000])
def test_an_id_of_any_length_is_an_id(database: Database, length: int) -> None:
    one, other = (Message("inkorg", "x" * length + end, "f.xml") for end in "ab")
    first, second = land(database, b"1", message=one), land(database, b"2", message=other)
    assert (first.conflicts, second.conflicts) == (False, False)
    assert first.document_id != second.document_id
    assert land(database, b"1", message=one).document_id == first.document_id
    assert land(database, b"3", message=one).conflicts


def test_a_file_whose_name_is_no_text_is_landed(database: Database) -> None:
    name = b"faktura-\xe5\xe4\xf6.xml".decode("utf-8", "surrogateescape")
    message = Message("inkorg", name, name + "\0", details={"file": name})
    landed = land(database, b"<a/>", message=message)
    assert the(database, landed.document_id).name.startswith("faktura-")
    assert not land(database, b"<a/>", message=message).is_new
