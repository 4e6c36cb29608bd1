"""The register of receiving units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, or_, select

from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.units import Unit
from hub.store.tables import units


def replace_all(connection: Connection, register: Sequence[Unit]) -> None:
    """Let the register be exactly these units."""
    connection.execute(delete(units))
    if register:
        connection.execute(units.insert(), [_values(unit) for unit in register])


def every(connection: Connection) -> list[Unit]:
    """All units, by STH-kod."""
    return [_unit(row) for row in connection.execute(select(units).order_by(units.c.sth_code))]


def count(connection: Connection) -> int:
    """How many units the register holds."""
    return connection.execute(select(func.count()).select_from(units)).scalar_one()


def get(connection: Connection, sth_code: str) -> Unit | None:
    """The unit with that STH-kod."""
    return _one(connection, units.c.sth_code == sth_code)


def by_address(connection: Connection, address: ElectronicAddress) -> Unit | None:
    """The unit whose Peppol id that is, or whose GLN it carries."""
    same = [units.c.peppol_id == str(address)]
    if address.scheme == "0088":
        same.append(units.c.gln == address.value)
    return _one(connection, or_(*same))


def by_gln(connection: Connection, gln: Gln) -> Unit | None:
    """The unit with that GLN, or with a Peppol id made of it."""
    return by_address(connection, ElectronicAddress("0088", gln.digits))


def by_organisation(connection: Connection, number: OrganisationNumber) -> list[Unit]:
    """The units that share that organisation number, by STH-kod."""
    same = select(units).where(units.c.organisation_number == number.digits).order_by(units.c.sth_code)
    return [_unit(row) for row in connection.execute(same)]


def _one(connection: Connection, condition: ColumnElement[bool]) -> Unit | None:
    row = connection.execute(select(units).where(condition).order_by(units.c.sth_code).limit(1)).one_or_none()
    return None if row is None else _unit(row)


def _values(unit: Unit) -> dict[str, Any]:
    return {
        "sth_code": unit.sth_code,
        "name": unit.name,
        "organisation_number": unit.organisation_number.digits,
        "gln": unit.gln.digits if unit.gln else None,
        "peppol_id": str(unit.peppol_id) if unit.peppol_id else None,
        "target": unit.target,
        "reference_required": unit.reference_required,
        "reference_pattern": unit.reference_pattern,
    }


def _unit(row: Row[Any]) -> Unit:
    return Unit(
        sth_code=row.sth_code,
        name=row.name,
        organisation_number=OrganisationNumber(row.organisation_number),
        target=row.target,
        gln=Gln(row.gln) if row.gln else None,
        peppol_id=ElectronicAddress.parse(row.peppol_id) if row.peppol_id else None,
        reference_required=row.reference_required,
        reference_pattern=row.reference_pattern,
    )
