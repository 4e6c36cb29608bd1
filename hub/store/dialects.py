"""The one statement that SQLite and PostgreSQL spell alike and SQLAlchemy keeps in two places."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def insert_once(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert the row unless its key is there already; whether it was inserted."""
    once = insert(connection, table).values(values).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(once).first() is not None


def upsert(connection: Connection, table: Table, values: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Insert the row, or let its values stand where a row with those keys is there already."""
    rest = {name: value for name, value in values.items() if name not in keys}
    connection.execute(
        insert(connection, table).values(values).on_conflict_do_update(index_elements=list(keys), set_=rest)
    )
