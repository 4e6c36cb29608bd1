"""Rows to test the store with: documents, invoices and units that nobody has sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from sqlalchemy import Connection

from hub.domain.documents import Arrival, RetentionClass
from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.invoices import Invoice, InvoiceKind, Totals
from hub.domain.money import Money
from hub.domain.parties import Identifier, Party
from hub.domain.texts import Reason, Text
from hub.domain.units import Unit
from hub.store import blobs, documents

ARRIVED = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def arrive(
    connection: Connection,
    external_id: str,
    source: str = "inkorg",
    content: bytes | None = None,
    noun: str = "invoices",
) -> int:
    """The id of a document that arrived with those bytes (its own name unless told)."""
    body = external_id.encode() if content is None else content
    digest = hashlib.sha256(body).hexdigest()
    blobs.keep(connection, digest, len(body), blobs.packed(BytesIO(body)), RetentionClass.ACCOUNTING)
    arrival = Arrival(source, external_id, f"{external_id}.xml", digest, len(body), ARRIVED, noun)
    return documents.arrive(connection, arrival)[0]


def an_invoice(**changed: Any) -> Invoice:
    """An invoice; any of its fields may be changed by name, and `payable` by its amount."""
    amount = Money(Decimal(changed.pop("payable", "1250.00")), changed.get("currency", "SEK"))
    invoice = Invoice(
        kind=InvoiceKind.INVOICE,
        number="F-2026/0042",
        issue_date=date(2026, 11, 1),
        due_date=date(2026, 12, 1),
        currency="SEK",
        seller=Party("Åkeri Öberg & Söner AB", legal_id="556016-0680"),
        buyer=a_buyer(),
        lines=(),
        vat=(),
        totals=Totals(None, None, None, None, None, None, amount),
        order_reference="BEST-7781",
    )
    return replace(invoice, **changed)


def a_buyer(**changed: Any) -> Party:
    """The city as buyer, named by nothing but its organisation number unless told."""
    return replace(Party("Stockholms stad", legal_id="212000-0142"), **changed)


def gln(number: int) -> Gln:
    """A made-up GLN with a right check digit."""
    digits = f"7365{number:08d}"
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return Gln.parse(digits + str(-weighed % 10))


def a_unit(code: str, **changed: Any) -> Unit:
    """A unit of the city with that STH-kod."""
    unit = Unit(code, f"Nämnd {code} (påhittad)", OrganisationNumber.parse("212000-0142"), "agresso")
    return replace(unit, **changed)


def address(text: str) -> ElectronicAddress:
    """The electronic address written so."""
    return ElectronicAddress.parse(text)


def named(scheme: str, value: str) -> Identifier:
    """An identifier as a document states it."""
    return Identifier(value, scheme)


def a_reason(code: str, value: str = "", location: str = "") -> Reason:
    """A reason of that code."""
    return Reason(code, Text("fel", "wrong"), Text("rätta", "mend"), location, value)
