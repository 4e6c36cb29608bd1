"""The one statement that SQLite and PostgreSQL spell alike and SQLAlchemy keeps in two places."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return _insert(connection.dialect.name, table)


def insert_once(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert the row unless its key is there already; whether it was inserted."""
    return connection.execute(_once(connection.dialect.name, table), values).first() is not None


def upsert(connection: Connection, table: Table, values: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Insert the row, or let its values stand where a row with those keys is there already."""
    rest = tuple(name for name in values if name not in keys)
    connection.execute(_or_update(connection.dialect.name, table, keys, rest), values)


# Building a statement costs more than running it: each is built once.


@lru_cache(maxsize=64)
def _once(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)


@lru_cache(maxsize=64)
def _or_update(dialect: str, table: Table, keys: tuple[str, ...], rest: tuple[str, ...]) -> Any:
    fresh = _insert(dialect, table)
    return fresh.on_conflict_do_update(index_elements=list(keys), set_={name: fresh.excluded[name] for name in rest})


def _insert(dialect: str, table: Table) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)
