"""Staged records: what an extract says and what the target holds, side by side, while a plan is being made.

Each address has one row: `create` until the target was seen to hold it, then `same` or `update`; `remove` for what
only the target holds; `fault` for an address that an extract tells of but not soundly, which nothing is done with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from hub.store.dialects import insert
from hub.store.tables import staged

CREATE, SAME, UPDATE, REMOVE, FAULT = "create", "same", "update", "remove", "fault"
LONGEST = 300
"""The most characters of an address."""


@dataclass(frozen=True, slots=True)
class Staged:
    """One address: what will stand there, what stands there, and in which version."""

    address: str
    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    met: bool = False


def keep(connection: Connection, plan_id: int, rows: Sequence[Staged]) -> None:
    """Keep the rows, each in the place of what was kept of its address."""
    if not rows:
        return
    fresh = insert(connection, staged)
    columns = {name: fresh.excluded[name] for name in ("kind", "met", "fields", "before", "version")}
    kept = fresh.on_conflict_do_update(index_elements=["plan_id", "address"], set_=columns)
    connection.execute(kept, [{"plan_id": plan_id, **asdict(each)} for each in rows])


def same(connection: Connection, plan_id: int, addresses: Collection[str]) -> None:
    """The target holds what is staged of those addresses, to the letter."""
    if addresses:
        these = update(staged).where(staged.c.plan_id == plan_id, staged.c.address.in_(addresses))
        connection.execute(these.values(kind=SAME, met=True))


def find(connection: Connection, plan_id: int, addresses: Collection[str]) -> dict[str, Staged]:
    """What is kept of those addresses."""
    wanted = select(staged).where(staged.c.plan_id == plan_id, staged.c.address.in_(addresses))
    return {row.address: _staged(row) for row in connection.execute(wanted)}


def page(connection: Connection, plan_id: int, kind: str, after: str, limit: int) -> list[Staged]:
    """The rows of that kind in the order of their addresses, byte by byte, from above `after`."""
    wanted = select(staged).where(staged.c.plan_id == plan_id, staged.c.kind == kind, staged.c.address > after)
    return [_staged(row) for row in connection.execute(wanted.order_by(staged.c.address).limit(limit))]


def counts(connection: Connection, plan_id: int) -> dict[tuple[str, bool], int]:
    """How many rows there are of each kind, by whether the target was seen to hold them."""
    counted = select(staged.c.kind, staged.c.met, func.count()).where(staged.c.plan_id == plan_id)
    return {(row[0], row[1]): row[2] for row in connection.execute(counted.group_by(staged.c.kind, staged.c.met))}


def clear(connection: Connection, plan_id: int) -> None:
    """Forget what was staged for that plan."""
    connection.execute(delete(staged).where(staged.c.plan_id == plan_id))


def _staged(row: Row[Any]) -> Staged:
    return Staged(row.address, row.kind, row.fields, row.before, row.version, row.met)
