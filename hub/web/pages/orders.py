"""Purchase orders: found by number, reference, contract or supplier, and one order with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hub.domain.matches import MatchOutcome
from hub.domain.orders import OrderHead, OrderStatus, PurchaseOrder
from hub.domain.suppliers import Supplier
from hub.store import invoices, ledger, matches, orders, pulls, suppliers
from hub.store.invoices import InvoiceRow
from hub.store.orders import Difference, OrderFilter, Version
from hub.web.visits import NotFound, Somebody

router = APIRouter(prefix="/orders")
ROWS = 50
LINES = 200
_VERSIONS = 20
_FIGURES = {"quantity", "unit_price", "amount", "invoiced", "delivered"}
_MATCHED = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks the list for, as it stands in the address. `after` is the last order of the page before."""

    q: str = ""
    bare: bool = False
    after: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for at all."""
        return bool(self.q or self.bare)

    @property
    def key(self) -> orders.Key:
        """The order after which the page begins."""
        company, _, number = self.after.partition("/")
        return company, number

    def address(self, last: OrderHead | None = None) -> str:
        """The list's address for this question, from after that order on."""
        stated = {"q": self.q} if self.q else {}
        stated |= {"bare": "1"} if self.bare else {}
        stated |= {"after": f"{last.company}/{last.number}"} if last else {}
        return f"/orders?{urlencode(stated)}" if stated else "/orders"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one order. `versions` are the latest, newest first."""

    order: PurchaseOrder
    supplier: Supplier | None
    versions: Sequence[tuple[Version, list[Difference]]]
    invoices: Sequence[tuple[InvoiceRow, MatchOutcome]]
    bare: int


@router.get("")
def listed(visit: Somebody, q: str = "", bare: str = "", after: Annotated[str, Query(max_length=60)] = "") -> Response:
    """Orders that meet the question, a page at a time, below the counts of all there is."""
    asked = Asked(q.strip()[:100], bare == "1", after)
    with visit.database.read() as reading:
        found = orders.page(reading, OrderFilter(asked.q, asked.bare), after=asked.key, limit=ROWS + 1)
        keys = [(each.head.company, each.head.supplier) for each in found]
        told: dict[str, Any] = {
            "counted": orders.count(reading),
            "postings": ledger.count(reading),
            "pulled": [each for each in pulls.every(reading) if each.noun in {"orders", "suppliers", "ledger"}],
            "names": suppliers.names(reading, keys),
        }
    further = asked.address(found[ROWS - 1].head) if len(found) > ROWS else ""
    return visit.page("orders.html", asked=asked, rows=found[:ROWS], further=further, link=link, **told)


@router.get("/{company}/{number:path}")
def one(visit: Somebody, company: str, number: str, line: int = 1) -> Response:
    """One order: its lines and their contract, its invoices, and how it stood before."""
    with visit.database.read() as reading:
        order = orders.get(reading, company, number)
        if order is None:
            raise NotFound
        matched = dict(matches.of_order(reading, company, number, _MATCHED))
        seen = Seen(
            order=order,
            supplier=suppliers.get(reading, company, order.head.supplier),
            versions=orders.changes(orders.versions(reading, company, number), order)[: -_VERSIONS - 1 : -1],
            invoices=[(row, matched[row.document_id]) for row in reversed(invoices.rows(reading, matched))],
            bare=0 if order.head.contract else sum(not each.contract for each in order.lines),
        )
    first = max(1, (line - 1) // LINES * LINES + 1)
    return visit.page("order.html", seen=seen, first=first, portion=LINES, address=link(company, number), value=value)


def link(company: str, number: str) -> str:
    """The address of that order's page."""
    return f"/orders/{quote(company, safe='')}/{quote(number, safe='')}"


def value(name: str, written: str) -> Decimal | OrderStatus | str:
    """What a version says in a field, to be shown as on the rest of the page."""
    if name == "status":
        return next((each for each in OrderStatus if each == written), written)
    return Decimal(written) if name in _FIGURES and written else written
