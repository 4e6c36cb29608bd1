"""The made-up city Exempelstad: its receiving units, and the register of them as a file.

Every number is valid in its check digit and belongs to nobody: organisation numbers of a municipality that is not,
and of companies in a series that is not handed out.
"""

from __future__ import annotations

from dataclasses import dataclass

from stdnum import ean, luhn

CITY = "Exempelstad"
COLUMNS = ("sth_kod", "namn", "organisationsnummer", "gln", "peppol_id", "mottagare", "referens_krav")

_MUNICIPALITY = "212999000"
_COMPANY = "55998800"
_GLN = "7359999000"


@dataclass(frozen=True, slots=True)
class CityUnit:
    """A receiving unit. `endpoint` is its Peppol id's scheme and value."""

    sth_code: str
    name: str
    organisation_number: str
    gln: str
    endpoint: tuple[str, str]
    reference_required: bool = False
    street: str = "Påhittade torget 1"
    postal_code: str = "10000"
    city: str = CITY

    @property
    def peppol_id(self) -> str:
        """As the register and envelopes write it."""
        return ":".join(self.endpoint)

    def reference(self, number: int) -> str:
        """A buyer's reference as this unit hands them out."""
        return f"{self.sth_code}{number:04d}"


def checked(digits: str) -> str:
    """The digits with their Luhn check digit after them."""
    return digits + luhn.calc_check_digit(digits)


def a_gln(number: int) -> str:
    """The made-up GLN of that number."""
    digits = f"{_GLN}{number:02d}"
    return digits + ean.calc_check_digit(digits)


def _department(number: int, sth_code: str, name: str, *, reference_required: bool = False) -> CityUnit:
    gln = a_gln(number)
    return CityUnit(sth_code, name, checked(_MUNICIPALITY), gln, ("0088", gln), reference_required)


def _company(number: int, sth_code: str, name: str) -> CityUnit:
    own = checked(f"{_COMPANY}{number}")
    return CityUnit(sth_code, name, own, a_gln(50 + number), ("0007", own))


UNITS = (
    _department(1, "110", "Stadsledningskontoret"),
    _department(2, "115", "Serviceförvaltningen", reference_required=True),
    _department(3, "120", "Utbildningsförvaltningen", reference_required=True),
    _department(4, "125", "Trafikkontoret"),
    _department(5, "130", "Fastighetskontoret", reference_required=True),
    _department(6, "135", "Socialförvaltningen"),
    _department(7, "140", "Äldreförvaltningen"),
    _department(8, "145", "Kulturförvaltningen"),
    _department(9, "150", "Miljöförvaltningen"),
    _company(1, "910", f"{CITY}s Bostäder AB"),
    _company(2, "920", f"{CITY}s Vatten AB"),
    _company(3, "930", f"{CITY}s Hamnar AB"),
)

# A unit that nobody entered in the register: an invoice to it has no way to go.
UNKNOWN = _company(9, "990", f"{CITY}s Tunnelbana AB")


def register(target: str) -> bytes:
    """The register of units as CSV, all delivered to that connection."""
    rows = [COLUMNS, *(_row(unit, target) for unit in UNITS)]
    return "".join(";".join(row) + "\n" for row in rows).encode()


def _row(unit: CityUnit, target: str) -> tuple[str, ...]:
    required = "ja" if unit.reference_required else "nej"
    return (unit.sth_code, unit.name, unit.organisation_number, unit.gln, unit.peppol_id, target, required)
