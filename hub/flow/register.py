"""The register of units as a CSV file: read strictly, every fault told with its line, replaced whole or not at all.

Columns, with `;` or `,` between them and a heading row: sth_kod, namn, organisationsnummer, gln, peppol_id,
mottagare (the target connection), referens_krav (ja/nej), referens_monster (a regular expression). The last two may
be missing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from hub.domain.identifiers import ElectronicAddress, Gln, NotAnIdentifier, OrganisationNumber
from hub.domain.units import Unit

REQUIRED = ("sth_kod", "namn", "organisationsnummer", "gln", "peppol_id", "mottagare")
OPTIONAL = ("referens_krav", "referens_monster")
LARGEST_LOSS = 0.3
"""A register that lacks more than this share of the units that were there is held for a person's word."""

_YES, _NO = {"ja", "j", "yes", "y", "1", "true"}, {"", "nej", "n", "no", "0", "false"}
_LONGEST = {"sth_kod": 64, "namn": 300, "peppol_id": 100, "mottagare": 64, "referens_monster": 200}
_Value = TypeVar("_Value")


class RegisterInvalid(Exception):
    """The file cannot be the register; `faults` says why, a line each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def parse(content: bytes) -> list[Unit]:
    """The units in the file, UTF-8 (with or without BOM) or Windows-1252. Raises RegisterInvalid."""
    text = _decoded(content)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    faults: list[str] = []
    try:
        found = _units(rows, faults)
    except csv.Error as error:
        raise RegisterInvalid([*faults, f"line {rows.line_num}: not CSV: {error}"]) from None
    faults += _repeated(found)
    if not found and not faults:
        faults.append("the file holds no units; an empty register would stop every invoice")
    if faults:
        raise RegisterInvalid(faults)
    return [unit for _, unit in found]


def _units(rows: csv.DictReader[str], faults: list[str]) -> list[tuple[int, Unit]]:
    missing = [name for name in REQUIRED if name not in (rows.fieldnames or ())]
    if missing:
        raise RegisterInvalid([f"line 1: the heading lacks {', '.join(missing)}"])
    return [(rows.line_num, unit) for row in rows if (unit := _unit(row, rows.line_num, faults)) is not None]


def loses_too_many(before: Iterable[Unit], after: Iterable[Unit]) -> list[Unit]:
    """The units that would disappear, when they are too many to go without a person's word; else none."""
    kept = {unit.sth_code for unit in after}
    had = list(before)
    lost = [unit for unit in had if unit.sth_code not in kept]
    return lost if len(lost) > LARGEST_LOSS * len(had) else []


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str:
    heading = text.partition("\n")[0]
    return ";" if heading.count(";") >= heading.count(",") else ","


def _unit(row: Mapping[str, str | None], line: int, faults: list[str]) -> Unit | None:
    said = {name: (row.get(name) or "").strip() for name in (*REQUIRED, *OPTIONAL)}
    if not any(said.values()):
        return None
    before = len(faults)
    faults += [
        f"line {line}: {name} is longer than {most} characters"
        for name, most in _LONGEST.items()
        if len(said[name]) > most
    ]
    unit = Unit(
        sth_code=_given(said, "sth_kod", line, faults),
        name=_given(said, "namn", line, faults),
        target=_given(said, "mottagare", line, faults),
        organisation_number=_parsed(
            OrganisationNumber.parse, said, "organisationsnummer", line, faults, OrganisationNumber("")
        ),
        gln=_parsed(Gln.parse, said, "gln", line, faults, None) if said["gln"] else None,
        peppol_id=_parsed(ElectronicAddress.parse, said, "peppol_id", line, faults, None)
        if said["peppol_id"]
        else None,
        reference_required=_yes(said, "referens_krav", line, faults),
        reference_pattern=_pattern(said, "referens_monster", line, faults),
    )
    return unit if len(faults) == before else None


def _given(said: Mapping[str, str], name: str, line: int, faults: list[str]) -> str:
    if not said[name]:
        faults.append(f"line {line}: {name} is empty")
    return said[name]


def _parsed(
    parse_value: Callable[[str], _Value],
    said: Mapping[str, str],
    name: str,
    line: int,
    faults: list[str],
    otherwise: _Value,
) -> _Value:
    try:
        return parse_value(said[name])
    except NotAnIdentifier as error:
        faults.append(f"line {line}: {name}: {error}")
        return otherwise


def _yes(said: Mapping[str, str], name: str, line: int, faults: list[str]) -> bool:
    answer = said[name].casefold()
    if answer not in _YES | _NO:
        faults.append(f"line {line}: {name}: answer ja or nej")
    return answer in _YES


def _pattern(said: Mapping[str, str], name: str, line: int, faults: list[str]) -> str:
    try:
        re.compile(said[name])
    except re.error as error:
        faults.append(f"line {line}: {name} is no regular expression: {error}")
    return said[name]


def _repeated(found: list[tuple[int, Unit]]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for line, unit in found:
        for what in dict.fromkeys(_known_by(unit)):
            first = seen.setdefault(what, line)
            if first != line:
                yield f"line {line}: {what} stands on line {first} already"


def _known_by(unit: Unit) -> Iterator[str]:
    """What the unit is found by. A GLN may be written as a Peppol id too, and is the same then."""
    yield f"sth_kod {unit.sth_code}"
    if unit.gln:
        yield f"gln {unit.gln}"
    if unit.peppol_id:
        is_gln = unit.peppol_id.scheme == "0088"
        yield f"gln {unit.peppol_id.value}" if is_gln else f"peppol_id {unit.peppol_id}"
