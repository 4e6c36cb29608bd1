"""The stand-in's web API: token, objects with filter, select, offset and limit, purchase orders read and patched.

Shapes follow public client code; no Unit4 installation was ever asked. Times are told without a zone, and a date that
is not set as 1900-01-01T00:00:00.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

from lxml import etree

from hub_agresso.standin.city import COMPANY, City
from hub_agresso.standin.faults import Faults
from hub_agresso.standin.filters import FilterRefused, Test, parsed

OBJECTS = ("suppliers", "purchase-order-lines", "ledger-transactions", "attribute-values")
SALES_ORDER = "42"
"""What LG04 calls a sales order (its TransType)."""
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True)
_ORDER_PATH = re.compile(r"/v1/purchase-orders(?:/(?P<number>\d+))?")
_MOST_RECORDS = 50_000
_TOKEN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def one(self, name: str, otherwise: str = "") -> str:
        """The value of a query parameter."""
        return parse_qs(self.query).get(name, [otherwise])[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Agresso:
    """The system itself: its city, its faults, who may enter, and what was done to it."""

    city: City = field(default_factory=City)
    faults: Faults = field(default_factory=Faults)
    users: dict[str, str] = field(default_factory=lambda: {"hubben": "hemlig-i-prov"})
    clients: dict[str, str] = field(default_factory=lambda: {"hub-client": "hemlig-klient"})
    date_form: str = "plain"
    ledger_rows: int = 2_000
    hour_rows: int = 500
    tokens: dict[str, float] = field(default_factory=dict)
    imports: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    pages: int = 0


def answer(agresso: Agresso, asked: Asked) -> Reply:
    """Answer a request to the web API."""
    if asked.path == "/identity/connect/token":
        return _token(agresso, asked)
    stranger = _stranger(agresso, asked)
    if stranger is not None:
        return stranger
    if asked.path.startswith("/v1/objects/"):
        return _objects(agresso, asked, asked.path.removeprefix("/v1/objects/"))
    order = _ORDER_PATH.fullmatch(asked.path)
    if order:
        return _order(agresso, asked, order["number"])
    return _said(404, "Not found")


def _token(agresso: Agresso, asked: Asked) -> Reply:
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    known = agresso.clients.get(form.get("client_id", ""))
    if form.get("grant_type") != "client_credentials" or known is None or known != form.get("client_secret"):
        return _json(400, {"error": "invalid_client"})
    token = secrets.token_urlsafe(24)
    agresso.tokens[token] = time.monotonic() + _TOKEN_SECONDS
    told = {"access_token": token, "expires_in": _TOKEN_SECONDS, "token_type": "Bearer", "scope": form.get("scope", "")}
    return _json(200, told)


def _stranger(agresso: Agresso, asked: Asked) -> Reply | None:
    scheme, _, said = asked.headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        known = agresso.tokens.get(said, 0) > time.monotonic() and not agresso.faults.expired
    elif scheme == "Basic":
        user, _, password = base64.b64decode(said).decode().partition(":")
        known = agresso.users.get(user) == password
    else:
        known = False
    if not known or agresso.faults.homeless:
        return _said(401, "Unauthorized")
    return None


def _objects(agresso: Agresso, asked: Asked, name: str) -> Reply:
    if name not in OBJECTS:
        return _said(404, f"The object '{name}' does not exist.")
    if name in agresso.faults.forbidden:
        return _said(403, "Access to the object is denied.")
    if asked.one("companyId", COMPANY) != COMPANY:
        return _said(400, f"Company '{asked.one('companyId')}' is not valid.")
    try:
        stated = "" if agresso.faults.deaf else asked.one("filter")
        test = parsed(stated, agresso.date_form) if stated else None
        offset, limit = int(asked.one("offset", "0")), int(asked.one("limit", "100"))
    except (FilterRefused, ValueError) as error:
        return _said(400, str(error))
    if limit > _MOST_RECORDS:
        return _said(400, f"At most {_MOST_RECORDS} records.")
    found = listed(agresso, name, test, offset, limit)
    return _json(200, [_selected(row, asked.one("select")) for row in found])


def _shifted(agresso: Agresso, offset: int, limit: int) -> int:
    """Where the page begins, with pages told twice or left out when that fault strikes."""
    if offset and agresso.faults.strikes(agresso.faults.again):
        return max(0, offset - limit)
    return offset + limit if offset and agresso.faults.strikes(agresso.faults.skipped) else offset


def listed(agresso: Agresso, name: str, test: Test | None, offset: int, limit: int) -> list[dict[str, Any]]:
    """One page of an object's rows, with whatever is wrong with paging just now."""
    limit = min(limit, agresso.faults.clamped or limit)
    found = _page(agresso, name, test, _shifted(agresso, offset, limit), limit)
    agresso.pages += 1
    _change_some(agresso)
    return found


