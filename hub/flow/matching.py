"""Matching an invoice to its order: the reference, the supplier, the lines and the amounts within tolerance.

Nothing is stopped by it. What does not fit is shown on the invoice, for whoever attests it in the purchasing system.
The tolerances are the city's own settings; no law states them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from sqlalchemy import Connection

from hub.domain.identifiers import OrganisationNumber
from hub.domain.invoices import Invoice, InvoiceKind, InvoiceLine
from hub.domain.matches import LineMatch, Match, MatchOutcome
from hub.domain.orders import OrderHead, OrderLine, OrderStatus, PurchaseOrder
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


def look(connection: Connection, invoice: Invoice, tolerance: Tolerance, before: Match | None = None) -> Match:
    """The invoice beside the order store as it stands; `before` is how it was found when it was last compared."""
    named = (order for reference in references(invoice) for order in orders.numbered(connection, reference))
    found = {(each.head.company, each.head.number): each for each in named}
    candidates = [Candidate(order, _supplier(connection, order)) for order in found.values()]
    return match(invoice, candidates, tolerance, before)


def references(invoice: Invoice) -> tuple[str, ...]:
    """What the invoice names as its order: on its head, on its lines, and as the buyer's references."""
    named = (invoice.order_reference, *(line.order_reference for line in invoice.lines), *invoice.more_references)
    return tuple(dict.fromkeys(each.strip() for each in named if each.strip()))


def match(
    invoice: Invoice, candidates: Sequence[Candidate], tolerance: Tolerance, before: Match | None = None
) -> Match:
    """The invoice beside the order it is most likely of, and each of its lines beside the order that line names.

    What was compared with it `before` may since have been booked on the order: then what is left of it, or that it is
    finished, is told only where it was told then. Where it was compared with none, nobody knows what was left: better
    told once too often than an order billed twice.
    """
    if not references(invoice):
        return Match(MatchOutcome.UNMATCHED, (_NO_REFERENCE,))
    if not candidates:
        return Match(MatchOutcome.UNMATCHED, (_unknown(", ".join(references(invoice))),))
    ours = [each for each in candidates if _is_sellers(each, invoice)]
    if not ours:
        return _of_another(candidates[0])
    was_compared = before is not None and before.outcome is not MatchOutcome.UNMATCHED
    return _compared(_Comparison(invoice, candidates, ours, tolerance, before if was_compared else None))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """An invoice with the orders of the names it states, those of them that are the seller's, and how it was before."""

    invoice: Invoice
    candidates: Sequence[Candidate]
    ours: Sequence[Candidate]
    tolerance: Tolerance
    before: Match | None

    def told(self, code: str, *, location: str = "", value: str = "") -> Reason | None:
        """What was found there when the invoice was last compared."""
        told = self.before.reasons if self.before is not None else ()
        here = (each for each in told if each.code == code and each.location == location)
        return next((each for each in here if not value or each.value == value), None)


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


def _compared(its: _Comparison) -> Match:
    named = (_named(each, its.ours) for each in references(its.invoice))
    order = next((each for each in named if each is not None), its.ours[0].order)
    pairs = list(_paired(its, order))
    judged = [(pair, tuple(found)) for pair, found in _judged(its, pairs)]
    reasons = [*_head_reasons(its, order, pairs), *(reason for _, found in judged for reason in found)]
    head = order.head
    contract = head.contract or next((line.contract for line in order.lines if line.contract), "")
    lines = tuple(_line_match(pair, fits=not found) for pair, found in judged)
    outcome = MatchOutcome.PARTLY if reasons else MatchOutcome.MATCHED
    return Match(outcome, tuple(reasons), head.company, head.number, contract, lines)


def _named(reference: str, candidates: Sequence[Candidate]) -> PurchaseOrder | None:
    """The order of that name; one whose supplier is not known stands back for one whose supplier is."""
    same = [each for each in candidates if _is_named(each, reference)]
    return min(same, key=lambda each: each.supplier is None).order if same else None


