"""Where in the shown invoice a finding belongs, told from its XPath.

The element names are those of UBL 2.1 and Svefaktura 1.0; envelopes around the invoice do not disturb.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, Protocol, TypeVar

_SECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AccountingSupplierParty": "seller",
        "SellerParty": "seller",
        "TaxRepresentativeParty": "seller",
        "AccountingCustomerParty": "buyer",
        "BuyerParty": "buyer",
        "PayeeParty": "payee",
        "PaymentMeans": "payment",
        "PaymentTerms": "payment",
        "TaxTotal": "vat",
        "LegalMonetaryTotal": "totals",
        "LegalTotal": "totals",
        "AllowanceCharge": "allowances",
        "AdditionalDocumentReference": "attachments",
    }
)
_LINES: Final = frozenset({"InvoiceLine", "CreditNoteLine"})
_INVOICES: Final = frozenset({"Invoice", "CreditNote"})
_STEP = re.compile(r"(?:[\w.-]+:)?(?P<name>[\w.-]+)(?:\[(?P<position>\d+)\])?$")


class Located(Protocol):
    """Anything that says where in the document it belongs."""

    @property
    def location(self) -> str:
        """An XPath, empty when it is about the whole document."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the shown invoice; `line` is the line's position from 1, or 0 where it is no line."""

    section: str
    line: int = 0


def place_of(location: str) -> Place | None:
    """The part of the invoice that the XPath leads into; None when it is about the document as a whole."""
    inside = False
    for step in location.split("/"):
        match = _STEP.match(step)
        if match is None:
            continue
        if match["name"] in _LINES:
            return Place("lines", int(match["position"] or 1))
        if match["name"] in _SECTIONS:
            return Place(_SECTIONS[match["name"]])
        if inside:
            return Place("header")
        inside = match["name"] in _INVOICES
    return None


T = TypeVar("T", bound=Located)


@dataclass(frozen=True, slots=True)
class Marks(Generic[T]):
    """Findings by the part of the invoice they belong to."""

    sections: Mapping[str, tuple[T, ...]]
    lines: Mapping[int, tuple[T, ...]]

    def at(self, section: str) -> tuple[T, ...]:
        """What was found in that part, lines aside."""
        return self.sections.get(section, ())

    def at_line(self, number: int) -> tuple[T, ...]:
        """What was found on the line in that position, from 1."""
        return self.lines.get(number, ())


def marked(findings: Iterable[T]) -> Marks[T]:
    """The findings, each where it belongs."""
    sections: dict[str, list[T]] = {}
    lines: dict[int, list[T]] = {}
    for finding in findings:
        place = place_of(finding.location)
        if place is None:
            continue
        if place.line:
            lines.setdefault(place.line, []).append(finding)
        else:
            sections.setdefault(place.section, []).append(finding)
    return Marks({k: tuple(v) for k, v in sections.items()}, {k: tuple(v) for k, v in lines.items()})
