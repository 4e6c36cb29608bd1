"""Letting time pass without waiting: everything that is kept is moved back, on either database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Table, select, update

from hub.store import tables
from hub.store.database import Database
from hub.store.tables import Moment

_AGED = (
    tables.connections,
    tables.connection_events,
    tables.incidents,
    tables.incident_events,
    tables.messages,
    tables.workers,
    tables.audit,
    tables.work,
    tables.set_asides,
    tables.deliveries,
)


def pass_time(database: Database, passed: timedelta) -> None:
    """As though that much time had gone by since all that was written."""
    for table in _AGED:
        _age(database, table, passed)


def _age(database: Database, table: Table, passed: timedelta) -> None:
    keys = list(table.primary_key.columns)
    moments = [column for column in table.columns if isinstance(column.type, Moment)]
    with database.write() as connection:
        for row in connection.execute(select(table)).mappings().all():
            moved = {each.name: row[each.name] - passed for each in moments if row[each.name] is not None}
            this = [each == row[each.name] for each in keys]
            connection.execute(update(table).where(*this).values(moved))
