"""Orders for the console to show, pulled twice, and the city's first invoices compared with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hub_svefaktura.invoices import INVOICES

from hub.domain.invoices import Invoice
from hub.domain.ledger import LedgerRow
from hub.domain.orders import OrderHead, OrderLine, OrderRow, OrderStatus
from hub.domain.suppliers import Supplier
from hub.flow.matching import Tolerance, look
from hub.store import blobs, documents, ledger, matches, orders, pulls, suppliers
from hub.store.database import Database
from hub.store.orders import Seen

SOURCE, COMPANY = "operator", "ST"
MATCHED, PARTLY, OTHERS, UNKNOWN = 1, 5, 3, 4
"""The ids of invoices that fit their order, fit it in part, name another supplier's, and name one nobody knows."""
ORDER, CHANGED = "45001000", "45001004"
FREE = "A/1 ö"
"""An order whose number holds what addresses do not."""


def ordered(database: Database) -> None:
    """Let orders be pulled, changed and pulled again, and the invoices be compared with them."""
    invoices = {each: _invoice(database, each) for each in (MATCHED, PARTLY, OTHERS, UNKNOWN)}
    with database.write() as connection:
        _sellers(connection, invoices)
        first, second = pulls.Pull(SOURCE, "orders"), Seen(SOURCE, 2)
        begun = pulls.begin(connection, first, 1, whole=True)
        orders.keep(connection, [*_of(invoices[MATCHED]), *_lacking(invoices[PARTLY])], Seen(SOURCE, 1), whole=True)
        pulls.end(connection, begun, "2026-11-20T08:00:00")
        begun = pulls.begin(connection, begun, 1, whole=False)
        other = [replace(row, head=replace(row.head, supplier="50099")) for row in _of(invoices[OTHERS])]
        kept = orders.keep(connection, [*_dearer(invoices[PARTLY]), *other, *_many()], second, whole=False)
        pulls.advance(connection, "", begun, "40 2026-11-21", {"pages": 1, "new": kept.new, "changed": kept.changed})
        pulls.end(connection, begun, "2026-11-21T10:30:00")
        ledger.keep(connection, list(_postings()), Seen(SOURCE, 1))
        for document_id, invoice in invoices.items():
            matches.keep(connection, document_id, look(connection, invoice, Tolerance()))


def _invoice(database: Database, document_id: int) -> Invoice:
    with database.read() as connection:
        document = documents.get(connection, document_id)
    assert document is not None
    return INVOICES.read(blobs.content(database, document.digest))


def _sellers(connection: object, invoices: dict[int, Invoice]) -> None:
    seen = Seen(SOURCE, 1)
    named = {50_001: MATCHED, 50_005: PARTLY}
    told = [
        Supplier(COMPANY, str(number), invoices[each].seller.name, invoices[each].seller.organisation_number)
        for number, each in named.items()
    ]
    other = invoices[PARTLY].seller.organisation_number
    told.append(Supplier(COMPANY, "50099", "Annan Påhittad AB", other))
    suppliers.keep(connection, told, seen)  # type: ignore[arg-type]


def _head(invoice: Invoice, supplier: str, **changed: object) -> OrderHead:
    stated: dict[str, object] = {
        "company": COMPANY,
        "number": invoice.order_reference,
        "supplier": supplier,
        "status": OrderStatus.OPEN,
        "ordered_on": date(2026, 11, 2),
        "currency": "SEK",
        "responsible": "ANNPAH",
        "external_reference": f"R-{invoice.order_reference}",
        "updated_at": datetime(2026, 11, 20, 8, tzinfo=UTC),
    }
    return OrderHead(**(stated | changed))  # type: ignore[arg-type]


def _lines(invoice: Invoice) -> list[OrderLine]:
    return [
        OrderLine(
            number, f"ART-{number}", line.name, line.quantity or Decimal(1), "ST", line.unit_price or Decimal(0),
            line.amount.amount, delivery_date=date(2026, 11, 30), status=OrderStatus.OPEN,
        )
        for number, line in enumerate(invoice.lines, 1)
    ]  # fmt: skip


def _of(invoice: Invoice) -> list[OrderRow]:
    head = _head(invoice, "50001", contract="2024-117")
    return [OrderRow(head, each) for each in _lines(invoice)]


def _lacking(invoice: Invoice) -> list[OrderRow]:
    """The order as it was first: without any contract, and with one line less."""
    head = _head(invoice, "50005")
    return [OrderRow(head, each) for each in _lines(invoice)[1:]]


def _dearer(invoice: Invoice) -> list[OrderRow]:
    head = _head(invoice, "50005", responsible="KARPAH")
    first, *rest = _lines(invoice)[1:]
    changed = replace(first, unit_price=first.unit_price * 2, contract="2025-3")
    return [OrderRow(head, each) for each in (changed, *rest)]


def _many() -> Iterator[OrderRow]:
    for number in range(60):
        name = FREE if number == 0 else f"4600{number:04}"
        status = OrderStatus.FINISHED if number % 7 else OrderStatus.STOPPED
        head = OrderHead(COMPANY, name, "50001", status, date(2026, 10, 1), "SEK", contract="" if number % 3 else "K-9")
        yield OrderRow(head, OrderLine(1, "", "Städning", Decimal(1), "TIM", Decimal(410), Decimal(410)))


def _postings() -> Iterator[LedgerRow]:
    for number in range(30):
        yield LedgerRow(
            "2120000142", "Storstad", f"80{number:04}", "Låtsas El AB", "5569992224", "6110", "Kontorsmateriel",
            Decimal(100 + number), date(2026, 11, 1 + number % 20), contract="" if number % 4 else "2024-117",
        )  # fmt: skip
