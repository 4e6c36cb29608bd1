"""Agresso's web API in the demonstration city: suppliers, orders and ledger of a city made from its seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from hub.plugin.demonstration import ORDERED, Stage
from hub_agresso.standin.city import COMPANY, City
from hub_agresso.standin.server import served
from hub_agresso.standin.web_api import Agresso

CONNECTION = "agresso"
TOLD_ORDERS = 200
_BASE = 50_000


@contextmanager
def open_web_api(stage: Stage) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Serve the system, tell some of its orders on the stage, and give the connection to it."""
    agresso = Agresso(city=City(seed=stage.seed))
    (user, password), *_ = agresso.users.items()
    told = list(islice(to_be_billed(agresso.city), TOLD_ORDERS))
    (stage.folder / ORDERED).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    with served(agresso) as address:
        entered = {"address": address, "user": user, "password": password, "company": COMPANY}
        yield {CONNECTION: {"connector": "agresso.web", "owner": "Ekonomisystem", **entered}}


def to_be_billed(city: City) -> Iterator[Mapping[str, Any]]:
    """The open orders that a bill can be told by: of a known seller, with every ware once; as `ORDERED` has them."""
    for order in city.each_order():
        seller = city.supplier(int(order["supplierId"]) - _BASE)
        lines = order["orderLineInformation"]
        wares = {line["productDescription"] for line in lines}
        left = [_line(line) for line in lines if line["originalQuantity"] < line["quantity"]]
        number = seller["companyRegistrationNumber"].replace("-", "")
        if order["orderStatus"] == "O" and left and number and len(wares) == len(lines):
            named = {"seller": seller["supplierName"], "organisation_number": number}
            yield {"number": str(order["orderNumber"]), **named, "lines": left}


def _line(line: Mapping[str, Any]) -> Mapping[str, str]:
    left = line["quantity"] - line["originalQuantity"]
    return {"name": line["productDescription"], "quantity": str(left), "price": str(line["unitPrice"])}