def _is_named(candidate: Candidate, reference: str) -> bool:
    return reference in {candidate.order.head.number, candidate.order.head.external_reference}


# --- lines beside lines


@dataclass(frozen=True, slots=True)
class _Pair:
    """A line of the invoice with its order and its line of it; None where there is none."""

    line: InvoiceLine
    order: PurchaseOrder | None
    ordered: OrderLine | None

    @property
    def key(self) -> tuple[str, str, int] | None:
        """What tells the order line from every other."""
        if self.order is None or self.ordered is None:
            return None
        return self.order.head.company, self.order.head.number, self.ordered.number


class _Lines:
    """The lines of an order, to be found by what an invoice's line says of them."""

    def __init__(self, order: PurchaseOrder) -> None:
        self._numbers = {str(each.number): each for each in order.lines}
        self._said: dict[tuple[str, str], list[OrderLine]] = {}
        self._taken: set[int] = set()
        for each in order.lines:
            for what, text in (("product", each.product), ("name", each.description)):
                self._said.setdefault((what, _plain(text)), []).append(each)

    def find(self, line: InvoiceLine) -> OrderLine | None:
        """Its order line: by the number it names, else by item number, else by name. Several lines may be of one."""
        named = line.order_line.strip()
        found = self._numbers.get(named) or self._numbers.get(named.lstrip("0"))
        found = found or self._only("product", line.item_number) or self._only("name", line.name)
        if found is not None:
            self._taken.add(found.number)
        return found

    def _only(self, what: str, stated: str) -> OrderLine | None:
        """The one order line that says the same, or the one of them that no line was found to be of before."""
        same = self._said.get((what, _plain(stated)), []) if _plain(stated) else []
        if len(same) == 1:
            return same[0]
        free = list(islice((each for each in same if each.number not in self._taken), 2))
        return free[0] if len(free) == 1 else None


def _plain(text: str) -> str:
    return text.strip().casefold()


def _paired(its: _Comparison, order: PurchaseOrder) -> Iterator[_Pair]:
    """Each invoice line with its line of the order that it names itself, else of the invoice's."""
    looked: dict[tuple[str, str], _Lines] = {}
    for line in its.invoice.lines:
        reference = line.order_reference.strip()
        of = _named(reference, its.ours) if reference else order
        if of is None:
            yield _Pair(line, None, None)
            continue
        key = of.head.company, of.head.number
        found = looked[key] = looked.get(key) or _Lines(of)
        yield _Pair(line, of, found.find(line))


def _line_match(pair: _Pair, *, fits: bool) -> LineMatch:
    ordered = pair.ordered.number if pair.ordered else None
    if pair.order is None:
        return LineMatch(pair.line.id, ordered, fits)
    return LineMatch(pair.line.id, ordered, fits, pair.order.head.company, pair.order.head.number)


# --- what does not fit


def _head_reasons(its: _Comparison, order: PurchaseOrder, pairs: Sequence[_Pair]) -> Iterator[Reason]:
    """What does not fit the orders as wholes: the invoice's own, and those that lines name themselves."""
    named = {id(each): each for each in (order, *(pair.order for pair in pairs)) if each is not None}.values()
    for each in named:
        yield from _order_reasons(its, each)
    stated = its.invoice.contract_reference.strip()
    contracts = {name for each in named for name in (each.head.contract, *(line.contract for line in each.lines))}
    if stated and any(contracts) and stated not in contracts:
        yield _other_contract(stated, ", ".join(sorted(contracts - {""})))
    for each in named:
        yield from _sum_reasons(its, each, pairs)


def _order_reasons(its: _Comparison, order: PurchaseOrder) -> Iterator[Reason]:
    head = order.head
    if its.invoice.seller.organisation_number is None:
        yield _nameless_seller(its.invoice.seller.name)
    elif any(each.order is order and each.supplier is None for each in its.ours):
        yield _unpulled_supplier(head.supplier)
    if head.currency and its.invoice.currency != head.currency:
        yield _currency(its.invoice.currency, head.currency)
    if its.invoice.kind is InvoiceKind.INVOICE and _is_closed(its, head):
        yield _closed(head.number)


