"""The register of receiving units, searchable. It is changed from the command line."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from hub.domain.units import Unit
from hub.store import units
from hub.web.visits import Somebody

router = APIRouter(prefix="/units")


@router.get("")
def listed(visit: Somebody, q: str = "") -> Response:
    """The units whose code, name or identifiers hold every word asked for."""
    with visit.database.read() as reading:
        register = units.every(reading)
    words = q.casefold().split()
    found = [unit for unit in register if all(word in _told(unit) for word in words)]
    return visit.page("units.html", units=found, total=len(register), q=q)


def _told(unit: Unit) -> str:
    number = unit.organisation_number
    stated = (unit.sth_code, unit.name, number.shown, number.digits, unit.gln or "", unit.peppol_id or "", unit.target)
    return " ".join(map(str, stated)).casefold()
