"""Matching an invoice to its order: what fits, what does not and why, and what no tolerance lets through."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.identifiers import OrganisationNumber
from hub.domain.invoices import Invoice, InvoiceKind, InvoiceLine
from hub.domain.matches import Match, MatchOutcome
from hub.domain.money import Money
from hub.domain.orders import OrderHead, OrderLine, OrderStatus, PurchaseOrder
from hub.flow.matching import Candidate, Tolerance, match, references
from tests.store.rows import an_invoice

OURS, OTHERS = OrganisationNumber.parse("5569992224"), OrganisationNumber.parse("5569990004")
STRICT = Tolerance(Decimal(1), Decimal("0.01"))
HEAD = OrderHead("ST", "4501", "50001", OrderStatus.OPEN, date(2026, 11, 2), "SEK", contract="A-17")
ORDERED = (
    OrderLine(1, "PAP", "Papper", Decimal(10), "ST", Decimal("50.00"), Decimal("500.00")),
    OrderLine(2, "PEN", "Pennor", Decimal(4), "ST", Decimal("25.00"), Decimal("100.00")),
)


def line(id_: str, name: str, quantity: str, price: str, **changed: Any) -> InvoiceLine:
    """A line of an invoice."""
    amount = Money(Decimal(quantity) * Decimal(price), "SEK")
    stated: dict[str, Any] = {"id": id_, "name": name, "quantity": Decimal(quantity), "unit": "C62", "amount": amount}
    return InvoiceLine(**(stated | {"unit_price": Decimal(price)} | changed))


def invoice(*lines: InvoiceLine, **changed: Any) -> Invoice:
    """An invoice of those lines, from the order's own supplier, that names the order."""
    made = an_invoice()
    seller = replace(made.seller, legal_id=OURS.digits)
    stated = {"order_reference": "4501", "contract_reference": "", "more_references": (), "currency": "SEK"}
    return replace(made, **({"seller": seller, "lines": lines, "kind": InvoiceKind.INVOICE} | stated | changed))


FITS = (line("1", "Papper", "10", "50"), line("2", "Pennor", "4", "25"))


def compared(of: Invoice, *, head: OrderHead = HEAD, supplier: OrganisationNumber | None = OURS) -> Match:
    """The invoice beside the order."""
    return match(of, [Candidate(PurchaseOrder(head, ORDERED), supplier)], STRICT)


def codes(found: Match) -> list[str]:
    return [each.code for each in found.reasons]


def test_an_invoice_of_all_that_was_ordered_matches_with_its_contract() -> None:
    found = compared(invoice(*FITS))
    assert (found.outcome, found.reasons, found.order, found.contract) == (MatchOutcome.MATCHED, (), "4501", "A-17")
    assert [(each.line, each.order_line, each.fits) for each in found.lines] == [("1", 1, True), ("2", 2, True)]


@pytest.mark.parametrize(
    ("lines", "changed", "head", "code"),
    [
        ([line("1", "Papper", "10", "55")], {}, {}, "ORDER-PRICE"),
        ([line("1", "Papper", "11", "50")], {}, {}, "ORDER-QUANTITY"),
        ([line("1", "Sax", "1", "50")], {}, {}, "ORDER-LINE"),
        ([FITS[0]], {"currency": "EUR"}, {}, "ORDER-CURRENCY"),
        ([FITS[0]], {}, {"status": OrderStatus.FINISHED}, "ORDER-CLOSED"),
        ([FITS[0]], {}, {"status": OrderStatus.STOPPED}, "ORDER-CLOSED"),
        ([FITS[0]], {"contract_reference": "B-1"}, {}, "ORDER-CONTRACT"),
        ([line("1", "Papper", "10", "50", amount=Money(Decimal(607), "SEK"))], {}, {}, "ORDER-AMOUNT"),
    ],
)
def test_what_does_not_fit_is_told_and_the_invoice_matches_in_part(
    lines: list[InvoiceLine], changed: dict[str, Any], head: dict[str, Any], code: str
) -> None:
    found = compared(invoice(*lines, **changed), head=replace(HEAD, **head))
    assert (found.outcome, codes(found)) == (MatchOutcome.PARTLY, [code])
    assert found.reasons[0].remedy.sv
    assert found.reasons[0].remedy.en


