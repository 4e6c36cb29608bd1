"""Rows found by keys of several columns, through the index on both databases."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, func, literal_column, select, tuple_


def among(
    connection: Connection, columns: Sequence[Column[Any]], keys: Collection[tuple[Any, ...]]
) -> ColumnElement[bool]:
    """Whether a row has one of those keys: texts and whole numbers, in the order of the columns of one table.

    SQLite reads a whole table to compare it with a list of rows, and of a table of rows it looks up the first columns
    only: so each key is looked up, and the rows that were found are compared.
    """
    if connection.dialect.name != "sqlite":
        return tuple_(*columns).in_(list(keys))
    table = columns[0].table
    its = table.alias("its")
    given = func.json_each(json.dumps(list(keys))).table_valued("value")
    same = (its.c[each.name] == func.json_extract(given.c.value, f"$[{place}]") for place, each in enumerate(columns))
    found: Select[Any] = select(literal_column("its.rowid")).select_from(given, its).where(*same)
    return literal_column(f"{table.name}.rowid").in_(found)
