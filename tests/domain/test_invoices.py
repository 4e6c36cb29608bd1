"""Two documents are the same invoice when seller, kind, number, date, amount and currency agree."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hub.domain.identifiers import ElectronicAddress
from hub.domain.invoices import Invoice, InvoiceKind, Totals
from hub.domain.money import Money
from hub.domain.parties import Party


def totals(amount: str, currency: str = "SEK") -> Totals:
    return Totals(None, None, None, None, None, None, Money(Decimal(amount), currency))


BUYER = Party("Exempelstads kulturförvaltning")
SELLER = Party("Påhittade Kontorsvaror AB", legal_id="5555555555")
INVOICE = Invoice(InvoiceKind.INVOICE, "F-1", date(2026, 11, 2), None, "SEK", SELLER, BUYER, (), (), totals("4873.00"))


def test_the_key_does_not_mind_how_amount_number_and_seller_are_written() -> None:
    other = replace(
        INVOICE,
        number=" F-1 ",
        totals=totals("4873"),
        seller=Party("Annat namn", vat_id="SE555555555501"),
        due_date=date(2026, 12, 2),
    )
    assert other.business_key == INVOICE.business_key


@pytest.mark.parametrize(
    "change",
    [
        {"kind": InvoiceKind.CREDIT_NOTE},
        {"number": "F-2"},
        {"issue_date": date(2026, 11, 3)},
        {"currency": "EUR"},
        {"totals": totals("4873.01")},
        {"totals": totals("4873.0000000000000000000000000000001")},
        {"seller": Party("Påhittade Kontorsvaror AB", legal_id="9999999999")},
    ],
)
def test_any_difference_that_counts_makes_another_key(change: dict[str, object]) -> None:
    assert replace(INVOICE, **change).business_key != INVOICE.business_key  # type: ignore[arg-type]


def test_a_seller_without_organisation_number_is_known_by_vat_number_address_or_name() -> None:
    foreign = Party("Exempel Oy ", ElectronicAddress("0216", "fi123"), vat_id="FI12345678")
    assert replace(INVOICE, seller=foreign).seller_key == "FI12345678"
    assert replace(INVOICE, seller=replace(foreign, vat_id="")).seller_key == "0216:fi123"
    assert replace(INVOICE, seller=Party(" Exempel OY")).seller_key == "exempel oy"


def test_what_is_payable_is_what_the_totals_say() -> None:
    assert INVOICE.payable == Money(Decimal("4873.00"), "SEK")
