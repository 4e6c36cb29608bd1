"""Documents as they are landed and listed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from hub.domain.documents import Arrival, DocumentState, Step
from hub.store import documents
from hub.store.database import Database
from tests.store.rows import ARRIVED, arrive


def test_a_message_is_landed_once_and_counted_each_time(database: Database) -> None:
    with database.write() as connection:
        first = arrive(connection, "m-1")
        again, is_new = documents.arrive(connection, Arrival("inkorg", "m-1", "m-1.xml", "0" * 64, 3, ARRIVED))
        documents.seen_again(connection, again, "0" * 64)
        assert (again, is_new) == (first, False)
        found = documents.get(connection, first)
    assert found is not None
    assert found.times_seen == 2


def test_the_same_id_from_another_connection_is_another_message(database: Database) -> None:
    with database.write() as connection:
        assert arrive(connection, "m-1") != arrive(connection, "m-1", source="andra")


def test_a_document_stands_where_it_was_moved_with_what_was_said_of_it(database: Database) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        documents.move(connection, document, DocumentState.ROUTED, verdict="valid", unit="107")
        found = documents.lock(connection, document)
    assert (found.state, found.verdict, found.unit, found.format) == (DocumentState.ROUTED, "valid", "107", None)
    assert found.arrived_at == ARRIVED


def test_a_document_that_is_not_there_cannot_be_locked(database: Database) -> None:
    with database.write() as connection, pytest.raises(LookupError):
        documents.lock(connection, 404)


def test_a_journey_is_told_from_its_beginning(database: Database) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        documents.note(connection, document, Step.ROUTED, connection_name="agresso", by="anna", details={"unit": "107"})
        steps = documents.journey_of(connection, document)
    assert [each.step for each in steps] == [Step.ARRIVED, Step.ROUTED]
    assert (steps[1].connection, steps[1].by, steps[1].details) == ("agresso", "anna", {"unit": "107"})


def test_paging_by_key_visits_every_document_once_while_more_arrive(database: Database) -> None:
    with database.write() as connection:
        there = {arrive(connection, f"m-{number}") for number in range(23)}
    visited: list[int] = []
    before: int | None = None
    while True:
        with database.write() as connection:
            arrive(connection, f"late-{len(visited)}")
            page = documents.page(connection, noun="invoices", before=before, limit=5)
        if not page:
            break
        visited += [each.id for each in page]
        before = visited[-1]
    assert visited == sorted(visited, reverse=True)
    assert len(visited) == len(set(visited))
    assert there <= set(visited)


def test_a_page_holds_only_what_was_asked_for(database: Database) -> None:
    with database.write() as connection:
        ours, other = arrive(connection, "m-1"), arrive(connection, "m-2", source="andra")
        documents.move(connection, other, DocumentState.DELIVERED)
        by_state = documents.page(connection, noun="invoices", state=DocumentState.ARRIVED)
        by_source = documents.page(connection, noun="invoices", connection_name="andra")
        assert documents.page(connection, noun="contracts") == []
    assert ([each.id for each in by_state], [each.id for each in by_source]) == ([ours], [other])


def test_every_state_is_counted_also_those_that_are_empty(database: Database) -> None:
    with database.write() as connection:
        arrive(connection, "m-1")
        documents.move(connection, arrive(connection, "m-2"), DocumentState.SET_ASIDE)
        counted = documents.counts(connection, "invoices")
    assert set(counted) == set(DocumentState)
    assert {state: number for state, number in counted.items() if number} == {
        DocumentState.ARRIVED: 1,
        DocumentState.SET_ASIDE: 1,
    }


def test_a_document_cannot_stand_without_its_bytes(database: Database) -> None:
    arrival = Arrival("inkorg", "m-1", "m-1.xml", "f" * 64, 1, datetime.now(UTC))
    with pytest.raises(IntegrityError), database.write() as connection:
        documents.arrive(connection, arrival)
