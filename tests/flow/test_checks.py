"""The city's own checks: every finding, and its absence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.invoices import Invoice, InvoiceKind
from hub.flow.checks import FATAL, WARNING, CityLimits, check
from tests.store.rows import a_unit, an_invoice

LIMITS = CityLimits()
TODAY = date(2026, 11, 22)
_AMOUNTS = st.decimals(min_value=-(10**10), max_value=10**10, places=2)
_DATES = st.dates()


def codes(invoice: Invoice, reference_required: bool = False, pattern: str = "") -> list[tuple[str, str]]:
    unit = a_unit("107", reference_required=reference_required, reference_pattern=pattern)
    return [(each.code, each.severity) for each in check(invoice, unit, LIMITS, TODAY)]


def test_an_ordinary_invoice_has_no_findings() -> None:
    assert codes(an_invoice(), reference_required=True) == []


def test_every_finding_says_something() -> None:
    odd = an_invoice(currency="USD", payable="1E+12", due_date=date(2020, 1, 1), order_reference="")
    found = check(odd, a_unit("107", reference_required=True), LIMITS, TODAY)
    assert {each.code for each in found} == {"CITY-CURRENCY", "CITY-AMOUNT", "CITY-DUE-DATE", "CITY-REFERENCE"}
    assert all(each.said for each in found)


@pytest.mark.parametrize(
    ("currency", "stops"), [("SEK", False), ("EUR", False), ("USD", True), ("", True), ("sek", True)]
)
def test_only_the_citys_currencies_are_paid_in(currency: str, stops: bool) -> None:
    assert codes(an_invoice(currency=currency)) == ([("CITY-CURRENCY", FATAL)] if stops else [])


@given(amount=_AMOUNTS, kind=st.sampled_from(InvoiceKind), corrects=st.booleans())
def test_an_amount_stops_an_invoice_when_it_is_too_large_or_negative_without_reason(
    amount: Decimal, kind: InvoiceKind, corrects: bool
) -> None:
    invoice = an_invoice(payable=amount, kind=kind, preceding=("F-1",) if corrects else ())
    unexplained = amount < 0 and not corrects
    stops = abs(amount) > LIMITS.largest or unexplained
    assert (("CITY-AMOUNT", FATAL) in codes(invoice)) is stops


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_amount_itself_is_paid(sign: int) -> None:
    invoice = an_invoice(preceding=("F-1",), payable=sign * LIMITS.largest)
    more = an_invoice(preceding=("F-1",), payable=sign * (LIMITS.largest + Decimal("0.01")))
    assert codes(invoice) == []
    assert codes(more) == [("CITY-AMOUNT", FATAL)]


@given(issued=_DATES, due=_DATES)
def test_a_due_date_is_not_before_the_issue_date_nor_more_than_a_year_after(issued: date, due: date) -> None:
    invoice = an_invoice(issue_date=issued, due_date=due)
    stops = not issued <= due or due.toordinal() - issued.toordinal() > 365
    assert (("CITY-DUE-DATE", FATAL) in codes(invoice)) is stops


@pytest.mark.parametrize(("days", "stops"), [(-5000, False), (0, False), (60, False), (61, True)])
def test_an_issue_date_lies_at_most_sixty_days_ahead(days: int, stops: bool) -> None:
    issued = TODAY + timedelta(days=days)
    found = codes(an_invoice(issue_date=issued, due_date=issued))
    assert found == ([("CITY-ISSUE-DATE", FATAL)] if stops else [])


@pytest.mark.parametrize(("days", "stops"), [(-1, True), (0, False), (365, False), (366, True)])
def test_the_borders_of_a_due_date(days: int, stops: bool) -> None:
    invoice = an_invoice()
    due = replace(invoice, due_date=invoice.issue_date + timedelta(days=days))
    assert codes(due) == ([("CITY-DUE-DATE", FATAL)] if stops else [])


def test_the_last_day_of_the_calendar_is_a_date_too() -> None:
    assert codes(an_invoice(issue_date=date.max, due_date=date.max)) == [("CITY-ISSUE-DATE", FATAL)]


@given(amount=_AMOUNTS, kind=st.sampled_from(InvoiceKind))
def test_a_missing_due_date_is_only_remarked_on_where_something_is_to_be_paid(
    amount: Decimal, kind: InvoiceKind
) -> None:
    invoice = an_invoice(payable=amount, kind=kind, due_date=None)
    remarked = kind is InvoiceKind.INVOICE and amount > 0
    assert (("CITY-DUE-DATE", WARNING) in codes(invoice)) is remarked
    assert ("CITY-DUE-DATE", FATAL) not in codes(invoice)


@pytest.mark.parametrize(
    ("buyer", "order", "required", "pattern", "stops"),
    [
        ("", "", False, r"\d{5}", False),
        ("", "", True, "", True),
        ("12345", "", True, "", False),
        ("", "B-1", True, "", False),
        ("12345", "", True, r"\d{5}", False),
        ("", "12345", True, r"\d{5}", False),
        ("Anna", "12345", True, r"\d{5}", False),
        ("Anna", "B-1", True, r"\d{5}", True),
        ("123456", "", True, r"\d{5}", True),
        ("x12345", "", True, r"\d{5}", True),
    ],
)
def test_a_unit_that_demands_a_reference_gets_one_of_its_own_kind(
    buyer: str, order: str, required: bool, pattern: str, stops: bool
) -> None:
    invoice = an_invoice(buyer_reference=buyer, order_reference=order)
    assert codes(invoice, required, pattern) == ([("CITY-REFERENCE", FATAL)] if stops else [])


def test_nothing_is_demanded_for_a_unit_that_is_not_known() -> None:
    assert check(an_invoice(order_reference=""), None, LIMITS, TODAY) == ()
