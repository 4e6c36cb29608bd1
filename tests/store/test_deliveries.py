"""Deliveries: the intent, the try, the receipt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.domain.changes import Change, ChangeKind, Plan, Receipt
from hub.store import deliveries
from hub.store.database import Database
from hub.store.deliveries import Delivery
from tests.store.rows import arrive

CHANGE = Change(ChangeKind.CREATE, "1-abc", "inkorg/1.xml", {"name": "1.xml"}, {"name": "0.xml"})
RECEIPT = Receipt(datetime(2026, 11, 22, 9, 31, 2, 5, tzinfo=UTC), "inkorg/1.xml", {"manifest": "1.json"})


def a_plan(*changes: Change, target: str = "agresso") -> Plan:
    """A plan of the route `invoices`."""
    return Plan("invoices", target, changes)


@pytest.fixture
def intended(database: Database) -> tuple[int, int]:
    """The ids of a document and of its delivery, intended and not yet tried."""
    with database.write() as connection:
        document = arrive(connection, "m-1")
        return document, deliveries.intend(connection, document, a_plan(CHANGE), CHANGE)


def the(database: Database, delivery: int) -> Delivery:
    """The delivery as it stands."""
    with database.read() as connection:
        found = deliveries.get(connection, delivery)
    assert found is not None
    return found


def test_an_intent_holds_the_whole_change_and_no_receipt(database: Database, intended: tuple[int, int]) -> None:
    document, delivery = intended
    kept = the(database, delivery)
    assert (kept.document_id, kept.route, kept.connection) == (document, "invoices", "agresso")
    assert (kept.change, kept.plan_digest) == (CHANGE, a_plan(CHANGE).digest)
    assert (kept.attempted_at, kept.delivered_at, kept.withdrawn_at, kept.receipt) == (None, None, None, None)


def test_the_same_key_is_the_same_delivery(database: Database, intended: tuple[int, int]) -> None:
    document, delivery = intended
    with database.write() as connection:
        assert deliveries.intend(connection, document, a_plan(CHANGE, target="other"), CHANGE) == delivery
        other = Change(ChangeKind.CREATE, "1-other", "x")
        assert deliveries.intend(connection, document, a_plan(other), other) != delivery
        assert deliveries.of(connection, document)[0].id == delivery
    assert the(database, delivery).connection == "other"


def test_a_receipt_comes_back_as_it_was_given(database: Database, intended: tuple[int, int]) -> None:
    with database.write() as connection:
        deliveries.attempt(connection, intended[1])
        deliveries.receive(connection, intended[1], RECEIPT)
    kept = the(database, intended[1])
    assert kept.receipt == RECEIPT
    assert kept.delivered_at is not None


def test_only_what_was_tried_and_neither_answered_nor_withdrawn_is_unanswered(
    database: Database, intended: tuple[int, int]
) -> None:
    document, delivery = intended

    def unanswered() -> bool:
        with database.read() as connection:
            return deliveries.unanswered(connection, document) is not None

    assert not unanswered()
    with database.write() as connection:
        deliveries.attempt(connection, delivery)
    assert unanswered()
    with database.write() as connection:
        deliveries.withdraw(connection, delivery)
    assert not unanswered()
    assert not the(database, delivery).is_in_doubt
    with database.write() as connection:
        deliveries.intend(connection, document, a_plan(CHANGE), CHANGE)
    assert not unanswered()
    with database.write() as connection:
        deliveries.attempt(connection, delivery)
        deliveries.receive(connection, delivery, RECEIPT)
    assert not unanswered()


def test_a_delivery_in_doubt_is_unanswered_until_it_is_intended_anew(
    database: Database, intended: tuple[int, int]
) -> None:
    document, delivery = intended
    with database.write() as connection:
        deliveries.attempt(connection, delivery)
        deliveries.doubt(connection, delivery)
        doubted = deliveries.unanswered(connection, document)
        assert doubted is not None
        assert doubted.is_in_doubt
        deliveries.intend(connection, document, a_plan(CHANGE), CHANGE)
        assert deliveries.unanswered(connection, document) is None
    kept = the(database, delivery)
    assert (kept.attempted_at, kept.withdrawn_at) == (None, None)


def test_what_a_try_left_is_known_when_the_delivery_is_intended_again(
    database: Database, intended: tuple[int, int]
) -> None:
    document, delivery = intended
    with database.write() as connection:
        deliveries.attempt(connection, delivery)
        deliveries.intend(connection, document, a_plan(CHANGE), CHANGE)
        assert deliveries.unanswered(connection, document) is not None


def test_the_last_deliveries_to_a_connection_are_told_latest_first(database: Database) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        made = []
        for number in range(4):
            change = Change(ChangeKind.CREATE, f"k{number}", "x")
            target = "agresso" if number else "other"
            made.append(deliveries.intend(connection, document, a_plan(change, target=target), change))
        told = deliveries.latest_to(connection, "agresso", limit=2)
    assert [each.id for each in told] == [made[3], made[2]]
