"""The city's own checks of an invoice, made after the official rules: can it be for us, and may it be paid as it is?

The thresholds are the city's own settings; no law states them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from hub.domain.invoices import Invoice, InvoiceKind
from hub.domain.units import Unit

FATAL = "fatal"
WARNING = "warning"
EARLIEST = timedelta(days=60)
"""An issue date further ahead than this is taken for a slip (our own choice, 2026-11)."""


@dataclass(frozen=True, slots=True)
class CityLimits:
    """What the city pays without asking a person."""

    currencies: tuple[str, ...] = ("SEK", "EUR")
    largest: Decimal = Decimal(100_000_000)
    latest_due: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class CityFinding:
    """Something the city's checks found; only a fatal one stops the invoice."""

    code: str
    severity: str
    value: str
    said: str


def check(invoice: Invoice, unit: Unit | None, limits: CityLimits, today: date) -> tuple[CityFinding, ...]:
    """What the city has to say of the invoice; `unit` is its recipient where that is known."""
    found = [*_currency(invoice, limits), *_amount(invoice, limits), *_issue_date(invoice, today)]
    found += _due_date(invoice, limits)
    if unit is not None:
        found += _reference(invoice, unit)
    return tuple(found)


def _currency(invoice: Invoice, limits: CityLimits) -> Iterator[CityFinding]:
    if invoice.currency not in limits.currencies:
        said = f"the city pays in {', '.join(limits.currencies)}"
        yield CityFinding("CITY-CURRENCY", FATAL, invoice.currency, said)


def _amount(invoice: Invoice, limits: CityLimits) -> Iterator[CityFinding]:
    amount = invoice.payable.amount
    if abs(amount) > limits.largest:
        yield CityFinding("CITY-AMOUNT", FATAL, str(invoice.payable), f"larger than {limits.largest:f}")
    elif amount < 0 and not invoice.preceding:
        said = "a negative amount, and no invoice is named that it corrects"
        yield CityFinding("CITY-AMOUNT", FATAL, str(invoice.payable), said)


def _issue_date(invoice: Invoice, today: date) -> Iterator[CityFinding]:
    if invoice.issue_date - today > EARLIEST:
        issued = invoice.issue_date.isoformat()
        yield CityFinding("CITY-ISSUE-DATE", FATAL, issued, f"more than {EARLIEST.days} days ahead")


def _due_date(invoice: Invoice, limits: CityLimits) -> Iterator[CityFinding]:
    if invoice.due_date is None:
        if invoice.kind is InvoiceKind.INVOICE and invoice.payable.amount > 0:
            yield CityFinding("CITY-DUE-DATE", WARNING, "", "no due date is stated")
        return
    due = invoice.due_date.isoformat()
    if invoice.due_date < invoice.issue_date:
        yield CityFinding("CITY-DUE-DATE", FATAL, due, f"before the issue date {invoice.issue_date.isoformat()}")
    elif invoice.due_date - invoice.issue_date > limits.latest_due:
        said = f"more than {limits.latest_due.days} days after the issue date {invoice.issue_date.isoformat()}"
        yield CityFinding("CITY-DUE-DATE", FATAL, due, said)


def _reference(invoice: Invoice, unit: Unit) -> Iterator[CityFinding]:
    if not unit.reference_required:
        return
    stated = [each for each in (invoice.buyer_reference, invoice.order_reference) if each]
    if not stated:
        said = f"{unit.name} demands a buyer reference or an order reference"
        yield CityFinding("CITY-REFERENCE", FATAL, "", said)
    elif unit.reference_pattern and not any(re.fullmatch(unit.reference_pattern, each) for each in stated):
        said = f"{unit.name} wants references written as {unit.reference_pattern}"
        yield CityFinding("CITY-REFERENCE", FATAL, ", ".join(stated), said)
