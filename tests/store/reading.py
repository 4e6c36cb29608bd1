"""How much PostgreSQL reads to carry a statement out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection


def rows_read(connection: Connection, statement: str, given: Any) -> int:
    """The most rows that any node of the statement's plan gave or threw away while it was carried out."""
    told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given).scalar_one()
    return max(_read(told[0]["Plan"]))


def _read(node: dict[str, Any]) -> Iterator[int]:
    rows = sum(value for name, value in node.items() if name == "Actual Rows" or name.startswith("Rows Removed"))
    yield int(rows * node["Actual Loops"])
    for below in node.get("Plans", ()):
        yield from _read(below)
