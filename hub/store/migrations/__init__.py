"""The tables' history. `migrate` brings a database up to date, whoever comes first; the others wait."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from hub.store.database import Database

_MIGRATION_LOCK = 5_246_811


def configuration() -> Config:
    """Where alembic finds the history."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def migrate(database: Database) -> None:
    """Bring the database up to date. Two processes at once do it once."""
    if _is_current(database):
        return
    with database.write() as connection:
        take_turn(connection)
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def take_turn(connection: Connection) -> None:
    """Wait, for as long as it takes, until nobody else changes tables; until the transaction ends nobody else does."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})


def _is_current(database: Database) -> bool:
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest
