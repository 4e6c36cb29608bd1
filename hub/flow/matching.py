"""Matching an invoice to its order: the reference, the supplier, the lines and the amounts within tolerance.

Nothing is stopped by it. What does not fit is shown on the invoice, for whoever attests it in the purchasing system.
The tolerances are the city's own settings; no law states them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from hub.domain.identifiers import OrganisationNumber
from hub.domain.invoices import Invoice, InvoiceKind, InvoiceLine
from hub.domain.matches import LineMatch, Match, MatchOutcome
from hub.domain.orders import OrderLine, OrderStatus, PurchaseOrder
from hub.domain.texts import Reason, Text
from hub.store import orders, suppliers

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much an amount or a quantity may differ: the greater of an `amount` and a `share` of what was ordered."""

    amount: Decimal = Decimal(1)
    share: Decimal = Decimal("0.01")

    def allows(self, stated: Decimal, ordered: Decimal) -> bool:
        """Whether the stated amount is near enough to the ordered one."""
        return abs(stated - ordered) <= self.of(ordered)

    def of(self, ordered: Decimal) -> Decimal:
        """How far from it one may be."""
        return max(self.amount, abs(ordered) * self.share)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order that the invoice may be of, with its supplier's organisation number where that is known."""

    order: PurchaseOrder
    supplier: OrganisationNumber | None


def look(connection: Connection, invoice: Invoice, tolerance: Tolerance) -> Match:
    """The invoice beside the order store as it stands."""
    found = [order for reference in references(invoice) for order in orders.numbered(connection, reference)]
    candidates = [Candidate(order, _supplier(connection, order)) for order in found]
    return match(invoice, candidates, tolerance)


def references(invoice: Invoice) -> tuple[str, ...]:
    """What the invoice names as its order: on its head, on its lines, and as the buyer's references."""
    named = (invoice.order_reference, *(line.order_reference for line in invoice.lines), *invoice.more_references)
    return tuple(dict.fromkeys(each.strip() for each in named if each.strip()))


def match(invoice: Invoice, candidates: Sequence[Candidate], tolerance: Tolerance) -> Match:
    """The invoice beside the order it is most likely of."""
    if not references(invoice):
        return Match(MatchOutcome.UNMATCHED, (_NO_REFERENCE,))
    if not candidates:
        return Match(MatchOutcome.UNMATCHED, (_unknown(", ".join(references(invoice))),))
    ours = [each for each in candidates if _is_sellers(each, invoice)]
    if not ours:
        return _of_another(candidates[0])
    return _compared(invoice, ours[0].order, tolerance)


def _supplier(connection: Connection, order: PurchaseOrder) -> OrganisationNumber | None:
    known = suppliers.get(connection, order.head.company, order.head.supplier)
    return known.organisation_number if known else None


def _is_sellers(candidate: Candidate, invoice: Invoice) -> bool:
    """Whether the order is the seller's; where either number is not known, nobody can say that it is not."""
    seller = invoice.seller.organisation_number
    return seller is None or candidate.supplier is None or candidate.supplier == seller


def _of_another(candidate: Candidate) -> Match:
    head = candidate.order.head
    return Match(MatchOutcome.UNMATCHED, (_other_supplier(head.number),), head.company, head.number, head.contract)


def _compared(invoice: Invoice, order: PurchaseOrder, tolerance: Tolerance) -> Match:
    pairs = list(_paired(invoice.lines, order.lines))
    judged = [(line, ordered, tuple(_line_reasons(invoice, line, ordered, tolerance))) for line, ordered in pairs]
    reasons = [*_head_reasons(invoice, order, tolerance), *(reason for _, _, found in judged for reason in found)]
    head = order.head
    contract = head.contract or next((line.contract for line in order.lines if line.contract), "")
    lines = tuple(LineMatch(line.id, ordered.number if ordered else None, not found) for line, ordered, found in judged)
    outcome = MatchOutcome.PARTLY if reasons else MatchOutcome.MATCHED
    return Match(outcome, tuple(reasons), head.company, head.number, contract, lines)


def _paired(
    lines: Sequence[InvoiceLine], ordered: Sequence[OrderLine]
) -> Iterator[tuple[InvoiceLine, OrderLine | None]]:
    """Each invoice line with its order line: by the number it names, else by item number, else by name."""
    left = {each.number: each for each in ordered}
    for line in lines:
        found = _named(line, left) or _only(left, "product", line.item_number) or _only(left, "description", line.name)
        if found is not None:
            left.pop(found.number)
        yield line, found


def _named(line: InvoiceLine, left: dict[int, OrderLine]) -> OrderLine | None:
    stated = line.order_line.strip()
    return left.get(int(stated)) if stated.isascii() and stated.isdigit() else None


def _only(left: dict[int, OrderLine], what: str, stated: str) -> OrderLine | None:
    """The one order line that says the same; None where none does, or several do."""
    wanted = stated.strip().casefold()
    same = [each for each in left.values() if wanted and getattr(each, what).strip().casefold() == wanted]
    return same[0] if len(same) == 1 else None


