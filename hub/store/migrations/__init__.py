"""The tables' history. `migrate` brings a database up to date, whoever comes first; the others wait."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

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
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_current(database: Database) -> bool:
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest
