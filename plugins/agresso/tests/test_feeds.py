"""The laws of pulling from Agresso: over the web API, QueryEngine and files, well and with everything wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hub_agresso.extracts import ExtractFeed
from hub_agresso.feeds import LEDGER, ORDERS, SUPPLIERS, Noun, TemplateFeed, TimesheetFeed, WebApiFeed
from hub_agresso.rows import BROWSER
from hub_agresso.settings import ExtractSettings
from hub_agresso.soap import rows_of
from hub_agresso.standin.extracts import order_lines
from hub_agresso.standin.filters import value_at
from hub_agresso.standin.soap import LEDGER_TEMPLATE, ORDER_TEMPLATE, SUPPLIER_TEMPLATE, TEMPLATES
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
    return ExtractFeed(
        ORDERS,
        "orders",
        ExtractSettings(address=folder.as_uri(), company="ST", page=40, **{"settle_seconds": 0, **stated}),
    )


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
    (whole, *_), (selected, *_) = (
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


def changed_at(agresso: Agresso, index: int, stated: str, **values: Any) -> None:
    """Let the order say that it was changed then, in whatever words."""
    order = agresso.city.order(index)
    assert order is not None
    agresso.city.changed[index] = {**order, **values, "lastUpdated": {"updatedAt": stated}}


@pytest.mark.parametrize("stated", ["2099-12-31T00:00:00", "9999-12-31T23:59:59", "okänt", "0001-01-01T00:00:00"])
def test_a_stray_time_of_change_never_keeps_later_changes_from_being_asked_for(serve: Serve, stated: str) -> None:
    agresso, address = serve()
    changed_at(agresso, 3, stated)
    settings = web(address)
    rows, mark = pulled(WebApiFeed(ORDERS, "purchase-order-lines", settings))
    assert mark == max(agresso.city.updated_at(index) for index in range(60) if index != 3)
    changed_at(agresso, 7, _after(mark).isoformat(), externalReference="NYTT")
    rows, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", settings), mark)
    assert {row.head.external_reference for row in rows if addresses([row])} >= {"NYTT"}


def test_what_changes_after_its_page_was_read_is_asked_for_by_the_next_pull(serve: Serve) -> None:
    agresso, address = serve()
    settings = web(address)
    feed = WebApiFeed(ORDERS, "purchase-order-lines", settings)
    pages = feed.pages("")
    first = next(pages)
    soon = settings.now() + timedelta(minutes=1)
    changed_at(agresso, 0, soon.isoformat(timespec="seconds"), externalReference="NYTT")
    changed_at(agresso, 59, (soon + timedelta(hours=1)).isoformat(timespec="seconds"))
    *_, last = pages
    feed.close()
    _, resumed = pulled(WebApiFeed(ORDERS, "purchase-order-lines", settings), "", first.cursor)
    for mark in (last.mark, resumed):
        assert mark < soon.isoformat()
        rows, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", settings), mark)
        assert {row.head.external_reference for row in rows} >= {"NYTT"}


@pytest.mark.parametrize("mark", ["okänt", "2099-12-31T00:00:00", "9999-12-31T23:59:59"])
def test_from_a_mark_that_cannot_be_so_everything_is_read_and_that_is_said(
    serve: Serve, mark: str, caplog: pytest.LogCaptureFixture
) -> None:
    agresso, address = serve()
    rows, later = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)), mark)
    assert addresses(rows) == truth(agresso)
    assert later < "2027"
    assert "everything is read" in caplog.text


@pytest.mark.parametrize("mark", ["2026-10-25T02:58:00", "2026-10-25T03:05:00"])
def test_the_hour_that_the_clocks_tell_twice_loses_no_change(serve: Serve, mark: str) -> None:
    agresso, address = serve()
    changed_at(agresso, 7, "2026-10-25T02:05:00", externalReference="NYTT")
    rows, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)), mark)
    assert {row.head.external_reference for row in rows} >= {"NYTT"}


def _after(mark: str) -> datetime:
    return datetime.fromisoformat(mark) + timedelta(hours=1)


@pytest.mark.parametrize("fault", ["unstable", "again", "skipped", "changing"])
def test_no_line_is_missed_however_the_pages_move(serve: Serve, fault: str) -> None:
    agresso, address = serve(orders=80)
    before = truth(agresso)
    agresso.faults.set({fault: {"unstable": True, "again": 0.3, "skipped": 0.3, "changing": 2}[fault]})
    rows, _ = pulled(WebApiFeed(ORDERS, "purchase-order-lines", web(address)))
    assert before <= addresses(rows)


@pytest.mark.parametrize("most", [3, 30])
@pytest.mark.parametrize("overlap", [1, 5, 40])
def test_a_server_that_gives_fewer_rows_than_were_asked_for_is_read_to_its_end(
    serve: Serve, most: int, overlap: int
) -> None:
    agresso, address = serve(orders=20)
    agresso.faults.clamped = most
    for feed in (
        WebApiFeed(ORDERS, "purchase-order-lines", web(address, overlap=overlap)),
        TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address, overlap=overlap)),
    ):
        rows, _ = pulled(feed)
        assert addresses(rows) == truth(agresso)


class Answering:
    """A web API, or the services, that give these records and no others."""

    def __init__(self, records: list[Any]) -> None:
        self.records = records

    def page(self, _name: str, *, offset: int, limit: int, **_asked: str) -> bytes:
        return json.dumps(self.records[offset : offset + limit]).encode()

    def result(self, _template: int, first: int, last: int, _criteria: object) -> bytes:
        return enveloped("".join(self.records[first - 1 : last]))

    def told(self, said: str) -> str:
        return said

    def close(self) -> None:
        """Nothing is open."""


def enveloped(rows: str) -> bytes:
    """The answer of a template."""
    code, result = "<ReturnCode>0</ReturnCode>", escape(f"<Agresso>{rows}</Agresso>")
    namespace = "http://schemas.xmlsoap.org/soap/envelope/"
    body = f"<R>{code}<TemplateResult>{result}</TemplateResult></R>"
    return f'<s:Envelope xmlns:s="{namespace}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def order_rows(agresso: Agresso) -> list[dict[str, Any]]:
    return [row for order in agresso.city.each_order() for row in flat(order)]


def over_web(records: list[Any]) -> WebApiFeed:
    answering: Any = Answering(records)
    return WebApiFeed(ORDERS, "purchase-order-lines", web("http://127.0.0.1:9"), answering)


def over_soap(records: list[str]) -> TemplateFeed:
    answering: Any = Answering(records)
    return TemplateFeed(ORDERS, ORDER_TEMPLATE, soap("http://127.0.0.1:9"), answering)


@pytest.mark.parametrize("at", [0, 20, 49, 50])
def test_what_is_no_row_is_set_aside_and_hides_none_of_the_rows(serve: Serve, at: int) -> None:
    agresso, _ = serve(orders=30)
    records: list[Any] = order_rows(agresso)
    read, _ = pulled(over_web([*records[:at], None, *records[at:]]))
    assert addresses(read) == truth(agresso)
    assert {each.reasons[0].code for each in read if isinstance(each, Flaw)} == {"AGRESSO-ROW"}


@pytest.mark.parametrize("every", [2, 7, 20])
def test_part_sums_among_the_records_hide_none_of_the_rows(serve: Serve, every: int) -> None:
    agresso, _ = serve(orders=30)
    records: list[str] = []
    for number, row in enumerate(order_rows(agresso), 1):
        records.append(cells(row))
        if number % every == 0:
            records.append("<AgressoQE><amount>0</amount><_section>D</_section><tab>A</tab></AgressoQE>")
    read, _ = pulled(over_soap(records))
    assert addresses(read) == truth(agresso)


def cells(row: dict[str, Any], **stated: str) -> str:
    """A row of the template, as XML."""
    columns = {name: str(value_at(row, path) or "") for name, path, _ in TEMPLATES[ORDER_TEMPLATE][1]} | stated
    return f"<AgressoQE>{''.join(f'<{name}>{told}</{name}>' for name, told in columns.items())}</AgressoQE>"


def test_a_template_or_timesheet_that_was_not_carried_out_is_never_taken_for_empty(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.sick = "Timeout expired for 811218-9876"
    for feed in (TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address)), TimesheetFeed(soap(address))):
        with pytest.raises(Unavailable, match=r"ReturnCode 120.*Timeout expired for 811218-[*]{4}"):
            pulled(feed)


def test_a_template_without_rows_is_empty(serve: Serve) -> None:
    assert pulled(over_soap([])) == ([], "")
    without = enveloped("").replace(b"&lt;Agresso&gt;&lt;/Agresso&gt;", b"")
    assert list(rows_of(without)) == []
    with pytest.raises(Unavailable, match="ReturnCode missing"):
        list(rows_of(without.replace(b"<ReturnCode>0</ReturnCode>", b"")))


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


@pytest.mark.parametrize(("orders", "most", "overlap"), [(8, 20, 20), (8, 8, 20), (24, 10, 2)])
def test_a_pull_goes_on_after_any_page_of_a_server_that_gives_fewer_rows_than_were_asked_for(
    serve: Serve, orders: int, most: int, overlap: int
) -> None:
    agresso, address = serve(orders)
    agresso.faults.clamped = most
    for opened in (
        lambda: WebApiFeed(ORDERS, "purchase-order-lines", web(address, page=1000, overlap=overlap)),
        lambda: TemplateFeed(ORDERS, ORDER_TEMPLATE, soap(address, page=1000, overlap=overlap)),
    ):
        with closing(opened()) as feed:
            pages = list(feed.pages(""))
        read: set[str] = set()
        for each in pages[:-1]:
            read |= addresses(feed.read(each.content))
            rest, _ = pulled(opened(), "", each.cursor)
            assert read | addresses(rest) == truth(agresso)


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
    with closing(TimesheetFeed(soap(address))) as feed:
        told = [page.days for page in feed.pages("2026-09-30")]
    assert told[0] == (date(2026, 8, 1), date(2026, 8, 31))
    days = [each for each in told if each is not None]
    assert len(days) == len(told) > 1
    assert all(begins == ends + timedelta(days=1) for (_, ends), (begins, _) in pairwise(days))


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
