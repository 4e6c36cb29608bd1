"""Applying: the target is asked first, and touched once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from io import BytesIO

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.documents import RetentionClass
from hub.domain.invoices import Invoice
from hub.flow.apply import KeptBytes, apply
from hub.plugin.ports import Bytes, Dispatch
from hub.store import blobs
from hub.store.database import Database

CHANGE = Change(ChangeKind.CREATE, "1-abc", "inkorg/1.xml")
RECEIPT = Receipt(datetime(2026, 11, 22, tzinfo=UTC), "inkorg/1.xml")


class Drop:
    """A target that holds what it was given and writes down what it was asked."""

    def __init__(self, *held: str) -> None:
        self.held = dict.fromkeys(held, b"")
        self.asked: list[str] = []

    def fit(self, record: Invoice, dispatch: Dispatch) -> Change:
        raise NotImplementedError

    def existing(self, change: Change) -> Receipt | None:
        self.asked.append("existing")
        return RECEIPT if change.key in self.held else None

    def apply(self, change: Change, content: Bytes) -> Receipt:
        self.asked.append("apply")
        self.held[change.key] = b"".join(content.chunks())
        return RECEIPT

    def close(self) -> None:
        raise NotImplementedError


def kept(database: Database, content: bytes) -> KeptBytes:
    digest = hashlib.sha256(content).hexdigest()
    with database.write() as connection:
        blobs.keep(connection, digest, len(content), blobs.packed(BytesIO(content)), RetentionClass.ACCOUNTING)
    return KeptBytes(database, digest, len(content))


def test_a_target_is_asked_what_it_holds_before_it_is_touched(sqlite_database: Database) -> None:
    drop = Drop()
    assert apply(drop, CHANGE, kept(sqlite_database, b"<a/>"), lambda: drop.asked.append("intent")) == RECEIPT
    assert drop.asked == ["existing", "intent", "apply"]
    assert drop.held == {"1-abc": b"<a/>"}


def test_a_target_is_asked_once_more_of_what_an_earlier_try_began(sqlite_database: Database) -> None:
    drop = Drop()
    intend = lambda: drop.asked.append("intent")  # noqa: E731
    assert apply(drop, CHANGE, kept(sqlite_database, b"<a/>"), intend, begun=True) == RECEIPT
    assert drop.asked == ["existing", "existing", "intent", "apply"]


def test_a_change_whose_receipt_was_lost_is_not_made_again(sqlite_database: Database) -> None:
    drop = Drop("1-abc")
    assert apply(drop, CHANGE, kept(sqlite_database, b"<a/>"), lambda: drop.asked.append("intent")) == RECEIPT
    assert drop.asked == ["existing"]


def test_kept_bytes_can_be_read_as_often_as_needed(sqlite_database: Database) -> None:
    content = kept(sqlite_database, b"x" * (blobs.PIECE + 1))
    for _ in range(2):
        pieces = list(content.chunks())
        assert [len(each) for each in pieces] == [blobs.PIECE, 1]