def _is_closed(its: _Comparison, head: OrderHead) -> bool:
    """Whether nothing more was to come of the order; one that ended since may have ended with this very invoice."""
    if head.status is OrderStatus.FINISHED:
        return its.before is None or its.told(_CLOSED, value=head.number) is not None
    return head.status is OrderStatus.STOPPED


def _sum_reasons(its: _Comparison, order: PurchaseOrder, pairs: Sequence[_Pair]) -> Iterator[Reason]:
    ordered = sum((line.amount for line in order.lines), _NOTHING)
    stated = sum((pair.line.amount.amount for pair in pairs if pair.order is order), _NOTHING)
    if stated > ordered + its.tolerance.of(ordered):
        yield _too_much(stated, ordered, its.invoice.currency)


@dataclass(slots=True)
class _Taken:
    """What the invoice says of one order line altogether; `moved` is added up whatever the signs.

    `last` is its last line that is of it.
    """

    stated: Decimal = _NOTHING
    moved: Decimal = _NOTHING
    last: InvoiceLine | None = None


def _judged(its: _Comparison, pairs: Sequence[_Pair]) -> Iterator[tuple[_Pair, Iterable[Reason]]]:
    """Each line with what does not fit of it."""
    taken: dict[object, _Taken] = {}
    for pair in pairs:
        of = taken.setdefault(pair.key, _Taken())
        of.stated += pair.line.quantity or _NOTHING
        of.moved += abs(pair.line.quantity or _NOTHING)
        of.last = pair.line
    for pair in pairs:
        if pair.ordered is None:
            yield pair, (_no_line(pair, its.candidates),)
        else:
            yield pair, _line_reasons(its, pair.line, pair.ordered, taken[pair.key])


def _line_reasons(its: _Comparison, line: InvoiceLine, ordered: OrderLine, taken: _Taken) -> Iterator[Reason]:
    # The tolerance is for what a difference comes to, not for one unit: many at a small price add up.
    price, many = _price(line), taken.moved or abs(ordered.quantity)
    if price is not None and not its.tolerance.allows(price * many, ordered.unit_price * many):
        yield _price_differs(line, price, ordered.unit_price)
    if its.invoice.kind is InvoiceKind.INVOICE and taken.last is line:
        yield from _too_many_reasons(its, line, ordered, taken.stated)


def _too_many_reasons(its: _Comparison, line: InvoiceLine, ordered: OrderLine, stated: Decimal) -> Iterator[Reason]:
    """What was invoiced so far may be this very invoice, once it was compared before and found to fit."""
    told = its.told(_MANY, location=line.id)
    is_taken_off = its.before is None or told is not None
    left = ordered.quantity - ordered.invoiced if is_taken_off else ordered.quantity
    if stated > left + abs(ordered.quantity) * its.tolerance.share:
        yield told or _too_many(line, stated, left)


def _no_line(pair: _Pair, candidates: Sequence[Candidate]) -> Reason:
    """Why a line is on no order line: the order it names is not known, is another supplier's, or has no such line."""
    reference = pair.line.order_reference.strip()
    if pair.order is not None:
        return _not_on_order(pair.line)
    if any(_is_named(each, reference) for each in candidates):
        return _other_supplier(reference, pair.line.id)
    return _unknown(reference, pair.line.id)


def _price(line: InvoiceLine) -> Decimal | None:
    """What one unit costs."""
    if line.unit_price is None:
        return None
    return line.unit_price / line.price_quantity if line.price_quantity else line.unit_price


_MANY, _CLOSED = "ORDER-QUANTITY", "ORDER-CLOSED"
_SEE_ORDER = Text(
    "Jämför med ordern i Agresso, och ta upp skillnaden med leverantören eller beställaren.",
    "Compare with the order in Agresso, and take it up with the supplier or whoever ordered.",
)
_NO_REFERENCE = Reason(
    "ORDER-NO-REFERENCE",
    Text("Fakturan anger ingen order.", "The invoice names no order."),
    Text("Be leverantören ange ordernumret.", "Ask the supplier to state the order number."),
)


