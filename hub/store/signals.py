"""The bell between processes: told that work may have become ready, sent when the caller's transaction commits.

PostgreSQL carries it by NOTIFY. SQLite needs none: whoever waits sees `PRAGMA data_version` change.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

CHANNEL = "hub_work"


def ring(connection: Connection) -> None:
    """Wake every waiting process once this transaction has committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, "")))
