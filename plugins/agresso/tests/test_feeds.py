"""The laws of pulling from Agresso: over the web API, QueryEngine and files, well and with everything wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hub_agresso.feeds import LEDGER, ORDERS, SUPPLIERS, ExtractFeed, Noun, TemplateFeed, TimesheetFeed, WebApiFeed
from hub_agresso.rows import BROWSER
from hub_agresso.settings import ExtractSettings
from hub_agresso.standin.extracts import order_lines
from hub_agresso.standin.soap import LEDGER_TEMPLATE, ORDER_TEMPLATE, SUPPLIER_TEMPLATE
from hub_agresso.standin.web_api import Agresso, flat

from hub.domain.orders import OrderRow, gathered
from hub.domain.texts import Reason
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.ports import Flaw
from plugins.agresso.tests.conftest import Serve, soap, web


def pulled(feed: Any, since: str = "", cursor: str = "") -> tuple[list[Any], str]:
    """Everything a feed gives, and its mark."""
    found: list[Any] = []
    mark = ""
    try:
        for page in feed.pages(since, cursor):
            found += feed.read(page.content) if page.content else []
            mark = page.mark
    finally:
        feed.close()
    return found, mark


def digests(rows: Iterable[Any]) -> dict[str, str]:
    """The digest of each order that the rows are of."""
    by_order: dict[str, list[OrderRow]] = {}
    for row in rows:
        assert isinstance(row, OrderRow), row
        by_order.setdefault(row.head.number, []).append(row)
    return {number: gathered(some).digest for number, some in by_order.items()}


def truth(agresso: Agresso) -> set[str]:
    """Every order line there is."""
    rows = (row for order in agresso.city.each_order() for row in flat(order))
    return {f"{row['orderNumber']}/{row['lineNumber']}" for row in rows}


def addresses(rows: Iterable[Any]) -> set[str]:
    return {f"{row.head.number}/{row.line.number}" for row in rows if isinstance(row, OrderRow) and row.line}


def files(folder: Path, **stated: Any) -> ExtractFeed:
    return ExtractFeed(ORDERS, "orders", ExtractSettings(address=folder.as_uri(), company="ST", page=40, **stated))


def test_the_three_interfaces_tell_the_same_orders(serve: Serve, tmp_path: Path) -> None:
    agresso, address = serve()
    (tmp_path / "orders.csv").write_text(order_lines(agresso), encoding="utf-8")
    over_web, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))
    over_soap, _ = pulled(TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address)))
    from_files, _ = pulled(files(tmp_path))
    assert digests(over_web) == digests(over_soap) == digests(from_files)
    assert len(digests(over_web)) == 60


def test_a_contract_is_named_by_whoever_names_it_the_order_or_that_line_alone(serve: Serve, tmp_path: Path) -> None:
    agresso, address = serve()
    (tmp_path / "orders.csv").write_text(order_lines(agresso), encoding="utf-8")
    held = {
        (order["orderNumber"], line["lineNumber"]): (order["contractId"], line["lineDimension1"]["dimValue"])
        for order in agresso.city.each_order()
        for line in order["orderLineInformation"]
    }
    assert ("", "") in set(held.values()), "no line without a contract: nothing is shown"
    for feed in (
        WebApiFeed(ORDERS, "purchase-order-lines", web(address)),
        TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address)),
        files(tmp_path),
    ):
        rows, _ = pulled(feed)
        told = {(int(row.head.number), row.line.number): (row.head.contract, row.line.contract) for row in rows}
        assert told == held


@pytest.mark.parametrize(
    ("noun", "name"), [(ORDERS, "purchase-order-lines"), (SUPPLIERS, "suppliers"), (LEDGER, "ledger-transactions")]
)
def test_what_is_asked_for_column_by_column_says_the_same(serve: Serve, noun: Noun, name: str) -> None:
    _, address = serve(orders=20)
    everything, _ = pulled(WebApiFeed(noun, name, web(address)))
    asked_for, _ = pulled(WebApiFeed(noun, name, web(address, select=True)))
    assert asked_for == everything


def test_columns_that_are_not_read_are_not_asked_for(serve: Serve) -> None:
    agresso, address = serve(orders=20)
    (whole,), (selected,) = (
        pages_of(WebApiFeed(ORDERS, "purchase-order-lines", web(address, select=each, page=500)))
        for each in (False, True)
    )
    assert len(json.loads(whole)) == len(json.loads(selected)) == agresso.city.line_total
    assert {*json.loads(whole)[0]} - {*json.loads(selected)[0]} >= {"orderType", "period", "workflowState"}


def pages_of(feed: WebApiFeed) -> list[bytes]:
    """The bytes of every page."""
    try:
        return [page.content for page in feed.pages("")]
    finally:
        feed.close()


def test_the_older_query_engine_tells_the_same(serve: Serve) -> None:
    _, address = serve()
    newer, _ = pulled(TemplateFeed(SUPPLIERS, SUPPLIER_TEMPLATE, soap(address)))
    older, _ = pulled(TemplateFeed(SUPPLIERS, SUPPLIER_TEMPLATE, soap(address, query_engine="V200606DotNet")))
    assert set(newer) == set(older)
    assert len(newer) >= 40


def test_suppliers_and_ledger_are_the_same_over_both(serve: Serve) -> None:
    _, address = serve()
    for noun, name, template in (
        (SUPPLIERS, "suppliers", SUPPLIER_TEMPLATE),
        (LEDGER, "ledger-transactions", LEDGER_TEMPLATE),
    ):
        over_web, _ = pulled(WebApiFeed(noun, name, web(address)))
        over_soap, _ = pulled(TemplateFeed(noun, template, soap(address)))
        assert set(over_web) == set(over_soap)


def test_only_what_has_changed_since_the_mark_is_asked_for(serve: Serve) -> None:
    agresso, address = serve()
    _, mark = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))
    order = agresso.city.order(7)
    assert order is not None
    agresso.city.change(7, {**order, "externalReference": "NYTT"}, _after(mark))
    rows, later = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address, look_back=0)), mark)
    assert {row.head.external_reference for row in rows if row.head.number == "40000008"} == {"NYTT"}
    assert len(digests(rows)) < 5
    assert later > mark


def _after(mark: str) -> datetime:
    return datetime.fromisoformat(mark) + timedelta(hours=1)


@pytest.mark.parametrize("fault", ["unstable", "again", "skipped", "changing"])
def test_no_line_is_missed_however_the_pages_move(serve: Serve, fault: str) -> None:
    agresso, address = serve(orders=80)
    before = truth(agresso)
    agresso.faults.set({fault: {"unstable": True, "again": 0.3, "skipped": 0.3, "changing": 2}[fault]})
    rows, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))
    assert before <= addresses(rows)


@pytest.mark.parametrize("fault", ["limited", "failing", "away", "cut", "half", "lost"])
def test_a_peer_that_is_not_well_is_unavailable_and_nothing_is_taken_for_all(serve: Serve, fault: str) -> None:
    agresso, address = serve()
    agresso.faults.set({fault: 1.0, "retry_after": 3600})
    with pytest.raises(Unavailable):
        pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))


@pytest.mark.parametrize("fault", ["failing", "away", "cut", "half", "lost"])
def test_over_soap_too(serve: Serve, fault: str) -> None:
    agresso, address = serve()
    agresso.faults.set({fault: 1.0})
    with pytest.raises(Unavailable):
        pulled(TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address)))


def test_a_pull_goes_on_from_its_cursor(serve: Serve) -> None:
    agresso, address = serve()
    feed = WebApiFeed(ORDERS, "purchase-order-lines", web(address))
    pages = feed.pages("")
    first = next(pages)
    rows = list(feed.read(first.content))
    feed.close()
    rest, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)), "", first.cursor)
    assert addresses([*rows, *rest]) == truth(agresso)
    assert len(rest) < len(truth(agresso))


def test_a_user_without_a_default_company_is_told_so(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.homeless = True
    with pytest.raises(Refused, match="default company"):
        pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))
    with pytest.raises(Refused, match="default company"):
        pulled(TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address)))


def test_a_forbidden_object_is_refused_with_the_rights_it_needs(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.forbidden = ("suppliers",)
    with pytest.raises(Refused, match="Object Access"):
        pulled(WebApiFeed(SUPPLIERS, "suppliers", web(address)))


def test_a_token_is_had_kept_and_renewed(serve: Serve) -> None:
    agresso, address = serve()
    settings = web(address, client_id="hub-client", client_secret="hemlig-klient")
    feed = WebApiFeed(SUPPLIERS, "suppliers", settings)
    list(feed.pages(""))
    assert len(agresso.tokens) == 1
    agresso.tokens.clear()
    list(feed.pages(""))
    feed.close()
    assert len(agresso.tokens) == 1


def test_a_wrong_secret_is_refused_and_never_told(serve: Serve) -> None:
    _, address = serve()
    settings = web(address, client_id="hub-client", client_secret="fel-hemlighet-9")
    with pytest.raises(Refused) as caught:
        pulled(WebApiFeed(SUPPLIERS, "suppliers", settings))
    assert "fel-hemlighet-9" not in str(caught.value)


def test_a_template_or_object_that_is_not_there_is_rejected_with_what_to_do(serve: Serve) -> None:
    _, address = serve()
    with pytest.raises(Rejected, match="does not exist"):
        pulled(WebApiFeed(ORDERS, "osgorderubws", web(address)))
    with pytest.raises(Rejected, match="does not exist"):
        pulled(TemplateFeed(ORDERS, 4711, soap(address)))


def test_hours_are_asked_for_month_by_month_and_none_is_missed(serve: Serve) -> None:
    agresso, address = serve()
    rows, mark = pulled(TimesheetFeed(soap(address)))
    assert len(rows) == agresso.hour_rows
    assert mark >= "2026-11-22"


def flawed(values: dict[str, str], **stated: Any) -> Reason:
    """The reason why a row of an extract is at fault."""
    row = {
        "client": "ST",
        "order_id": "40000001",
        "apar_id": "50001",
        "line_no": "1",
        "quantity": "2",
        "unit_price": "10.50",
        "amount": "21.00",
        "status": "O",
        **values,
    }
    feed = ExtractFeed(ORDERS, "orders", ExtractSettings(address="file:///tmp", company="ST", **stated))
    content = f"{';'.join(row)}\n{';'.join(row.values())}\n".encode()
    (read,) = feed.read(content)
    assert isinstance(read, Flaw), read
    return read.reasons[0]


def test_a_decimal_comma_where_none_belongs_is_told() -> None:
    assert flawed({"amount": "21,00"}).code == "AGRESSO-NUMBER"


def test_a_decimal_point_where_commas_belong_is_told() -> None:
    reason = flawed({"amount": "1.234,50", "unit_price": "10,50"}, decimals=",")
    assert (reason.code, reason.location) == ("AGRESSO-NUMBER", BROWSER["amount"])


def test_a_company_that_is_not_ours_is_told() -> None:
    assert flawed({"client": "XX"}).code == "AGRESSO-COMPANY"


def test_an_order_without_lines_is_told() -> None:
    assert flawed({"line_no": ""}).code == "AGRESSO-NO-LINES"


def test_a_date_that_is_none_is_told() -> None:
    assert flawed({"order_date": "2026-02-31"}).code == "AGRESSO-DATE"


def test_a_missing_column_is_told_by_its_name() -> None:
    reason = flawed({"apar_id": ""})
    assert (reason.code, reason.location) == ("AGRESSO-COLUMN", "apar_id")


@pytest.mark.parametrize("column", ["quantity", "unit_price", "amount"])
def test_a_column_of_figures_that_is_not_there_is_never_taken_for_nought(column: str) -> None:
    values = {"client": "ST", "order_id": "40000001", "apar_id": "50001", "line_no": "1", "quantity": "2"}
    row = {**values, "unit_price": "10.50", "amount": "21.00"}
    del row[column]
    feed = ExtractFeed(ORDERS, "orders", ExtractSettings(address="file:///tmp", company="ST"))
    (read,) = feed.read(f"{';'.join(row)}\n{';'.join(row.values())}\n".encode())
    assert isinstance(read, Flaw), read
    assert (read.reasons[0].code, read.reasons[0].location) == ("AGRESSO-COLUMN", column)


def test_a_row_with_a_column_too_many_is_told() -> None:
    feed = ExtractFeed(ORDERS, "orders", ExtractSettings(address="file:///tmp"))
    (read,) = feed.read(b"client;order_id\nST;1;2\n")
    assert isinstance(read, Flaw)


def test_a_null_date_is_no_date(serve: Serve) -> None:
    _, address = serve(orders=8)
    rows, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))
    assert {row.line.delivery_date is None for row in rows if row.line.number % 4 == 0} == {True}


def test_a_file_without_its_count_is_waited_for(tmp_path: Path, serve: Serve) -> None:
    agresso, _ = serve(orders=5)
    whole = order_lines(agresso)
    (tmp_path / "orders.csv").write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(Unavailable, match="waits"):
        pulled(files(tmp_path))


def test_a_file_that_has_other_rows_than_it_says_is_rejected(tmp_path: Path, serve: Serve) -> None:
    agresso, _ = serve(orders=5)
    lines = order_lines(agresso).splitlines(keepends=True)
    (tmp_path / "orders.csv").write_text("".join([*lines[:3], *lines[4:]]), encoding="utf-8")
    with pytest.raises(Rejected, match="says it has"):
        pulled(files(tmp_path))


def test_a_file_is_pulled_once_and_a_newer_one_after_it(tmp_path: Path, serve: Serve) -> None:
    agresso, _ = serve(orders=5)
    (tmp_path / "orders.csv").write_text(order_lines(agresso), encoding="utf-8")
    rows, mark = pulled(files(tmp_path))
    assert rows
    assert pulled(files(tmp_path), mark) == ([], mark)
    (tmp_path / "orders-2.csv").write_text(order_lines(agresso), encoding="utf-8")
    again, later = pulled(files(tmp_path), mark)
    assert (len(again), later > mark) == (len(rows), True)
