"""The database: SQLite by default, PostgreSQL by address, one code path for both.

SQLite runs in WAL with synchronous=FULL ("nothing lost" includes a power cut); a write takes its lock at once
(BEGIN IMMEDIATE) and waits its turn, so a transaction never fails half-way for want of the lock. Threads of one
process queue for it among themselves first: SQLite's own waiting is by polling, which costs more than the work.

PostgreSQL may be on another machine, and the way to it may be cut. Both ends are told to notice that within seconds:
the client, so that no worker hangs for ever, and the server, so that it lets go of what a vanished host had locked.
After a failover the address may lead to a server that cannot be written: no connection to such a one is made or kept.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError

from hub.store.texts import as_json

_BUSY_SECONDS = 30
_CLIENT = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "read-write",
}
_SERVER = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
_UNFIT = {"25006", "57P01", "57P02", "57P03"}
"""What a server says that cannot be written any more, or is going down: SQLSTATE."""

_CLASSES_WITHOUT_VALUES = {"08", "25", "28", "53", "55", "57"}
"""Of whose messages the log may tell: they are about the server, never about what was to be written."""

_BESIDE_THREADS = 10


@dataclass(frozen=True, slots=True)
class Database:
    """An opened database. `read` and `write` are the only ways to it; each is one transaction."""

    engine: Engine
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and writes nothing."""
        seeing = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**seeing) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: all of it is kept when the block ends, nothing when it raises."""
        opened = self.engine.connect
        with self._in_turn(), opened().execution_options(hub_write=True) as connection, connection.begin():
            yield connection

    def demand_writing(self) -> None:
        """Raises the database's own error when nothing can be written to it; SQLite says so of a statement alone."""
        with self.write() as connection:
            connection.execute(text("DELETE FROM lanes WHERE 1 = 0"))

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        held = self.is_sqlite and self._turn.acquire(timeout=_BUSY_SECONDS)
        try:
            yield
        finally:
            if held:
                self._turn.release()

    def close(self) -> None:
        """Let go of every connection to the database."""
        self.engine.dispose()


def open_database(url: str, threads: int = 10) -> Database:
    """Open the database at that SQLAlchemy address: `sqlite:////path/hub.db` or `postgresql+psycopg://…`.

    Connections are kept for so many threads and a few beside them; where there are more, none waits for another.
    """
    address = make_url(url)
    pool = {"pool_size": threads + _BESIDE_THREADS, "max_overflow": -1}
    return Database((_sqlite if address.get_backend_name() == "sqlite" else _postgresql)(address, pool))


def with_time_limits(address: URL) -> URL:
    """The address with our limits for a silent network, a lock and a forgotten transaction; what it says itself stands.

    A cut link is noticed by both ends within about 11 s: less than a lease, so that whatever a lost host had locked is
    free before its work is taken over.
    """
    said = {name: value for name, value in address.query.items() if name != "options"}
    options = [f"-c {name}={value}" for name, value in _SERVER.items()]
    own = address.query.get("options", ())
    options += [own] if isinstance(own, str) else list(own)
    return address.set(query={**_CLIENT, **said, "options": " ".join(options)})


def why(error: BaseException | None) -> dict[str, str]:
    """What a log may tell of trouble with the database: its code, and its first line where that holds no values."""
    while error is not None and not isinstance(error, psycopg.Error | sqlite3.Error):
        error = error.orig if isinstance(error, DBAPIError) else error.__cause__
    state = getattr(error, "sqlstate", None) or ""
    tells = isinstance(error, psycopg.OperationalError | sqlite3.OperationalError) and not state
    said = str(error).strip().partition("\n")[0] if tells or state[:2] in _CLASSES_WITHOUT_VALUES else ""
    return {name: each for name, each in (("sqlstate", state), ("said", said)) if each}


def sqlite_url(file: Path) -> str:
    """The address of an embedded database in that file."""
    return f"sqlite:///{file.resolve()}"


def now(connection: Connection) -> datetime:
    """The time by the clock that all workers share: the database's own on PostgreSQL, this machine's on SQLite."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    stated: datetime = connection.execute(_CLOCK).scalar_one()
    return stated.astimezone(UTC)


_CLOCK = select(func.clock_timestamp())


def _postgresql(address: URL, pool: Mapping[str, int]) -> Engine:
    patient = with_time_limits(address)
    engine = create_engine(patient, hide_parameters=True, json_serializer=as_json, pool_pre_ping=True, **pool)
    event.listen(engine, "handle_error", _let_go_of_unfit)
    return engine


def _let_go_of_unfit(context: ExceptionContext) -> None:
    """A server that has become another's standby stays alive: its connections must not come back out of the pool."""
    if getattr(context.original_exception, "sqlstate", None) in _UNFIT:
        context.is_disconnect = True


def _sqlite(address: URL, pool: Mapping[str, int]) -> Engine:
    patient = {"timeout": _BUSY_SECONDS}
    engine = create_engine(address, hide_parameters=True, json_serializer=as_json, connect_args=patient, **pool)
    event.listen(engine, "connect", _settle)
    event.listen(engine, "begin", _begin)
    return engine


def _settle(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hub_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
