"""What goes wrong with invoices in the world, done on purpose: each fault spoils a bill, a document or its bytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from hub_svefaktura.standin.bills import Bill
from hub_svefaktura.standin.elements import Element
from hub_svefaktura.standin.units import UNKNOWN

_Thing = TypeVar("_Thing")


def _as_it_is(thing: _Thing) -> _Thing:
    return thing


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to spoil an invoice; `format` says which kind of invoice it is done to, empty for any."""

    name: str
    format: str = ""
    bill: Callable[[Bill], Bill] = _as_it_is
    document: Callable[[Element], Element] = _as_it_is
    content: Callable[[bytes], bytes] = _as_it_is


def _unknown_recipient(bill: Bill) -> Bill:
    return replace(bill, unit=UNKNOWN)


def _without_references(bill: Bill) -> Bill:
    return replace(bill, reference="", order="", credits="")


def _wrong_gln(bill: Bill) -> Bill:
    """The unit's GLN with another check digit; its electronic address stays right."""
    gln = bill.unit.gln
    wrong = gln[:-1] + str((int(gln[-1]) + 1) % 10)
    return replace(bill, unit=replace(bill.unit, gln=wrong))


def _wrong_sum(document: Element) -> Element:
    """The total without VAT says a hundred kronor more than it is."""
    names = "{*}LegalMonetaryTotal/{*}TaxExclusiveAmount", "{*}LegalTotal/{*}TaxExclusiveTotalAmount"
    for name in names:
        for element in document.iterfind(name):
            element.text = str(Decimal(element.text or "0") + 100)
    return document


def _wrong_tax(document: Element) -> Element:
    """The tax of a rate is not the rate's part of what is taxed."""
    names = "{*}TaxTotal/{*}TaxSubtotal/{*}TaxAmount", "{*}TaxTotal/{*}TaxSubTotal/{*}TaxAmount"
    for name in names:
        for element in document.iterfind(name):
            element.text = str(Decimal(element.text or "0") + 7)
    return document


def _unknown_customization(document: Element) -> Element:
    for element in document.iterfind("{*}CustomizationID"):
        element.text = "urn:exempelstad.example:egen-variant:2.0"
    return document


def _not_xml(_content: bytes) -> bytes:
    return "Hej!\n\nFakturan kommer på papper i stället.\n\nHälsningar\n".encode()


def _pdf(_content: bytes) -> bytes:
    return b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def _empty(_content: bytes) -> bytes:
    return b""


def _bomb(content: bytes) -> bytes:
    """Entities that would swell to billions of characters in a reader that lets them."""
    swelling = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declaration = b"<?xml version='1.0' encoding='UTF-8'?>\n"
    _, _, rest = content.partition(b"?>\n")
    return declaration + f'<!DOCTYPE x [<!ENTITY e0 "lol">{swelling}]>\n'.encode() + rest


def _wrong_encoding(content: bytes) -> bytes:
    """It says UTF-8 and is written in ISO-8859-1."""
    return content.decode().encode("iso-8859-1", "replace")


def _packed(content: bytes) -> bytes:
    return zlib.compress(content)


AGAIN = Fault("duplicate")

FAULTS = (
    Fault("wrong-sum", document=_wrong_sum),
    Fault("wrong-tax", document=_wrong_tax),
    Fault("unknown-recipient", bill=_unknown_recipient),
    AGAIN,
    Fault("no-reference", format="bis", bill=_without_references),
    Fault("wrong-gln", format="bis", bill=_wrong_gln),
    Fault("unknown-customization", format="bis", document=_unknown_customization),
    Fault("not-xml", content=_not_xml),
    Fault("pdf", content=_pdf),
    Fault("packed", content=_packed),
    Fault("empty", content=_empty),
    Fault("cut", content=_cut),
    Fault("dtd-bomb", content=_bomb),
    Fault("wrong-encoding", content=_wrong_encoding),
)