@pytest.mark.parametrize(
    ("stated", "ordered_line"),
    [
        ({"name": "Något", "order_line": "2"}, 2),
        ({"name": "Något", "item_number": "pen"}, 2),
        ({"name": " PENNOR "}, 2),
        ({"name": "Pennor", "order_line": "99"}, 2),
        ({"name": "Något", "order_line": "²"}, None),
    ],
)
def test_a_line_is_found_by_number_else_by_item_else_by_name(stated: dict[str, Any], ordered_line: int | None) -> None:
    found = compared(invoice(replace(line("1", "", "1", "25"), **stated)))
    assert found.lines[0].order_line == ordered_line


def test_two_lines_of_an_order_that_say_the_same_are_taken_for_neither_unless_one_is_named() -> None:
    twins = tuple(replace(ORDERED[0], number=number) for number in (1, 2))
    candidate = Candidate(PurchaseOrder(HEAD, twins), OURS)
    assert match(invoice(FITS[0]), [candidate], STRICT).lines[0].order_line is None
    named = invoice(replace(FITS[0], order_line="2"), replace(FITS[0], id="2"))
    assert [each.order_line for each in match(named, [candidate], STRICT).lines] == [2, 1]


def test_what_was_invoiced_before_is_not_left_to_invoice() -> None:
    taken = PurchaseOrder(HEAD, (replace(ORDERED[0], invoiced=Decimal(6)),))
    candidate = Candidate(taken, OURS)
    assert match(invoice(line("1", "Papper", "4", "50")), [candidate], STRICT).outcome is MatchOutcome.MATCHED
    assert codes(match(invoice(line("1", "Papper", "5", "50")), [candidate], STRICT)) == ["ORDER-QUANTITY"]


@pytest.mark.parametrize("status", OrderStatus)
def test_a_credit_note_takes_nothing_of_what_is_left_and_may_be_of_an_order_that_has_ended(status: OrderStatus) -> None:
    taken = PurchaseOrder(replace(HEAD, status=status), (replace(ORDERED[0], invoiced=Decimal(10)),))
    credit = invoice(FITS[0], kind=InvoiceKind.CREDIT_NOTE)
    assert match(credit, [Candidate(taken, OURS)], STRICT).outcome is MatchOutcome.MATCHED


@pytest.mark.parametrize("changed", [{"order_line": "1"}, {"item_number": "pap"}, {}])
@pytest.mark.parametrize(("parts", "found"), [(("4", "6"), []), (("4", "7"), ["ORDER-QUANTITY"])])
def test_several_lines_of_one_order_line_are_judged_by_what_they_come_to(
    parts: tuple[str, str], found: list[str], changed: dict[str, str]
) -> None:
    lines = [line(str(number), "Papper", part, "50", **changed) for number, part in enumerate(parts, 1)]
    told = compared(invoice(*lines))
    assert (codes(told), [each.order_line for each in told.lines]) == (found, [1, 1])
    assert [each.location for each in told.reasons] == ["2"][: len(found)]


@pytest.mark.parametrize("stated", ["9" * 5000, "0" * 5000 + "2", "٢", "-2"])
def test_however_long_or_odd_the_number_of_a_line_is_the_invoice_is_compared(stated: str) -> None:
    found = compared(invoice(line("1", "Pennor", "1", "25", order_line=stated)))
    assert (found.outcome, found.lines[0].order_line) == (MatchOutcome.MATCHED, 2)


OTHER = PurchaseOrder(
    replace(HEAD, number="4502", contract="B-1"),
    (OrderLine(1, "SAX", "Saxar", Decimal(3), "ST", Decimal(80), Decimal(240)),),
)
OF_TWO = (line("1", "Papper", "10", "50"), line("2", "Saxar", "3", "80", order_reference="4502"))


def of_two(*lines: InvoiceLine, **changed: Any) -> Match:
    """The invoice beside the two orders that its lines name."""
    candidates = [Candidate(PurchaseOrder(HEAD, ORDERED), OURS), Candidate(OTHER, OURS)]
    return match(invoice(*lines, **changed), candidates, STRICT)


@pytest.mark.parametrize("contract", ["", "A-17", "B-1"])
def test_each_line_is_compared_with_the_order_that_it_names_itself(contract: str) -> None:
    found = of_two(*OF_TWO, contract_reference=contract)
    assert (found.outcome, found.reasons, found.order) == (MatchOutcome.MATCHED, (), "4501")
    assert [(each.order, each.order_line, each.fits) for each in found.lines] == [("4501", 1, True), ("4502", 1, True)]
    assert found.orders == (("ST", "4501"), ("ST", "4502"))


