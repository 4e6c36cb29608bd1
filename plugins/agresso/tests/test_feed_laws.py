"""The feeds keep the laws of their port, over every interface."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from hub_agresso.feeds import ORDERS, SUPPLIERS, TemplateFeed, WebApiFeed
from hub_agresso.standin.extracts import order_lines
from hub_agresso.standin.soap import ORDER_TEMPLATE, SUPPLIER_TEMPLATE
from hub_agresso.standin.web_api import Agresso

from hub.domain.orders import OrderRow
from hub.domain.suppliers import Supplier
from hub.testing.feeds import check_feed
from plugins.agresso.tests.conftest import Serve, soap, web
from plugins.agresso.tests.test_feeds import files


def address_of(row: OrderRow) -> str:
    """What tells the row from the others."""
    return row.address


def number_of(supplier: Supplier) -> str:
    """What tells the supplier from the others."""
    return supplier.number


def changed(agresso: Agresso) -> str:
    """Let an order be changed later than anything else; the address of one of its lines."""
    order = agresso.city.order(7)
    assert order is not None
    agresso.city.change(7, {**order, "externalReference": "NYTT"}, datetime.fromisoformat("2027-03-01T08:00:00"))
    return f"{order['companyId']}/{order['orderNumber']}/{order['orderLineInformation'][0]['lineNumber']:06d}"


def test_the_web_api_keeps_the_laws(serve: Serve) -> None:
    agresso, address = serve()
    check_feed(
        lambda: WebApiFeed(ORDERS, "purchase-order-lines", web(address)),
        address_of,
        lambda: changed(agresso),
        halves=True,
    )


def test_query_engine_keeps_the_laws(serve: Serve) -> None:
    agresso, address = serve()
    check_feed(
        lambda: TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address)), address_of, lambda: changed(agresso), halves=True
    )


def test_suppliers_keep_the_laws(serve: Serve) -> None:
    _, address = serve()
    check_feed(lambda: TemplateFeed(SUPPLIERS, SUPPLIER_TEMPLATE, soap(address, page=15)), number_of)


def test_extracts_keep_the_laws(serve: Serve, tmp_path: Path) -> None:
    agresso, _ = serve()
    (tmp_path / "orders-1.csv").write_text(order_lines(agresso), encoding="utf-8")

    def another() -> str:
        told = changed(agresso)
        (tmp_path / "orders-2.csv").write_text(order_lines(agresso), encoding="utf-8")
        return told

    check_feed(lambda: files(tmp_path), address_of, another)
