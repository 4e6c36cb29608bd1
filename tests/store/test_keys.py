"""Rows are found by keys of several columns, on both databases, and never by reading the table."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update
from sqlalchemy.dialects import sqlite

from hub.store import hours, ledger, orders
from hub.store.database import Database
from hub.store.keys import among
from hub.store.tables import hours as hours_table
from hub.store.tables import ledger as ledger_table
from hub.store.tables import order_lines, suppliers
from hub.store.tables import orders as orders_table

LINE = (*orders._ITS, order_lines.c.line)
KEYS: list[tuple[Table, Any, tuple[Any, ...]]] = [
    (orders_table, orders._OWN, ("ST", "45")),
    (order_lines, orders._ITS, ("ST", "45")),
    (order_lines, LINE, ("ST", "45", 1)),
    (suppliers, (suppliers.c.company, suppliers.c.number), ("ST", "10")),
    (ledger_table, [ledger_table.c[name] for name in ledger._KEY], ("212000", "V1", 1, "4010")),
    (hours_table, [hours_table.c[name] for name in hours._KEY], ("ST", "anna", "P1", "A", "N", "2026-11-02")),
]


@pytest.mark.parametrize(("table", "columns", "key"), KEYS, ids=[f"{each[0].name}-{len(each[1])}" for each in KEYS])
def test_sqlite_looks_up_the_whole_key_in_the_index_and_never_reads_the_table(
    sqlite_database: Database, table: Table, columns: Any, key: tuple[Any, ...]
) -> None:
    changed = next(column for column in table.c if column.type.python_type is str and not column.primary_key)
    with sqlite_database.read() as connection:
        for statement in (
            select(table).where(among(connection, columns, [key, key])),
            update(table).where(among(connection, columns, [key, key])).values({changed.name: ""}),
        ):
            said = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
            steps = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}")]
            wanted = {f"{column.name}=?" for column in columns}
            searched = [step.rpartition("(")[2].rstrip(")").split(" AND ") for step in steps if "INDEX" in step]
            assert any(wanted == set(each) for each in searched), steps
            assert any(step.startswith(f"SEARCH {table.name} USING INTEGER PRIMARY KEY") for step in steps), steps
            assert not any(step.startswith((f"SCAN {table.name}", "SCAN its")) for step in steps), steps


def test_those_rows_are_found_and_no_others(database: Database) -> None:
    line: dict[str, Any] = dict.fromkeys(
        ("product", "description", "unit", "account", "tax_code", "status", "contract"), ""
    )
    line |= dict.fromkeys(("quantity", "unit_price", "amount", "invoiced", "delivered", "pull"), 0)
    there = [("ST", "1", 1), ("ST", "1", 2), ("ST", "2", 1), ("KK", "1", 1), ("Ö'\"\\", "1", 1)]
    with database.write() as connection:
        made = [line | {"company": company, "number": number, "line": at} for company, number, at in there]
        connection.execute(insert(order_lines), made)
        for keys in ([], there[:2], there[2:], [("ST", "2", 2)], [("1", "ST", 1)], there):
            found = connection.execute(select(*LINE).where(among(connection, LINE, keys))).all()
            assert {tuple(each) for each in found} == set(keys) & set(there)
