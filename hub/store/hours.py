"""Hours worked, as they were last pulled from the time system."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import Connection, delete, func, select

from hub.domain.hours import Hours
from hub.store.dialects import insert
from hub.store.keys import among
from hub.store.orders import Kept, Seen
from hub.store.tables import hours

Days: TypeAlias = tuple[date, date]
"""The first and the last of some days."""
_AT_ONCE = 400
_KEY = ("company", "resource", "project", "activity", "time_code", "day")


def keep(connection: Connection, found: Sequence[Hours], seen: Seen, days: Days | None = None) -> Kept:
    """Keep a page of hours. Several rows of one day and activity are one, with their hours added up.

    Where the page tells everything of some `days`, what the connection told of them before and does not tell any more
    is gone: hours that were moved to another project or day count once. It is counted as changed.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in found:
        row = asdict(each) | {"day": each.day.isoformat(), "connection": seen.connection}
        key = tuple(row[name] for name in _KEY)
        row["hours"] += rows[key]["hours"] if key in rows else Decimal(0)
        rows[key] = row
    gone = _forget(connection, rows.keys(), seen, days) if days else 0
    if not rows:
        return Kept(changed=gone)
    these = among(connection, [hours.c[name] for name in _KEY], list(rows))
    known = {
        tuple(getattr(row, name) for name in _KEY): row.hours for row in connection.execute(select(hours).where(these))
    }
    added = insert(connection, hours)
    values = {name: added.excluded[name] for name in ("hours", "connection")}
    connection.execute(added.on_conflict_do_update(index_elements=list(_KEY), set_=values), list(rows.values()))
    new = sum(1 for key in rows if key not in known)
    other = sum(1 for key, row in rows.items() if key in known and row["hours"] != known[key])
    return Kept(new, other + gone, len(rows) - new - other)


def _forget(connection: Connection, told: Collection[tuple[Any, ...]], seen: Seen, days: Days) -> int:
    """What the connection told of those days and did not tell again; how many rows it was."""
    columns = [hours.c[name] for name in _KEY]
    begins, ends = (each.isoformat() for each in days)
    its = (hours.c.connection == seen.connection) & hours.c.day.between(begins, ends)
    gone = sorted({tuple(row) for row in connection.execute(select(*columns).where(its))}.difference(told))
    for at in range(0, len(gone), _AT_ONCE):
        connection.execute(delete(hours).where(among(connection, columns, gone[at : at + _AT_ONCE])))
    return len(gone)


def total(connection: Connection, project: str, begins: date, ends: date) -> dict[str, Decimal]:
    """The hours of a project in those days, by activity."""
    within = (hours.c.project == project) & hours.c.day.between(begins.isoformat(), ends.isoformat())
    found: dict[str, Decimal] = {}
    for row in connection.execute(select(hours.c.activity, hours.c.hours).where(within)):
        found[row.activity] = found.get(row.activity, Decimal(0)) + row.hours
    return found


def count(connection: Connection) -> int:
    """How many rows there are."""
    return connection.execute(select(func.count()).select_from(hours)).scalar_one()