def _page(agresso: Agresso, name: str, test: Test | None, offset: int, limit: int) -> list[dict[str, Any]]:
    rows: Iterable[dict[str, Any]]
    if name == "purchase-order-lines" and test is None and not agresso.city.changed and not agresso.city.removed:
        rows, offset = _lines_from(agresso.city, offset), 0
    else:
        rows = _LISTED[name](agresso)
    if test is not None:
        rows = (row for row in rows if test(row))
    if agresso.faults.unstable:
        rows = agresso.faults.shuffled(list(rows))
    return list(islice(rows, offset, offset + limit))


def _lines_from(city: City, row: int) -> Iterator[dict[str, Any]]:
    """The order lines from that row on, without making those before it."""
    index, line = city.at_row(row) if row < city.line_total else (city.orders, 0)
    for each in range(index, city.orders):
        yield from list(flat(city.order(each) or {}))[line:]
        line = 0


def flat(order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The order as flat rows, the way a customer-made object tells it: one for each line, its head repeated."""
    head = {name: value for name, value in order.items() if name != "orderLineInformation"}
    lines = order.get("orderLineInformation", [])
    for line in lines:
        dimension = line.get("lineDimension1") or {}
        own = {f"line{name[0].upper()}{name[1:]}": line[name] for name in ("contractId",)}
        plain = {name: value for name, value in line.items() if name not in {"contractId", "lineDimension1"}}
        yield {**head, **plain, **own, f"dim{dimension.get('attributeId', '')}": dimension.get("dimValue", "")}
    if order and not lines:
        yield {**head, "lineNumber": None}


def _order_lines(agresso: Agresso) -> Iterator[dict[str, Any]]:
    for order in agresso.city.each_order():
        yield from flat(order)


def _suppliers(agresso: Agresso) -> Iterator[dict[str, Any]]:
    return (agresso.city.supplier(index) for index in range(agresso.city.suppliers))


def _ledger(agresso: Agresso) -> Iterator[dict[str, Any]]:
    return (agresso.city.ledger_row(index) for index in range(agresso.ledger_rows))


def _attribute_values(agresso: Agresso) -> Iterator[dict[str, Any]]:
    for index in range(agresso.city.contracts):
        yield {"attributeId": "A7", "attributeValue": agresso.city.contract(index), "status": "N", "companyId": COMPANY}


def _imported(agresso: Agresso) -> Iterator[dict[str, Any]]:
    """What was imported well, under its batch; imported twice, it is told twice."""
    for number, each in enumerate(agresso.imports, start=9001):
        batch = re.search("<BatchId>(.*?)</BatchId>", each["xml"])
        if batch and not each["verdict"] and stands(each):
            yield {"batch": batch[1], "voucher": str(number)}


def stands(imported: Mapping[str, Any]) -> bool:
    """Whether the import has come to its end, so that what it made is there."""
    return bool(time.monotonic() >= imported["stands_at"])


def _sales_orders(agresso: Agresso) -> Iterator[dict[str, Any]]:
    """Every sales order that was imported well; imported twice, it is told twice."""
    for number, each in enumerate(agresso.imports, start=60_001):
        if each["process"] != "LG04" or each["verdict"] or not stands(each):
            continue
        order = etree.fromstring(each["xml"].encode(), _PARSER)
        values = {etree.QName(leaf).localname: leaf.text or "" for leaf in order.iter(etree.Element) if not len(leaf)}
        if values.get("TransType") == SALES_ORDER:
            coded = {
                f"{each.findtext('{*}Code')}": each.findtext("{*}Value") for each in order.iter("{*}ReferenceCode")
            }
            yield {**values, **coded, "orderNumber": number, "companyId": COMPANY}


_LISTED: dict[str, Callable[[Agresso], Iterator[dict[str, Any]]]] = {
    "suppliers": _suppliers,
    "purchase-order-lines": _order_lines,
    "ledger-transactions": _ledger,
    "attribute-values": _attribute_values,
    "imported": _imported,
    "sales-orders": _sales_orders,
}


def _selected(row: Mapping[str, Any], select: str) -> Mapping[str, Any]:
    if not select:
        return row
    wanted = {path.partition("/")[0] for path in select.split(",")}
    return {name: value for name, value in row.items() if name in wanted}


def _change_some(agresso: Agresso) -> None:
    """Records that change while somebody pages through them."""
    for number in range(agresso.faults.changing):
        index = (agresso.pages * 37 + number * 11) % agresso.city.orders
        order = agresso.city.order(index)
        if order is not None:
            agresso.city.change(index, {**order, "externalReference": f"CHANGED{agresso.pages}"}, datetime.now(UTC))


def _order(agresso: Agresso, asked: Asked, number: str | None) -> Reply:
    if asked.one("companyId", COMPANY) != COMPANY:
        return _said(400, f"Company '{asked.one('companyId')}' is not valid.")
    if asked.method == "POST" and number is None:
        order = json.loads(asked.body)
        if order.get("supplierId") not in {each["supplierId"] for each in _suppliers(agresso)}:
            return _said(400, f"Supplier '{order.get('supplierId')}' does not exist.")
        made = agresso.city.add(order, datetime.now(UTC))
        agresso.done.append(f"POST {made['orderNumber']}")
        return Reply(201, b"", {"Location": f"/v1/purchase-orders/{made['orderNumber']}"})
    index = int(number or 0) - agresso.city.number(0)
    order = agresso.city.order(index)
    if order is None:
        return _said(404, f"Order {number} does not exist.")
    if asked.method == "PATCH":
        return _patched(agresso, index, order, asked)
    told = _json(200, order)
    if agresso.faults.shifting:
        agresso.faults.shifting -= 1
        lines = order["orderLineInformation"]
        agresso.city.change(index, {**order, "orderLineInformation": [*lines[1:], *lines[:1]]}, datetime.now(UTC))
    return told


def _patched(agresso: Agresso, index: int, order: dict[str, Any], asked: Asked) -> Reply:
    """JSON Patch by line index: `{"op":"replace","path":"/orderLineInformation/0/lineStatus","value":"F"}`."""
    changed = json.loads(json.dumps(order))
    for change in json.loads(asked.body):
        *way, last = change["path"].strip("/").split("/")
        place = changed
        try:
            for step in way:
                place = place[int(step)] if isinstance(place, list) else place[step]
        except (IndexError, KeyError, ValueError):
            return _said(400, f"The path '{change['path']}' does not exist.")
        place[last] = change["value"]
    agresso.city.change(index, changed, datetime.now(UTC))
    agresso.done.append(f"PATCH {order['orderNumber']} {asked.body.decode()}")
    return _json(200, changed)


def _said(status: int, message: str) -> Reply:
    return _json(status, {"message": message})


def _json(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value, ensure_ascii=False).encode(), {"Content-Type": "application/json"})
