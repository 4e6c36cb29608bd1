"""The database itself: its transactions, its clock, and the types it keeps things in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from hub.store import audit, connections
from hub.store.connections import Happening
from hub.store.database import Database, now, open_database, why
from hub.store.dialects import insert_once, upsert
from hub.store.tables import Amount, Moment, connection_hours
from tests.postgres import Server, shown

_SQLITE, _POSTGRES = sqlite.dialect(), postgresql.dialect()
_TIMES = st.datetimes(
    min_value=datetime(1900, 1, 2, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(2200, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.sampled_from([UTC, timezone.max]),
)
HOUR = datetime(2026, 11, 22, 9, tzinfo=UTC)


def a_count(number: int, hour: datetime = HOUR) -> dict[str, object]:
    return {"connection": "inkorg", "hour": hour, "kind": "arrived", "number": number}


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), database.write() as connection:
        connection.execute(connection_hours.insert().values(a_count(1, HOUR.replace(tzinfo=None))))


@given(first=_TIMES, second=_TIMES)
def test_times_sort_as_text_on_sqlite_as_they_sort_in_time(first: datetime, second: datetime) -> None:
    one, other = (Moment().process_bind_param(each, _SQLITE) for each in (first, second))
    assert (one < other, one == other, len(one)) == (first < second, first == second, len(other))


@given(moment=_TIMES)
def test_a_time_comes_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    for dialect in (_SQLITE, _POSTGRES):
        back = Moment().process_result_value(Moment().process_bind_param(moment, dialect), dialect)
        assert back == moment
        assert back is not None
        assert back.utcoffset() == timedelta(0)


def test_a_time_comes_back_from_the_database_in_utc(database: Database) -> None:
    elsewhere = HOUR.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with database.write() as connection:
        connection.execute(connection_hours.insert().values(a_count(1, elsewhere)))
        (kept,) = connection.execute(select(connection_hours.c.hour)).scalars()
    assert (kept, kept.utcoffset()) == (HOUR, timedelta(0))


@given(amount=st.decimals(allow_nan=False, allow_infinity=False))
def test_an_amount_is_the_same_after_sqlite_as_before(amount: Decimal) -> None:
    assert Amount().process_result_value(Amount().process_bind_param(amount, _SQLITE), _SQLITE) == amount


def test_now_is_aware_in_utc_and_never_goes_backwards(database: Database) -> None:
    with database.read() as connection:
        first, second = now(connection), now(connection)
    assert first.utcoffset() == timedelta(0)
    assert first <= second


def test_a_writing_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            audit.write(connection, "anna", "replay", "document 1")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert audit.about(connection, "document 1") == []


def test_a_reading_transaction_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    since = datetime(2000, 1, 1, tzinfo=UTC)
    with database.read() as reading:
        before = connections.moved_since(reading, since)
        with database.write() as writing:
            connections.count(writing, "inkorg", Happening.ARRIVED, 1)
        assert connections.moved_since(reading, since) == before
    with database.read() as reading:
        assert connections.moved_since(reading, since) == {Happening.ARRIVED: 1}


def test_a_writing_transaction_sees_what_others_wrote_before_it_asked(database: Database) -> None:
    """A wait for a lock must not end in a failure: on PostgreSQL writes are read committed."""
    if database.is_sqlite:
        with database.write() as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
            assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        return
    with database.read() as connection:
        connection.execute(select(connection_hours))
    with database.write() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"


def test_what_is_inserted_once_says_whether_it_was(database: Database) -> None:
    with database.write() as connection:
        assert insert_once(connection, connection_hours, a_count(1))
        assert not insert_once(connection, connection_hours, a_count(2))
        assert connection.execute(select(connection_hours.c.number)).scalar_one() == 1


def test_an_upsert_lets_its_values_stand(database: Database) -> None:
    with database.write() as connection:
        for number in (1, 2):
            upsert(connection, connection_hours, a_count(number), ("connection", "hour", "kind"))
        assert connection.execute(select(connection_hours.c.number)).scalar_one() == 2


# --- a server that cannot be written, and other trouble


@pytest.fixture
def on_server(postgres: Server) -> Iterator[Database]:
    """A fresh database on PostgreSQL."""
    address = postgres.create()
    opened = open_database(shown(address))
    yield opened
    opened.close()
    postgres.drop(address)


def test_a_connection_that_cannot_be_written_any_more_is_let_go_and_the_next_one_writes(on_server: Database) -> None:
    with on_server.write() as connection:
        connection.execute(text("SET default_transaction_read_only = on"))
    with pytest.raises(DBAPIError) as caught, on_server.write() as connection:
        connection.execute(connection_hours.insert().values(a_count(1)))
    assert caught.value.connection_invalidated
    assert why(caught.value)["sqlstate"] == "25006"
    with on_server.write() as connection:
        connection.execute(connection_hours.insert().values(a_count(1)))


def test_no_connection_is_made_to_a_server_that_cannot_be_written(on_server: Database) -> None:
    name = on_server.engine.url.database
    with on_server.write() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    on_server.close()
    with pytest.raises(OperationalError) as caught, on_server.read():
        pass
    assert "read-only" in why(caught.value)["said"]


def test_however_many_threads_there_are_none_waits_for_anothers_connection(database: Database) -> None:
    with ExitStack() as held:
        for _ in range(45):
            held.enter_context(database.read())


def test_of_the_databases_trouble_no_value_is_told(database: Database) -> None:
    row = a_count(1)
    with database.write() as connection:
        connection.execute(connection_hours.insert().values(row))
    with pytest.raises(DBAPIError) as caught, database.write() as connection:
        connection.execute(connection_hours.insert().values(row))
    assert why(caught.value) == ({} if database.is_sqlite else {"sqlstate": "23505"})


def test_of_trouble_that_is_not_the_databases_nothing_is_told() -> None:
    assert why(ZeroDivisionError("4711")) == why(None) == {}
