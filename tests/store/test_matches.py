"""Matches: what was kept is read as it was found, also what was kept before lines told their own order."""

from __future__ import annotations

from sqlalchemy import update

from hub.domain.matches import LineMatch, Match, MatchOutcome
from hub.store import matches, tables
from hub.store.database import Database
from tests.store.rows import a_reason, arrive

FOUND = Match(
    MatchOutcome.PARTLY, (a_reason("ORDER-LINE", "Saxar", "2"),), "ST", "4501", "A-17",
    (LineMatch("1", 1, True, "ST", "4501"), LineMatch("2", None, False, "ST", "4502"), LineMatch("3", None, False)),
)  # fmt: skip


def test_a_match_is_read_as_it_was_found_and_the_latest_stands(database: Database) -> None:
    with database.write() as connection:
        document_id = arrive(connection, "f1")
        assert matches.of(connection, document_id) is None
        matches.keep(connection, document_id, Match(MatchOutcome.UNMATCHED))
        matches.keep(connection, document_id, FOUND)
        assert matches.of(connection, document_id) == FOUND
        assert matches.of_order(connection, "ST", "4501") == [(document_id, MatchOutcome.PARTLY)]


def test_an_order_has_the_invoices_with_a_line_of_it_too_the_newest_first(database: Database) -> None:
    with database.write() as connection:
        mixed, own = arrive(connection, "f1"), arrive(connection, "f2")
        matches.keep(connection, mixed, FOUND)
        matches.keep(connection, own, Match(MatchOutcome.MATCHED, (), "ST", "4502"))
        assert matches.of_order(connection, "ST", "4502") == [(own, MatchOutcome.MATCHED), (mixed, MatchOutcome.PARTLY)]
        assert matches.of_order(connection, "ST", "4502", 1) == [(own, MatchOutcome.MATCHED)]
        assert matches.of_order(connection, "ST", "450") == []
        matches.keep(connection, mixed, Match(MatchOutcome.UNMATCHED))
        assert matches.of_order(connection, "ST", "4502") == [(own, MatchOutcome.MATCHED)]


def test_lines_that_were_kept_before_they_told_their_order_are_of_the_invoices(database: Database) -> None:
    with database.write() as connection:
        document_id = arrive(connection, "f1")
        matches.keep(connection, document_id, FOUND)
        old = [{"line": "1", "order_line": 1, "fits": True}]
        connection.execute(update(tables.matches).values(lines=old))
        found = matches.of(connection, document_id)
    assert found is not None
    assert found.lines == (LineMatch("1", 1, True, "ST", "4501"),)
