"""Orders out of Agresso, whole ways: pulled over every interface, killed in the middle, matched by an invoice."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hub_agresso.standin.city import City
from hub_agresso.standin.extracts import order_lines
from hub_agresso.standin.server import SOAP_PATH, served
from hub_agresso.standin.soap import IMPORTS_TEMPLATE, ORDER_TEMPLATE, SUPPLIER_TEMPLATE
from hub_agresso.standin.stage import to_be_billed
from hub_agresso.standin.web_api import Agresso
from hub_svefaktura.standin.bills import Bill, BillLine
from hub_svefaktura.standin.bis import write_bis
from hub_svefaktura.standin.city import City as Senders
from hub_svefaktura.standin.orders import read_orders
from hub_svefaktura.standin.suppliers import SUPPLIERS, Ware
from hub_svefaktura.standin.units import UNITS, register
from hub_svefaktura.standin.wrapping import written
from xmlrules import Judge

from hub.app import Hub, open_hub
from hub.domain.documents import DocumentState
from hub.domain.matches import Match
from hub.flow.register import parse
from hub.jobs import asking
from hub.jobs.ways import Ways
from hub.store import connections, documents, matches, orders, pulls, set_asides, units
from hub.store.documents import Document

LONG_ENOUGH = timedelta(seconds=120)
ENTER = {"user": "hubben", "password": "hemlig-i-prov", "company": "ST", "page": 60, "overlap": 10}


@dataclass(frozen=True, slots=True)
class Office:
    """A hub beside an Agresso, with an inbox for invoices and a folder for extracts."""

    hub: Hub
    ways: Ways
    agresso: Agresso
    folder: Path

    def run(self, route: str, *, whole: bool = False) -> None:
        """Ask every source of the route, and do all that follows."""
        for name in self.ways.routes[route].sources:
            asking.run_now(self.ways, name, "test", route_name=route, whole=whole)
        assert self.hub.executor(self.ways, scheduled=False).run_until_idle(LONG_ENOUGH)

    def digest(self) -> str:
        """Of the whole order store."""
        with self.hub.database.read() as connection:
            return orders.digest(connection)

    def match(self, name: str) -> Match:
        """How the invoice under that file name fits its order."""
        with self.hub.database.read() as connection:
            found = matches.of(connection, self.document(name).id)
        assert found is not None
        return found

    def document(self, name: str) -> Document:
        with self.hub.database.read() as connection:
            found = documents.page(connection, noun="invoices", limit=100)
        return next(each for each in found if each.name == name)


Open = Callable[..., Office]


def settings_of(folder: Path, address: str, database_url: str) -> dict[str, Any]:
    """A hub that pulls the same orders over three interfaces, and imports invoices over SOAP."""
    templates = {"orders_template": ORDER_TEMPLATE, "suppliers_template": SUPPLIER_TEMPLATE}
    written_by = {"imports_template": IMPORTS_TEMPLATE, "writes": ["invoices"]}
    return {
        "database": database_url,
        "connections": {
            "inkorg": {"connector": "svefaktura.files", "settle_seconds": 0, "address": (folder / "inkorg").as_uri()},
            "webb": {"connector": "agresso.web", "address": address, **ENTER},
            "soap": {"connector": "agresso.soap", "address": address + SOAP_PATH, **ENTER, **templates, **written_by},
            "filer": {"connector": "agresso.extracts", "address": (folder / "utdrag").as_uri(), "company": "ST"},
        },
        "routes": {
            "fakturor": {"from": ["inkorg"]},
            "order-webb": {"noun": "orders", "from": ["webb"]},
            "order-soap": {"noun": "orders", "from": ["soap"]},
            "order-filer": {"noun": "orders", "from": ["filer"]},
            "leverantorer": {"noun": "suppliers", "from": ["soap"]},
        },
    }


@pytest.fixture
def office(tmp_path: Path, database_url: str, judge: Judge, packs: Path) -> Iterator[Open]:
    """Opens an office over a city of so many orders; the test runs once on SQLite and once on PostgreSQL."""
    with ExitStack() as stack:

        def opened(number: int = 80) -> Office:
            agresso = Agresso(city=City(orders=number, suppliers=20))
            address = stack.enter_context(served(agresso))
            home = prepared(tmp_path, settings_of(tmp_path, address, database_url), packs)
            hub = open_hub(home)
            stack.callback(hub.close)
            with hub.database.write() as connection:
                units.replace_all(connection, parse(register("soap")))
            return Office(hub, hub.ways(judge), agresso, tmp_path)

        yield opened


def prepared(folder: Path, settings: dict[str, Any], packs: Path) -> Path:
    """A home with those settings, and the folders they name."""
    home = folder / "home"
    for each in (home, folder / "inkorg", folder / "utdrag"):
        each.mkdir(exist_ok=True)
    if not (home / "rules").exists():
        (home / "rules").symlink_to(packs)
    (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    return home


def an_invoice(agresso: Agresso, index: int, *, dearer: Decimal = Decimal(0)) -> bytes:
    """An invoice of what an order still lacks, from its own supplier."""
    order = agresso.city.order(index)
    assert order is not None
    sold_by = agresso.city.supplier(int(order["supplierId"]) - 50_000)
    seller = replace(SUPPLIERS[0], organisation_number=sold_by["companyRegistrationNumber"].replace("-", ""))
    left = [line for line in order["orderLineInformation"] if line["originalQuantity"] < line["quantity"]]
    lines = tuple(
        BillLine(
            Ware(line["productDescription"], "C62", Decimal(str(line["unitPrice"])) + dearer), Decimal(line["quantity"])
        )
        for line in left
    )
    issued = date(2026, 11, 20)
    reference = UNITS[0].reference(1)
    number = f"F{index}"
    bill = Bill(
        number, issued, issued + timedelta(days=30), seller, UNITS[0], reference, str(order["orderNumber"]), lines
    )
    return written(write_bis(bill))


def an_open_order(agresso: Agresso, beyond: int = 0) -> int:
    """An order that is open, has lines of several wares, and a supplier whose number is known."""
    for index in range(beyond, agresso.city.orders):
        order = agresso.city.order(index)
        if order is None or order["orderStatus"] != "O" or order["supplierId"] == "50058":
            continue
        wares = [line["productDescription"] for line in order["orderLineInformation"]]
        if len(wares) > 1 and len(set(wares)) == len(wares):
            return index
    raise LookupError("the city has no such order")


def test_pulls_over_web_soap_and_files_give_equal_order_stores(office: Open) -> None:
    here = office()
    (here.folder / "utdrag" / "orders.csv").write_text(order_lines(here.agresso), encoding="utf-8")
    digests = []
    for route in ("order-webb", "order-soap", "order-filer"):
        here.run(route, whole=True)
        digests.append(here.digest())
        with here.hub.database.read() as connection:
            counted = orders.count(connection)
    assert len(set(digests)) == 1
    assert (counted.orders, counted.lines) == (80, here.agresso.city.line_total)
    with here.hub.database.read() as connection:
        assert set_asides.count(connection) == 0


def test_an_order_that_changes_keeps_what_it_was_and_a_line_that_goes_is_gone_after_a_whole_pull(office: Open) -> None:
    here = office(20)
    here.run("order-webb")
    index = an_open_order(here.agresso)
    order = here.agresso.city.order(index)
    assert order is not None
    kept = {**order, "externalReference": "NY", "orderLineInformation": order["orderLineInformation"][1:]}
    here.agresso.city.changed[index] = {**kept, "lastUpdated": {"updatedAt": "2026-12-01T10:00:00"}}
    here.run("order-webb")
    with here.hub.database.read() as connection:
        changed = orders.get(connection, "ST", str(order["orderNumber"]))
        before = orders.versions(connection, "ST", str(order["orderNumber"]))
    assert changed is not None
    assert changed.head.external_reference == "NY"
    assert len(changed.lines) == len(order["orderLineInformation"])
    assert [each.body["head"]["external_reference"] for each in before] == [order["externalReference"]]
    here.run("order-webb", whole=True)
    with here.hub.database.read() as connection:
        after = orders.get(connection, "ST", str(order["orderNumber"]))
    assert after is not None
    assert [line.number for line in after.lines] == [line["lineNumber"] for line in kept["orderLineInformation"]]


def test_a_row_at_fault_is_set_aside_and_the_others_are_kept(office: Open) -> None:
    here = office(20)
    order = here.agresso.city.order(3)
    assert order is not None
    here.agresso.city.changed[3] = {**order, "companyId": "XX"}
    here.run("order-webb")
    here.run("order-webb", whole=True)
    with here.hub.database.read() as connection:
        stopped = set_asides.groups(connection)
        counted = orders.count(connection)
    assert [(group.code, group.number) for group in stopped] == [
        ("AGRESSO-COMPANY", len(order["orderLineInformation"]))
    ]
    assert counted.orders == 19


def test_a_row_that_the_store_has_no_room_for_is_set_aside_and_the_pull_ends(office: Open) -> None:
    here = office(20)
    stated = [{"responsible": "R" * 101}, {"externalReference": "a\0b"}, {"orderNumber": "9" * 26}]
    for index, each in enumerate(stated):
        here.agresso.city.changed[index] = {**(here.agresso.city.order(index) or {}), **each}
    longest = {**(here.agresso.city.order(3) or {}), "responsible": "Å" * 100, "externalReference": "€" * 255}
    here.agresso.city.changed[3] = longest
    fourth = here.agresso.city.order(4) or {}
    lines = [{**fourth["orderLineInformation"][0], "lineNumber": 3_000_000_000}]
    here.agresso.city.changed[4] = {**fourth, "orderLineInformation": lines}
    here.run("order-webb")
    with here.hub.database.read() as connection:
        kept, pull = orders.count(connection).orders, pulls.get(connection, "webb", "orders")
        codes = {group.code for group in set_asides.groups(connection)}
    assert (kept, pull.ended_at is not None) == (16, True)
    assert codes == {"AGRESSO-LENGTH", "AGRESSO-CHARACTER", "AGRESSO-NUMBER"}


def test_the_mark_stays_where_it_was_until_everything_is_kept(office: Open) -> None:
    here = office(40)
    here.agresso.faults.set({"away": 1.0})
    asking.run_now(here.ways, "webb", "test", route_name="order-webb")
    here.hub.executor(here.ways, scheduled=False).run_until_idle(timedelta(seconds=4))
    with here.hub.database.read() as connection:
        assert connections.lived(connection, "webb").failures >= 1
        assert pulls.get(connection, "webb", "orders").mark == ""
    here.agresso.faults.set({"away": 0.0})
    here.run("order-webb")
    with here.hub.database.read() as connection:
        assert pulls.get(connection, "webb", "orders").mark != ""
        assert orders.count(connection).lines == here.agresso.city.line_total


def test_an_invoice_is_matched_to_its_order_and_imported_once(office: Open) -> None:
    here = office()
    here.run("leverantorer")
    here.run("order-webb")
    index = an_open_order(here.agresso)
    (here.folder / "inkorg" / "f1.xml").write_bytes(an_invoice(here.agresso, index))
    (here.folder / "inkorg" / "f2.xml").write_bytes(
        an_invoice(here.agresso, an_open_order(here.agresso, index + 1), dearer=Decimal(900))
    )
    here.run("fakturor")
    assert here.match("f1.xml").reasons == ()
    assert here.match("f1.xml").outcome == "matched"
    assert here.match("f2.xml").outcome == "partly"
    assert "ORDER-PRICE" in {reason.code for reason in here.match("f2.xml").reasons}
    assert here.document("f1.xml").state is DocumentState.DELIVERED
    assert [each["process"] for each in here.agresso.imports] == ["GL07", "GL07"]


def test_of_the_demonstrations_invoices_some_match_some_partly_and_some_not_at_all(office: Open) -> None:
    here = office()
    here.run("leverantorer")
    here.run("order-webb")
    ordered = read_orders(json.dumps(list(to_be_billed(here.agresso.city))).encode())
    senders = Senders(2026, date(2026, 11, 22), bad_share=0, orders=ordered)
    names = []
    for number, letter in enumerate(islice(senders.letters(), 40)):
        names.append(f"{number}.xml")
        (here.folder / "inkorg" / names[-1]).write_bytes(letter.content)
    here.run("fakturor")
    found = [here.match(name) for name in names]
    outcomes = Counter(each.outcome.value for each in found)
    assert set(outcomes) == {"matched", "partly", "unmatched"}, outcomes
    codes = {reason.code for each in found for reason in each.reasons}
    assert {"ORDER-PRICE", "ORDER-SUPPLIER", "ORDER-UNKNOWN", "ORDER-NO-REFERENCE"} <= codes


def test_an_invoice_that_comes_before_its_order_is_matched_once_that_is_pulled(office: Open) -> None:
    here = office(30)
    index = an_open_order(here.agresso, 10)
    late, here.agresso.city.removed = here.agresso.city.removed, {index}
    here.run("leverantorer")
    here.run("order-webb")
    (here.folder / "inkorg" / "f1.xml").write_bytes(an_invoice_of(here, index))
    here.run("fakturor")
    assert here.match("f1.xml").outcome == "unmatched"
    here.agresso.city.removed = late
    here.run("order-webb", whole=True)
    here.hub.executor(here.ways, scheduled=True).run_until_idle(LONG_ENOUGH)
    assert here.match("f1.xml").outcome == "matched"


def an_invoice_of(here: Office, index: int) -> bytes:
    """The invoice of an order that Agresso does not tell of yet."""
    hidden, here.agresso.city.removed = here.agresso.city.removed, set()
    content = an_invoice(here.agresso, index)
    here.agresso.city.removed = hidden
    return content


def test_a_pull_killed_at_any_page_goes_on_without_loss_or_double(
    tmp_path: Path, database_url: str, packs: Path
) -> None:
    agresso = Agresso(city=City(orders=120, suppliers=20))
    agresso.faults.slow = 0.15
    with served(agresso) as address:
        home = prepared(tmp_path, settings_of(tmp_path, address, database_url), packs)
        killed = 0
        run = [sys.executable, "-m", "tests.walks.running", "--home", str(home), "run", "order-webb"]
        for _ in range(3):
            begun = agresso.pages
            ran = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # One that goes on asks for the page before its own first: of three asked for, one is kept at least.
            if ended_before(ran, lambda begun=begun: agresso.pages - begun >= 3):
                break
            ran.kill()
            ran.wait()
            killed += 1
            agresso.faults.slow = max(0.0, agresso.faults.slow - 0.02)
        assert killed >= 2
        agresso.faults.slow = 0.0
        hub = open_hub(home)
        for _ in range(4):
            # What a killed worker held is had again once its lease has run out.
            subprocess.run(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90, check=False)
            with hub.database.read() as connection:
                counted, pull = orders.count(connection), pulls.get(connection, "webb", "orders")
            if pull.ended_at:
                break
        hub.close()
    assert pull.ended_at is not None
    assert (counted.orders, counted.lines) == (120, agresso.city.line_total)


def ended_before(ran: subprocess.Popen[bytes], reached: Callable[[], bool]) -> bool:
    """Whether the process ended before the other became true."""
    pause = threading.Event()
    while ran.poll() is None:
        if reached():
            return False
        pause.wait(0.02)
    return True
