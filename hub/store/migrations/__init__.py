"""The tables' history. `migrate` brings a database up to date, whoever comes first; the others wait.

A release's tables can be read and written by the release before, so that hosts are upgraded one by one: who meets
tables of a newer release leaves them as they are and goes on.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from hub.domain.texts import Text
from hub.store.database import Database

_MIGRATION_LOCK = 5_246_811
_log = structlog.get_logger(__name__)


class DatabaseUnfit(Exception):
    """The hub cannot live in that database; `text` says why, and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def configuration() -> Config:
    """Where alembic finds the history."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def migrate(database: Database) -> None:
    """Bring the database up to date. Two processes at once do it once. Raises DatabaseUnfit."""
    with database.read() as connection:
        _demand_fit(connection)
        behind = _is_behind(connection)
    if not behind:
        return
    with database.write() as connection:
        take_turn(connection)
        if _is_behind(connection):
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def take_turn(connection: Connection) -> None:
    """Wait, for as long as it takes, until nobody else changes tables; until the transaction ends nobody else does."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})


def _demand_fit(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    encoding, told = connection.execute(_FITNESS).one()
    if encoding != "UTF8":
        raise DatabaseUnfit(
            Text(
                f"databasens teckenkodning är {encoding}, som inte rymmer alla tecken: gör en ny med "
                "createdb --encoding=UTF8 --template=template0",
                f"the database's encoding is {encoding}, which does not hold every character: make a new one by "
                "createdb --encoding=UTF8 --template=template0",
            )
        )
    if told != "client":
        raise DatabaseUnfit(
            Text(
                "hubbens tidsgränser når inte fram till databasen: anslut direkt till PostgreSQL, "
                "utan en pooler (som pgbouncer) emellan",
                "the hub's time limits do not reach the database: connect to PostgreSQL itself, "
                "without a pooler (as pgbouncer) between",
            )
        )


_FITNESS = text(
    "SELECT current_setting('server_encoding'), (SELECT source FROM pg_settings WHERE name = 'lock_timeout')"
)
"""Whose word the lock's limit is: the client's, when what it said as it connected has reached the server."""


def _is_behind(connection: Connection) -> bool:
    """Whether there are steps to take. Tables that a newer release has brought further than we know are not behind."""
    history = ScriptDirectory.from_config(configuration())
    stands, newest = MigrationContext.configure(connection).get_current_revision(), history.get_current_head()
    if stands is None or stands in {each.revision for each in history.walk_revisions()}:
        return stands != newest
    _log.warning("database.newer", tables=stands, known=newest)
    return False
