"""Local accounts and their sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine
from sqlalchemy import select

from hub.store import users
from hub.store.database import Database
from hub.store.tables import sessions

TEN_HOURS = timedelta(hours=10)
MORNING = datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_an_account_comes_back_as_it_was_made(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        users.speak(connection, "anna", "en")
        found = users.get(connection, "anna")
        assert users.get(connection, "bo") is None
    assert found is not None
    assert (found.password, found.language, found.failures, found.locked_until) == ("$hash", "en", 0, None)


def test_a_session_is_opened_by_its_token_alone(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        token = users.open_session(connection, "anna")
        found = users.session(connection, token, TEN_HOURS)
        assert users.session(connection, token[:-1], TEN_HOURS) is None
        assert users.session(connection, "", TEN_HOURS) is None
    assert found is not None
    assert (found.user, found.language) == ("anna", "sv")
    assert len(found.csrf) >= 24


def test_a_token_is_kept_nowhere(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        token = users.open_session(connection, "anna")
        (row,) = connection.execute(select(sessions)).all()
    assert token not in {str(value) for value in row}


def test_a_session_expires(sqlite_database: Database) -> None:
    with time_machine.travel(MORNING, tick=False) as clock, sqlite_database.write() as connection:
        users.keep(connection, "anna", "$hash")
        token = users.open_session(connection, "anna")
        clock.shift(TEN_HOURS - timedelta(seconds=1))
        assert users.session(connection, token, TEN_HOURS) is not None
        clock.shift(timedelta(seconds=1))
        assert users.session(connection, token, TEN_HOURS) is None


def test_a_session_that_may_last_no_time_is_over(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        token = users.open_session(connection, "anna")
        assert users.session(connection, token, timedelta(0)) is None


def test_a_closed_session_is_over_and_others_go_on(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        first, second = users.open_session(connection, "anna"), users.open_session(connection, "anna")
        users.close_session(connection, first)
        assert users.session(connection, first, TEN_HOURS) is None
        assert users.session(connection, second, TEN_HOURS) is not None


def test_a_new_password_ends_every_session_and_every_lock(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        users.tried(connection, "anna", 5, MORNING)
        token = users.open_session(connection, "anna")
        users.keep(connection, "anna", "$other")
        found = users.get(connection, "anna")
        assert users.session(connection, token, TEN_HOURS) is None
    assert found is not None
    assert (found.password, found.failures, found.locked_until) == ("$other", 0, None)


def test_wrong_passwords_and_a_lock_are_remembered(database: Database) -> None:
    with database.write() as connection:
        users.keep(connection, "anna", "$hash")
        users.tried(connection, "anna", 3, MORNING)
    with database.read() as connection:
        found = users.get(connection, "anna")
    assert found is not None
    assert (found.failures, found.locked_until) == (3, MORNING)
