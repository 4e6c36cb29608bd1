"""The laws of reading rows: what cannot be kept as it stands is set aside by itself, with its column and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hub_agresso import rows
from hub_agresso.feeds import LEDGER, ORDERS, SUPPLIERS, Noun, TimesheetFeed, WebApiFeed, read_values
from hub_agresso.rows import BROWSER, LONGEST, WEB_API, Unreadable, hours
from hub_agresso.settings import Reading
from sqlalchemy import String, Table

from hub.domain.orders import OrderRow
from hub.domain.texts import Reason
from hub.plugin.ports import Flaw
from hub.store import tables
from plugins.agresso.tests.conftest import soap, web
from plugins.agresso.tests.test_feeds import Answering, cells, over_soap

READING = Reading(company="ST")
ROWS: Mapping[str, dict[str, Any]] = {
    "orders": {"company": "ST", "order": 1, "supplier": "5", "line": 1, "quantity": 2, "unit_price": 1, "amount": 2},
    "suppliers": {"company": "ST", "supplier": "5", "name": "Pennor AB", "organisation_number": "", "status": "N"},
    "ledger": {"company": "ST", "voucher": 1, "account": "4010", "amount": 2, "booked_on": "2026-01-02", "sequence": 1},
}
NOUNS = {"orders": ORDERS, "suppliers": SUPPLIERS, "ledger": LEDGER}


def read(noun: str, reading: Reading = READING, **stated: Any) -> Any:
    """What is read of a sound row that says this as well, over the web API."""
    return read_values(NOUNS[noun], told({**ROWS[noun], **stated}), WEB_API, reading)


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """The row as the web API tells it."""
    flat = {WEB_API[name]: value for name, value in values.items() if name != "updated_at"}
    return flat | {"lastUpdated": {"updatedAt": values.get("updated_at")}}


def reason(noun: str, **stated: Any) -> Reason:
    """Why the row that says this is set aside."""
    flaw = read(noun, **stated)
    assert isinstance(flaw, Flaw), flaw
    assert b"\\u0000" not in json.dumps([each.value for each in flaw.reasons]).encode()
    assert len(flaw.address or "") <= 100
    (flaw.address or "").encode()
    return flaw.reasons[0]


def room(table: Table) -> dict[str, int]:
    """How many characters each column of text has room for."""
    return {each.name: int(each.type.length or 0) for each in table.columns if isinstance(each.type, String)}


def filled(noun: Noun) -> Any:
    """What is read of a row whose every text is as long as it may be."""
    said = {name: "x" * LONGEST.get(name, 255) for name in noun.columns}
    figures = {"line": 1, "sequence": 1, "quantity": 1, "unit_price": 1, "amount": 1, "invoiced": 1, "delivered": 1}
    dates = dict.fromkeys(("updated_at", "ordered_on", "delivery_date", "booked_on"), "2026-01-02")
    values = {name: value for name, value in {**said, **figures, **dates}.items() if name in said}
    return read_values(noun, told(values), WEB_API, Reading())


@pytest.mark.parametrize(
    ("noun", "table", "part"),
    [
        (ORDERS, tables.orders, "head"),
        (ORDERS, tables.order_lines, "line"),
        (SUPPLIERS, tables.suppliers, ""),
        (LEDGER, tables.ledger, ""),
    ],
)
def test_a_text_may_be_as_long_as_the_store_has_room_for_and_no_longer(noun: Noun, table: Table, part: str) -> None:
    record = filled(noun)
    record = getattr(record, part) if part else record
    unread = {"status", "connection", "ground", "municipality", "s_code", "ordered_on", "delivery_date", "booked_on"}
    texts = {name: each for name, each in room(table).items() if isinstance(getattr(record, name, None), str)}
    texts = {name: each for name, each in texts.items() if name not in unread and getattr(record, name)}
    assert len(texts) > 2, "nothing is shown"
    assert {name: len(getattr(record, name)) for name in texts} == texts


def test_hours_too() -> None:
    values = {name: "x" * LONGEST[name] for name in ("ResourceId", "Project", "TimeCode", "Activity")}
    record = hours("ST", {**values, "Day": "2026-01-02", "HoursWorked": "8"})
    names = {"resource", "project", "activity", "time_code"}
    assert {name: len(getattr(record, name)) for name in names} == {name: room(tables.hours)[name] for name in names}
    with pytest.raises(Unreadable, match="the hub has room for 50"):
        hours("ST", {**values, "Project": "x" * 51, "Day": "2026-01-02", "HoursWorked": "8"})


@pytest.mark.parametrize(
    ("noun", "name"),
    [("orders", each) for each in ("order", "responsible", "account", "product", "external_reference", "unit")]
    + [("suppliers", each) for each in ("name", "organisation_number", "country")]
    + [("ledger", each) for each in ("voucher", "invoice_number", "organisation_unit", "buyer_id", "account")],
)
def test_a_text_that_is_too_long_is_told_with_its_limit(noun: str, name: str) -> None:
    limit = LONGEST.get(name, 255)
    found = reason(noun, **{name: "9" * (limit + 1)})
    assert (found.code, found.location) == ("AGRESSO-LENGTH", WEB_API[name])
    assert f"{limit + 1} characters; the hub has room for {limit}" in found.problem.en


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", f"a{rows.UNFIT}b"])
@pytest.mark.parametrize(("noun", "name"), [("orders", "description"), ("orders", "order"), ("suppliers", "supplier")])
def test_a_character_that_cannot_be_kept_is_told(noun: str, name: str, text: str) -> None:
    found = reason(noun, **{name: text})
    assert (found.code, found.location) == ("AGRESSO-CHARACTER", WEB_API[name])


@pytest.mark.parametrize("stated", [Decimal("1.0"), {"a": 1}, ["1"], True])
@pytest.mark.parametrize("name", ["order", "supplier", "description"])
def test_what_is_neither_text_nor_a_whole_number_is_no_name_of_anything(name: str, stated: object) -> None:
    assert reason("orders", **{name: stated}).code == "AGRESSO-TEXT"


@pytest.mark.parametrize("stated", [True, {"a": 1}, "NaN", Decimal("1e-400"), "1e-20000", Decimal(10) ** 15, "1\0"])
def test_what_is_no_number_is_told(stated: object) -> None:
    assert reason("orders", amount=stated).code == "AGRESSO-NUMBER"


@pytest.mark.parametrize(("noun", "name"), [("orders", "line"), ("ledger", "sequence")])
def test_a_number_that_the_store_has_no_room_for_is_told(noun: str, name: str) -> None:
    found = reason(noun, **{name: 3_000_000_000})
    assert (found.code, "2147483647" in found.problem.en) == ("AGRESSO-NUMBER", True)


@pytest.mark.parametrize("empty", ["", " ", None])
@pytest.mark.parametrize(
    ("noun", "name"),
    [
        ("orders", "quantity"),
        ("orders", "unit_price"),
        ("orders", "amount"),
        ("ledger", "amount"),
        ("ledger", "sequence"),
    ],
)
def test_a_figure_that_is_demanded_is_never_nought_because_nothing_stands_there(
    noun: str, name: str, empty: str | None
) -> None:
    found = reason(noun, **{name: empty})
    assert (found.code, found.location) == ("AGRESSO-COLUMN", WEB_API[name])


def test_hours_that_are_not_stated_are_not_nought() -> None:
    with pytest.raises(Unreadable, match="HoursWorked"):
        hours("ST", {"ResourceId": "1", "Project": "2", "Day": "2026-01-02", "HoursWorked": ""})


def test_rows_of_one_voucher_are_told_apart_by_their_sequence_alone() -> None:
    assert [read("ledger", sequence=number).number for number in (0, 1, 2)] == [0, 1, 2]


def test_a_posting_without_its_day_is_told_by_the_column_that_is_configured() -> None:
    assert reason("ledger", booked_on=None).location == "voucherDate"
    values = {BROWSER[name]: value for name, value in ROWS["ledger"].items()} | {"voucher_date": ""}
    [found] = read_values(LEDGER, values, BROWSER, READING).reasons
    assert found.location == "voucher_date"


@pytest.mark.parametrize("stated", ["0001-01-01T00:00:00", "0001-01-01", "1900-01-01T00:00:00"])
def test_the_first_day_that_a_system_knows_is_no_day(stated: str) -> None:
    row = read("orders", ordered_on=stated, updated_at=stated, delivery_date=stated)
    assert isinstance(row, OrderRow)
    assert row.line is not None
    assert (row.head.ordered_on, row.head.updated_at, row.line.delivery_date) == (None, None, None)


def test_a_time_that_is_not_in_any_calendar_is_told() -> None:
    far = "9999-12-31T23:59:59"
    assert isinstance(read("orders", updated_at=far), OrderRow)
    west = Reading(company="ST", zone="America/New_York")
    flaw = read("orders", reading=west, updated_at=far)
    assert isinstance(flaw, Flaw)
    assert flaw.reasons[0].code == "AGRESSO-DATE"


def test_one_cell_with_a_character_that_xml_does_not_have_hides_none_of_the_rows() -> None:
    order = {"companyId": "ST", "orderNumber": 1, "supplierId": "5", "quantity": 1, "unitPrice": 1, "amount": 1}
    feed = over_soap([])
    content = Answering([cells({**order, "lineNumber": 1}), cells({**order, "lineNumber": 2}, art_descr="a&#x1F;b")])
    good, flaw = feed.read(content.result(1, 1, 5, ()))
    assert (good.line.number, flaw.reasons[0].code, flaw.reasons[0].location) == (1, "AGRESSO-CHARACTER", "art_descr")


def test_a_half_character_in_json_hides_none_of_the_rows() -> None:
    sound = {WEB_API[name]: value for name, value in ROWS["orders"].items()}
    feed = WebApiFeed(ORDERS, "x", web("http://127.0.0.1:9"))
    good, flaw = feed.read(json.dumps([sound, sound | {"productDescription": "a\ud800b"}]).encode())
    assert isinstance(good, OrderRow)
    assert flaw.reasons[0].code == "AGRESSO-CHARACTER"


def test_a_row_that_is_only_looked_at_is_never_refused_for_what_the_store_has_room_for() -> None:
    values = told({**ROWS["orders"], "order": Decimal("1.0"), "external_reference": "x" * 300, "description": "a\0b"})
    feed = WebApiFeed(ORDERS, "x", web("http://127.0.0.1:9"))
    [row] = feed.read_rows(json.dumps([values], default=float).encode())
    assert (row.text("order"), len(row.text("external_reference"))) == ("1.0", 300)
    assert row.text("description") == "a\0b"


def test_absence_is_hours_of_no_project_and_no_fault() -> None:
    absent = {"ResourceId": "R1", "TimeCode": "SEM", "Project": "", "Day": "2026-11-03", "HoursWorked": "8"}
    record = hours("ST", absent)
    assert (record.project, record.time_code, record.hours) == ("", "SEM", 8)


def test_hours_at_fault_are_set_aside_by_themselves() -> None:
    told = (
        "<TimesheetRow><ResourceId>R1</ResourceId><Project>P1</Project><WorkDays>"
        "<WorkDay><Day>2026-11-02</Day><HoursWorked>8</HoursWorked></WorkDay>"
        "<WorkDay><Day>0001-01-01T00:00:00</Day><HoursWorked>8</HoursWorked></WorkDay></WorkDays></TimesheetRow>"
    )
    envelope = "http://schemas.xmlsoap.org/soap/envelope/"
    body = f"<R><ReturnCode>0</ReturnCode><Rows>{told}</Rows></R>"
    content = f'<s:Envelope xmlns:s="{envelope}"><s:Body>{body}</s:Body></s:Envelope>'.encode()
    good, flaw = TimesheetFeed(soap("http://127.0.0.1:9")).read(content)
    assert good.day == date(2026, 11, 2)
    assert flaw.reasons[0].location == "Day"