def _head_reasons(invoice: Invoice, order: PurchaseOrder, tolerance: Tolerance) -> Iterator[Reason]:
    head = order.head
    if head.currency and invoice.currency != head.currency:
        yield _currency(invoice.currency, head.currency)
    if head.status in {OrderStatus.FINISHED, OrderStatus.STOPPED}:
        yield _closed(head.number)
    contracts = {each for each in (head.contract, *(line.contract for line in order.lines)) if each}
    if invoice.contract_reference and contracts and invoice.contract_reference.strip() not in contracts:
        yield _other_contract(invoice.contract_reference, ", ".join(sorted(contracts)))
    ordered = sum((line.amount for line in order.lines), _NOTHING)
    stated = sum((line.amount.amount for line in invoice.lines), _NOTHING)
    if stated > ordered + tolerance.of(ordered):
        yield _too_much(stated, ordered, invoice.currency)


def _line_reasons(
    invoice: Invoice, line: InvoiceLine, ordered: OrderLine | None, tolerance: Tolerance
) -> Iterator[Reason]:
    if ordered is None:
        yield _no_line(line)
        return
    price = _price(line)
    if price is not None and not tolerance.allows(price, ordered.unit_price):
        yield _price_differs(line, price, ordered.unit_price)
    left = ordered.quantity - ordered.invoiced
    most = left + abs(ordered.quantity) * tolerance.share
    if invoice.kind is InvoiceKind.INVOICE and line.quantity is not None and line.quantity > most:
        yield _too_many(line, line.quantity, left)


def _price(line: InvoiceLine) -> Decimal | None:
    """What one unit costs."""
    if line.unit_price is None:
        return None
    return line.unit_price / line.price_quantity if line.price_quantity else line.unit_price


_SEE_ORDER = Text(
    "Jämför med ordern i Agresso, och ta upp skillnaden med leverantören eller beställaren.",
    "Compare with the order in Agresso, and take it up with the supplier or whoever ordered.",
)
_NO_REFERENCE = Reason(
    "ORDER-NO-REFERENCE",
    Text("Fakturan anger ingen order.", "The invoice names no order."),
    Text("Be leverantören ange ordernumret.", "Ask the supplier to state the order number."),
)


def _unknown(stated: str) -> Reason:
    problem = Text("Ordern finns inte bland de hämtade.", "The order is not among those pulled.")
    remedy = Text(
        "Kontrollera numret. Är ordern ny prövas fakturan igen när den har hämtats.",
        "Check the number. If the order is new, the invoice is tried again once it is pulled.",
    )
    return Reason("ORDER-UNKNOWN", problem, remedy, value=stated)


def _other_supplier(number: str) -> Reason:
    problem = Text("Ordern är ställd till en annan leverantör.", "The order is to another supplier.")
    return Reason("ORDER-SUPPLIER", problem, _SEE_ORDER, value=number)


def _currency(stated: str, ordered: str) -> Reason:
    problem = Text("Fakturan har en annan valuta än ordern.", "The invoice is in another currency than the order.")
    return Reason("ORDER-CURRENCY", problem, _SEE_ORDER, value=f"{stated} ≠ {ordered}")


def _closed(number: str) -> Reason:
    problem = Text("Ordern är avslutad eller stoppad.", "The order is finished or stopped.")
    return Reason("ORDER-CLOSED", problem, _SEE_ORDER, value=number)


def _other_contract(stated: str, ordered: str) -> Reason:
    problem = Text("Fakturan anger ett annat avtal än ordern.", "The invoice names another contract than the order.")
    return Reason("ORDER-CONTRACT", problem, _SEE_ORDER, value=f"{stated} ≠ {ordered}")


def _too_much(stated: Decimal, ordered: Decimal, currency: str) -> Reason:
    problem = Text("Fakturans rader är mer än vad som beställdes.", "The invoice's lines are more than was ordered.")
    return Reason("ORDER-AMOUNT", problem, _SEE_ORDER, value=f"{stated:f} > {ordered:f} {currency}")


def _no_line(line: InvoiceLine) -> Reason:
    problem = Text("En rad finns inte på ordern.", "A line is not on the order.")
    return Reason("ORDER-LINE", problem, _SEE_ORDER, location=line.id, value=line.name)


def _price_differs(line: InvoiceLine, stated: Decimal, ordered: Decimal) -> Reason:
    problem = Text("Priset är ett annat än på ordern.", "The price is another than on the order.")
    return Reason("ORDER-PRICE", problem, _SEE_ORDER, location=line.id, value=f"{stated:f} ≠ {ordered:f}")


def _too_many(line: InvoiceLine, stated: Decimal, left: Decimal) -> Reason:
    problem = Text("Fler än vad som återstår på ordern.", "More than is left on the order.")
    return Reason("ORDER-QUANTITY", problem, _SEE_ORDER, location=line.id, value=f"{stated:f} > {left:f}")