def test_what_does_not_fit_an_order_is_told_whichever_of_the_invoices_orders_it_is() -> None:
    dear = line("2", "Saxar", "4", "80", order_reference="4502", amount=Money(Decimal(320), "SEK"))
    found = of_two(OF_TWO[0], dear, contract_reference="C-1")
    assert codes(found) == ["ORDER-CONTRACT", "ORDER-AMOUNT", "ORDER-QUANTITY"]
    assert [each.fits for each in found.lines] == [True, False]


@pytest.mark.parametrize(
    ("candidates", "code"), [([], "ORDER-UNKNOWN"), ([Candidate(OTHER, OTHERS)], "ORDER-SUPPLIER")]
)
def test_a_line_of_an_order_that_is_not_known_or_anothers_is_told_and_the_others_are_compared(
    candidates: list[Candidate], code: str
) -> None:
    found = match(invoice(*OF_TWO), [Candidate(PurchaseOrder(HEAD, ORDERED), OURS), *candidates], STRICT)
    assert [(each.code, each.location) for each in found.reasons] == [(code, "2")]
    assert [(each.order, each.fits) for each in found.lines] == [("4501", True), ("", False)]


def test_an_invoice_that_names_no_order_or_an_unknown_one_is_unmatched() -> None:
    assert codes(compared(invoice(*FITS, order_reference=" "))) == ["ORDER-NO-REFERENCE"]
    found = match(invoice(*FITS, order_reference="77"), [], STRICT)
    assert (found.outcome, codes(found), found.reasons[0].value) == (MatchOutcome.UNMATCHED, ["ORDER-UNKNOWN"], "77")


def test_every_reference_is_tried_once_the_heads_own_first() -> None:
    told = invoice(replace(FITS[0], order_reference="B"), order_reference="A ", more_references=("C", "B", ""))
    assert references(told) == ("A", "B", "C")


def test_of_several_orders_of_that_number_the_sellers_own_is_compared() -> None:
    others = Candidate(PurchaseOrder(replace(HEAD, company="HA"), ORDERED), OTHERS)
    ours = Candidate(PurchaseOrder(HEAD, ORDERED), OURS)
    assert match(invoice(*FITS), [others, ours], STRICT).company == "ST"


def test_an_order_whose_supplier_is_not_known_stands_back_for_the_sellers_own() -> None:
    nobodys = Candidate(PurchaseOrder(replace(HEAD, company="HA"), ORDERED[1:]), None)
    found = match(invoice(*FITS), [nobodys, Candidate(PurchaseOrder(HEAD, ORDERED), OURS)], STRICT)
    assert (found.company, found.outcome) == ("ST", MatchOutcome.MATCHED)


def again(of: Invoice, before: Match, *, status: OrderStatus = OrderStatus.OPEN, invoiced: int = 10) -> Match:
    """The invoice compared again once so many of its first line are booked on the order."""
    lines = (replace(ORDERED[0], invoiced=Decimal(invoiced)), ORDERED[1])
    return match(of, [Candidate(PurchaseOrder(replace(HEAD, status=status), lines), OURS)], STRICT, before)


def test_what_fitted_when_it_came_is_not_too_much_once_it_is_booked_and_its_order_finished() -> None:
    dear = invoice(line("1", "Papper", "10", "55", amount=Money(Decimal(500), "SEK")))
    before = compared(dear)
    assert codes(again(dear, before, status=OrderStatus.FINISHED)) == codes(before) == ["ORDER-PRICE"]


def test_one_that_was_compared_with_no_order_may_be_billed_a_second_time() -> None:
    whole = invoice(*FITS)
    unknown, anothers = match(whole, [], STRICT), compared(whole, supplier=OTHERS)
    for before in (unknown, anothers):
        found = again(whole, before, status=OrderStatus.FINISHED)
        assert (found.outcome, codes(found)) == (MatchOutcome.PARTLY, ["ORDER-CLOSED", "ORDER-QUANTITY"])


def test_what_was_too_much_when_it_came_stays_so_until_the_order_has_room_for_it() -> None:
    whole = invoice(line("1", "Papper", "10", "50"))
    taken = PurchaseOrder(replace(HEAD, status=OrderStatus.FINISHED), (replace(ORDERED[0], invoiced=Decimal(10)),))
    before = match(whole, [Candidate(taken, OURS)], STRICT)
    assert codes(before) == ["ORDER-CLOSED", "ORDER-QUANTITY"]
    assert again(whole, before, status=OrderStatus.FINISHED, invoiced=20).reasons == before.reasons
    assert again(whole, before, invoiced=0).outcome is MatchOutcome.MATCHED


