"""Rows found by keys of several columns, through the index on both databases."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, tuple_


def among(
    connection: Connection, columns: Sequence[ColumnElement[Any]], keys: Collection[tuple[Any, ...]]
) -> ColumnElement[bool]:
    """Whether a row has one of those keys: texts and whole numbers, in the order of the columns.

    SQLite reads a whole table to compare it with a list of rows, and looks in the index for each row of a table: so
    the list is handed over as one.
    """
    row = tuple_(*columns)
    if connection.dialect.name != "sqlite":
        return row.in_(list(keys))
    given = func.json_each(json.dumps(list(keys))).table_valued("value")
    return row.in_(select(*(func.json_extract(given.c.value, f"$[{place}]") for place in range(len(columns)))))
