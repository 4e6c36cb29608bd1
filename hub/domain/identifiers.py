"""Identifiers of organisations: organisation numbers, GLNs and electronic addresses.

Sources: organisationsnummer, Skatteverket SKV 709 (ten digits, Luhn); GLN, GS1 General Specifications
(13 digits, modulo 10); electronic address schemes, the EAS code list of CEF (0007 Swedish organisation
number, 0088 GLN).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum import ean, luhn


class NotAnIdentifier(ValueError):
    """The text is no identifier of the kind asked for; the message says why."""


def _digits(text: str) -> str:
    return "".join(character for character in text if character not in "- \u00a0\t\n")


@dataclass(frozen=True, slots=True, order=True)
class OrganisationNumber:
    """A Swedish organisation number (or, for a sole trader, a personnummer) that passes its check digit."""

    digits: str

    @classmethod
    def parse(cls, text: str) -> OrganisationNumber:
        """Read `212000-0142`, `2120000142`, `162120000142` or `SE212000014201` (`+` for those past a hundred years).

        Raises NotAnIdentifier when what is left is not ten digits with a right check digit.
        """
        digits = _digits(text).replace("+", "").upper()
        if digits.startswith("SE") and digits.endswith("01") and len(digits) == 14:
            digits = digits[2:12]
        if len(digits) == 12 and digits[:2] in {"16", "18", "19", "20"}:
            digits = digits[2:]
        if len(digits) != 10 or not digits.isascii() or not digits.isdigit():
            raise NotAnIdentifier(f"an organisation number has ten digits, this has {len(digits)} characters")
        if not luhn.is_valid(digits):
            raise NotAnIdentifier("the check digit of the organisation number is wrong")
        return cls(digits)

    @property
    def is_personal(self) -> bool:
        """Whether it is a personnummer: an organisation's third digit is 2 or more (SKV 709)."""
        return self.digits[2] < "2"

    @property
    def shown(self) -> str:
        """As people write it; a personnummer is masked to its birth date."""
        return f"{self.digits[:6]}-{'****' if self.is_personal else self.digits[6:]}"

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True, order=True)
class Gln:
    """A Global Location Number: 13 digits with a right check digit."""

    digits: str

    @classmethod
    def parse(cls, text: str) -> Gln:
        """Read 13 digits, spaces allowed. Raises NotAnIdentifier."""
        digits = _digits(text)
        if len(digits) != 13 or not digits.isascii() or not digits.isdigit():
            raise NotAnIdentifier(f"a GLN has 13 digits, this has {len(digits)} characters")
        if not ean.is_valid(digits):
            raise NotAnIdentifier("the check digit of the GLN is wrong")
        return cls(digits)

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True, order=True)
class ElectronicAddress:
    """An electronic address: a scheme of the EAS code list and a value, `0007:2120000142`."""

    scheme: str
    value: str

    @classmethod
    def parse(cls, text: str) -> ElectronicAddress:
        """Read `0007:2120000142`, also with `iso6523-actorid-upis::` before it. Raises NotAnIdentifier."""
        scheme, colon, value = text.strip().removeprefix("iso6523-actorid-upis::").partition(":")
        if not colon or not scheme or not value.strip():
            raise NotAnIdentifier("an electronic address is written scheme:value, for instance 0007:2120000142")
        return cls.of(scheme, value)

    @classmethod
    def of(cls, scheme: str, value: str) -> ElectronicAddress:
        """The address of a scheme and a value, white space and (for 0007) hyphens left out, in lower case."""
        plain = _digits(value) if scheme.strip() in {"0007", "0088"} else value.strip()
        return cls(scheme.strip(), plain.lower())

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


# Born on a day that may exist (60 is added for a samordningsnummer), with or without century, SE and 01 around it.
_OF_A_PERSON = re.compile(
    r"(?:SE)?(?:1[689]|20)?(?P<born>[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]|6[1-9]|[78][0-9]|9[01]))"
    r"\+?[0-9]{4}(?:01)?",
    re.IGNORECASE,
)


def masked(identifier: str) -> str:
    """The identifier as it may be shown: a personnummer loses its last four digits, all else stays.

    One whose check digit is wrong is masked too: it is a person's number with a slip of the pen.
    """
    shaped = _OF_A_PERSON.fullmatch(_digits(identifier))
    if shaped:
        return f"{shaped['born']}-****"
    try:
        number = OrganisationNumber.parse(identifier)
    except NotAnIdentifier:
        return identifier
    return number.shown if number.is_personal else identifier