def test_where_nobody_knows_whose_the_order_is_no_invoice_of_it_matches_wholly() -> None:
    unpulled = compared(invoice(*FITS), supplier=None)
    assert (unpulled.outcome, codes(unpulled)) == (MatchOutcome.PARTLY, ["ORDER-SUPPLIER-UNKNOWN"])
    assert all(each.fits for each in unpulled.lines)
    made = invoice(*FITS)
    nameless = compared(
        replace(made, seller=replace(made.seller, legal_id="DE 123", endpoint=None, vat_id="", identifiers=()))
    )
    assert (nameless.outcome, codes(nameless)) == (MatchOutcome.PARTLY, ["ORDER-SELLER-UNKNOWN"])


@pytest.mark.parametrize("parts", [1, 5000])
def test_the_tolerance_is_for_what_a_price_comes_to_however_the_invoice_is_cut_in_lines(parts: int) -> None:
    ordered = (OrderLine(1, "", "Skruv", Decimal(10_000), "ST", Decimal(1), Decimal(10_000)),)
    lines = [line(str(number), "Skruv", str(5000 // parts), "1.99") for number in range(parts)]
    found = match(invoice(*lines), [Candidate(PurchaseOrder(HEAD, ordered), OURS)], STRICT)
    assert set(codes(found)) == {"ORDER-PRICE"}
    one = match(invoice(line("1", "Skruv", "1", "1.99")), [Candidate(PurchaseOrder(HEAD, ordered), OURS)], STRICT)
    assert one.outcome is MatchOutcome.MATCHED


amounts = st.decimals(0, 100_000, places=2)


@settings(max_examples=100, deadline=None)
@given(quantity=st.integers(1, 1000), price=amounts, off=st.decimals(-1, 1, places=4))
def test_within_tolerance_it_always_matches(quantity: int, price: Decimal, off: Decimal) -> None:
    ordered = OrderLine(1, "", "Papper", Decimal(quantity), "ST", price, quantity * price)
    room = STRICT.of(ordered.amount) / quantity
    near = price + (room * off).quantize(Decimal("1e-12"), ROUND_DOWN)
    total = ordered.amount + STRICT.of(ordered.amount) * min(off, Decimal(0))
    told = line("1", "Papper", str(quantity), str(near), amount=Money(total, "SEK"))
    found = match(invoice(told), [Candidate(PurchaseOrder(HEAD, (ordered,)), OURS)], STRICT)
    assert (found.outcome, found.reasons) == (MatchOutcome.MATCHED, ())


@settings(max_examples=100, deadline=None)
@given(
    quantity=st.integers(1, 1000), price=amounts, beyond=st.decimals("0.0001", 1000, places=4),
    sign=st.sampled_from([-1, 1]),
)  # fmt: skip
def test_beyond_tolerance_it_never_matches(quantity: int, price: Decimal, beyond: Decimal, sign: int) -> None:
    ordered = OrderLine(1, "", "Papper", Decimal(quantity), "ST", price, quantity * price)
    far = price + sign * (STRICT.of(ordered.amount) / quantity + beyond)
    told = line("1", "Papper", str(quantity), str(far), amount=Money(ordered.amount, "SEK"))
    found = match(invoice(told), [Candidate(PurchaseOrder(HEAD, (ordered,)), OURS)], STRICT)
    assert (found.outcome, codes(found)) == (MatchOutcome.PARTLY, ["ORDER-PRICE"])


@settings(max_examples=100, deadline=None)
@given(
    amount=st.decimals(0, 10**9, places=2), share=st.decimals(0, 100, places=2),
    quantity=st.integers(1, 50), price=amounts,
)  # fmt: skip
def test_another_suppliers_order_never_matches_whatever_is_tolerated(
    amount: Decimal, share: Decimal, quantity: int, price: Decimal
) -> None:
    told = invoice(line("1", "Papper", str(quantity), str(price)))
    found = match(told, [Candidate(PurchaseOrder(HEAD, ORDERED), OTHERS)], Tolerance(amount, share))
    assert (found.outcome, codes(found), found.lines) == (MatchOutcome.UNMATCHED, ["ORDER-SUPPLIER"], ())
