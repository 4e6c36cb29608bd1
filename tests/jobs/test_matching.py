"""Matching again: what did not fit is compared with the orders as they stand after a pull, knowing how it was found."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hub.domain.identifiers import OrganisationNumber
from hub.domain.invoices import Invoice
from hub.domain.matches import MatchOutcome
from hub.domain.money import Money
from hub.domain.orders import OrderRow, OrderStatus
from hub.domain.suppliers import Supplier
from hub.flow.matching import Tolerance, look
from hub.jobs import matching
from hub.jobs.ways import Ways
from hub.loader import Plugins
from hub.store import matches, orders, pulls, suppliers
from hub.store.database import Database
from hub.store.orders import Seen
from tests.flow.test_matching import HEAD, ORDERED, OURS, codes, invoice, line
from tests.flow.test_read import PaperEditions, PaperRules
from tests.jobs.test_handling import PaperFormat
from tests.store.rows import arrive

DEAR = invoice(line("1", "Papper", "10", "55", amount=Money(Decimal(500), "SEK")))


class PaperJob:
    """Work that may go on."""

    def beat(self) -> None:
        """It lives."""


def pulled(database: Database, number: int, price: str, **changed: Any) -> None:
    """A pull of the order, with so many of its first line invoiced."""
    booked = replace(ORDERED[0], unit_price=Decimal(price), invoiced=Decimal(10 * (number - 1)))
    head = replace(HEAD, **changed)
    with database.write() as connection:
        suppliers.keep(
            connection, [Supplier("ST", "50001", "Låtsas AB", OrganisationNumber(OURS.digits))], Seen("webb", 1)
        )
        begun = pulls.begin(connection, pulls.get(connection, "webb", "orders"), 1, whole=True)
        orders.keep(connection, [OrderRow(head, booked), OrderRow(head, ORDERED[1])], Seen("webb", number), whole=True)
        pulls.end(connection, begun, "m")


def compared_again(database: Database, of: Invoice, document_id: int) -> tuple[MatchOutcome, list[str]]:
    formats: dict[str, Any] = {"invoices": PaperFormat(of)}
    ways = Ways(
        database=database,
        connections={},
        plugins=replace(Plugins({}, {}, (), (), (), (), ()), formats=formats),
        routes={},
        editions=PaperEditions(),
        rules=PaperRules(),
    )
    job: Any = PaperJob()
    matching.perform(ways, job)
    with database.read() as connection:
        found = matches.of(connection, document_id)
    assert found is not None
    return found.outcome, codes(found)


def test_an_invoice_whose_price_is_mended_on_the_order_matches_though_it_is_booked_by_then(database: Database) -> None:
    pulled(database, 1, "50.00")
    with database.write() as connection:
        document_id = arrive(connection, "f1")
        found = look(connection, DEAR, Tolerance())
        matches.keep(connection, document_id, found)
    assert codes(found) == ["ORDER-PRICE"]
    pulled(database, 2, "50.00", status=OrderStatus.FINISHED)
    assert compared_again(database, DEAR, document_id) == (MatchOutcome.PARTLY, ["ORDER-PRICE"])
    pulled(database, 2, "55.00", status=OrderStatus.FINISHED)
    assert compared_again(database, DEAR, document_id) == (MatchOutcome.MATCHED, [])


def test_an_invoice_whose_supplier_is_pulled_after_its_order_matches_by_then(database: Database) -> None:
    whole = invoice(line("1", "Papper", "10", "50"))
    with database.write() as connection:
        begun = pulls.begin(connection, pulls.get(connection, "webb", "orders"), 1, whole=True)
        orders.keep(connection, [OrderRow(HEAD, ORDERED[0])], Seen("webb", 1), whole=True)
        pulls.end(connection, begun, "m")
        document_id = arrive(connection, "f1")
        found = look(connection, whole, Tolerance())
        matches.keep(connection, document_id, found)
    assert codes(found) == ["ORDER-SUPPLIER-UNKNOWN"]
    assert compared_again(database, whole, document_id) == (MatchOutcome.PARTLY, ["ORDER-SUPPLIER-UNKNOWN"])
    with database.write() as connection:
        begun = pulls.begin(connection, pulls.get(connection, "webb", "suppliers"), 2, whole=True)
        known = Supplier("ST", "50001", "Låtsas AB", OrganisationNumber(OURS.digits))
        suppliers.keep(connection, [known], Seen("webb", 2))
        pulls.end(connection, begun, "m")
    assert compared_again(database, whole, document_id) == (MatchOutcome.MATCHED, [])