def _unknown(stated: str, location: str = "") -> Reason:
    problem = Text("Ordern finns inte bland de hämtade.", "The order is not among those pulled.")
    remedy = Text(
        "Kontrollera numret. Är ordern ny prövas fakturan igen när den har hämtats.",
        "Check the number. If the order is new, the invoice is tried again once it is pulled.",
    )
    return Reason("ORDER-UNKNOWN", problem, remedy, location=location, value=stated)


def _other_supplier(number: str, location: str = "") -> Reason:
    problem = Text("Ordern är ställd till en annan leverantör.", "The order is to another supplier.")
    return Reason("ORDER-SUPPLIER", problem, _SEE_ORDER, location=location, value=number)


def _unpulled_supplier(number: str) -> Reason:
    problem = Text(
        "Orderns leverantör har inte hämtats eller har inget organisationsnummer: att fakturan är dess är inte prövat.",
        "The order's supplier is not pulled, or has no organisation number: that the invoice is its own is not tried.",
    )
    remedy = Text(
        "Hämta leverantörer med en rutt av suppliers, eller kontrollera leverantören i Agresso.",
        "Pull suppliers by a route of suppliers, or check the supplier in Agresso.",
    )
    return Reason("ORDER-SUPPLIER-UNKNOWN", problem, remedy, value=number)


def _nameless_seller(name: str) -> Reason:
    problem = Text(
        "Fakturan anger inget svenskt organisationsnummer för säljaren: att ordern är ställd till den är inte prövat.",
        "The invoice states no Swedish organisation number of its seller: that the order is to it is not tried.",
    )
    return Reason("ORDER-SELLER-UNKNOWN", problem, _SEE_ORDER, value=name)


def _currency(stated: str, ordered: str) -> Reason:
    problem = Text("Fakturan har en annan valuta än ordern.", "The invoice is in another currency than the order.")
    return Reason("ORDER-CURRENCY", problem, _SEE_ORDER, value=f"{stated} ≠ {ordered}")


def _closed(number: str) -> Reason:
    problem = Text("Ordern är avslutad eller stoppad.", "The order is finished or stopped.")
    return Reason(_CLOSED, problem, _SEE_ORDER, value=number)


def _other_contract(stated: str, ordered: str) -> Reason:
    problem = Text("Fakturan anger ett annat avtal än ordern.", "The invoice names another contract than the order.")
    return Reason("ORDER-CONTRACT", problem, _SEE_ORDER, value=f"{stated} ≠ {ordered}")


def _too_much(stated: Decimal, ordered: Decimal, currency: str) -> Reason:
    problem = Text("Fakturans rader är mer än vad som beställdes.", "The invoice's lines are more than was ordered.")
    return Reason("ORDER-AMOUNT", problem, _SEE_ORDER, value=f"{stated:f} > {ordered:f} {currency}")


def _not_on_order(line: InvoiceLine) -> Reason:
    problem = Text("En rad finns inte på ordern.", "A line is not on the order.")
    return Reason("ORDER-LINE", problem, _SEE_ORDER, location=line.id, value=line.name)


def _price_differs(line: InvoiceLine, stated: Decimal, ordered: Decimal) -> Reason:
    problem = Text("Priset är ett annat än på ordern.", "The price is another than on the order.")
    return Reason("ORDER-PRICE", problem, _SEE_ORDER, location=line.id, value=f"{stated:f} ≠ {ordered:f}")


def _too_many(line: InvoiceLine, stated: Decimal, left: Decimal) -> Reason:
    problem = Text("Fler än vad som återstår på ordern.", "More than is left on the order.")
    return Reason(_MANY, problem, _SEE_ORDER, location=line.id, value=f"{stated:f} > {left:f}")
