"""Suppliers as they were last pulled from the purchasing system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, select

from hub.domain.identifiers import OrganisationNumber
from hub.domain.suppliers import Supplier
from hub.store.database import now
from hub.store.dialects import insert
from hub.store.keys import among
from hub.store.orders import Kept, Seen
from hub.store.tables import suppliers

_SAID = ("name", "organisation_number", "stated_number", "usable", "country", "currency", "contract")


def keep(connection: Connection, found: Sequence[Supplier], seen: Seen) -> Kept:
    """Keep a page of suppliers; of one that comes twice the last counts."""
    rows = {(each.company, each.number): _row(each, seen) for each in found}
    if not rows:
        return Kept()
    known = _known(connection, list(rows))
    other = [key for key, row in rows.items() if key in known and _said(row) != _said(known[key]._asdict())]
    new = [key for key in rows if key not in known]
    at = now(connection)
    added = insert(connection, suppliers)
    values = {name: added.excluded[name] for name in (*_SAID, "updated_at", "connection", "seen_at")}
    upserted = added.on_conflict_do_update(index_elements=["company", "number"], set_=values)
    connection.execute(upserted, [row | {"seen_at": at} for row in rows.values()])
    return Kept(len(new), len(other), len(rows) - len(new) - len(other))


def get(connection: Connection, company: str, number: str) -> Supplier | None:
    """The supplier under that number."""
    these = (suppliers.c.company == company) & (suppliers.c.number == number)
    row = connection.execute(select(suppliers).where(these)).one_or_none()
    return None if row is None else _supplier(row)


def names(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What the suppliers are called, by company and number; those that are not known are left out."""
    return {key: row.name for key, row in _known(connection, list(dict.fromkeys(keys))).items()} if keys else {}


def count(connection: Connection) -> int:
    """How many there are."""
    return connection.execute(select(func.count()).select_from(suppliers)).scalar_one()


def _known(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    wanted = select(suppliers).where(among(connection, (suppliers.c.company, suppliers.c.number), keys))
    return {(row.company, row.number): row for row in connection.execute(wanted)}


def _said(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _SAID)


def _row(each: Supplier, seen: Seen) -> dict[str, Any]:
    number = each.organisation_number.digits if each.organisation_number else ""
    return asdict(each) | {"organisation_number": number, "connection": seen.connection}


def _supplier(row: Row[Any]) -> Supplier:
    number = OrganisationNumber(row.organisation_number) if row.organisation_number else None
    return Supplier(
        company=row.company,
        number=row.number,
        name=row.name,
        organisation_number=number,
        stated_number=row.stated_number,
        usable=row.usable,
        country=row.country,
        currency=row.currency,
        contract=row.contract,
        updated_at=row.updated_at,
    )
