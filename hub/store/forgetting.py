"""Forgetting what hangs together, a handful at a time: what lies below goes first, so that no delete is a large one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, delete, tuple_


def forget(connection: Connection, limit: int, *below_first: tuple[Table, Select[Any]]) -> int:
    """Delete the rows of each table whose primary keys are selected, table after table, `limit` in all; how many.

    A table is begun when nothing is left of the one before it.
    """
    gone = 0
    for table, keys in below_first:
        if gone < limit:
            these = tuple_(*table.primary_key.columns).in_(keys.limit(limit - gone))
            gone += connection.execute(delete(table).where(these)).rowcount
    return gone
