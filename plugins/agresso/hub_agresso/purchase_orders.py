"""Purchase orders in writing: a list of call-offs, each made once in Agresso as an order of one line, over the web API.

An order is known there by our mark and its own reference, in the order's external reference. That is looked for before
anything is sent, so an order whose answer was lost is found and not made again; it is looked for a while, since what
was made may show late. What was made is never changed and never removed from here: from then on it is Agresso's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.money import Money
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Fitted, Flaw, Holding
from hub_agresso.feeds import ORDERS, WebApiFeed
from hub_agresso.lists import as_written, begins_with, read_list
from hub_agresso.rows import WEB_API, Row
from hub_agresso.settings import WebApiSettings
from hub_agresso.web_api import WebApi
from hub_agresso.writing import Patience, demand, demand_asked

PURCHASE_ORDERS = "purchase-orders"
MARK = "HUB-"
"""How the external reference of each order that the hub makes begins."""
COLUMNS = ("reference", "supplier", "date", "contract", "product", "description", "quantity", "unit", "price")
_SHOWS_WITHIN = 60.0
_REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,21}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CallOff:
    """What is to be ordered. The price is without VAT, in kronor."""

    reference: str
    supplier: str
    on: date
    contract: str
    product: str
    description: str
    quantity: Decimal
    unit: str
    price: Decimal


class CallOffList:
    """A list of call-offs as CSV, whole each time. See `hub.plugin.ports.Extract`, and the README for its columns."""

    noun, name = PURCHASE_ORDERS, f"agresso.{PURCHASE_ORDERS}"

    def recognise(self, head: bytes, name: str) -> bool:
        """By its first line, and its name."""
        return name.startswith(PURCHASE_ORDERS) and begins_with(head, COLUMNS)

    def read(self, stream: BinaryIO) -> Iterator[Any]:
        """The call-offs one by one; see `Extract.read`."""
        return read_list(stream, _call_off, _address)


def _call_off(row: Sequence[str]) -> CallOff | Flaw:
    cells = [each.strip() for each in row]
    said = dict(zip(COLUMNS, cells, strict=False))
    numbers = all(_NUMBER.fullmatch(said.get(name, "")) for name in ("quantity", "price"))
    demanded = all(said.get(name) for name in ("supplier", "product"))
    if len(row) != len(COLUMNS) or not _REFERENCE.fullmatch(said["reference"]) or not (numbers and demanded):
        return _flaw(row)
    try:
        on = date.fromisoformat(said["date"])
    except ValueError:
        return _flaw(row)
    plain = {name: said[name] for name in COLUMNS if name not in {"date", "quantity", "price"}}
    return CallOff(**plain, on=on, quantity=Decimal(said["quantity"]), price=Decimal(said["price"]))


def _address(row: Sequence[str]) -> str | None:
    """The reference, where it can be one."""
    reference = row[0].strip() if row else ""
    return reference if _REFERENCE.fullmatch(reference) else None


def _flaw(row: Sequence[str]) -> Flaw:
    return Flaw(_address(row), as_written(row), (_UNREADABLE,))


class PurchaseOrders:
    """Orders made by POST to the web API. See `hub.plugin.ports.Register`."""

    def __init__(
        self,
        settings: WebApiSettings,
        api: WebApi | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._api = settings, api or WebApi(settings)
        self._patience = Patience(_SHOWS_WITHIN, sleep)
        self._feed = WebApiFeed(ORDERS, settings.orders_object, settings, self._api)

    def fit(self, record: CallOff) -> Fitted:
        """The call-off as the order holds it."""
        fields = {
            "supplier": record.supplier,
            "date": record.on.isoformat(),
            "contract": record.contract,
            "product": record.product,
            "description": record.description,
            "quantity": Money(record.quantity, "SEK").plain,
            "unit": record.unit,
            "price": Money(record.price, "SEK").plain,
        }
        return Fitted(record.reference, {name: value for name, value in fields.items() if value})

    def holdings(self) -> Iterator[Holding]:
        """Every order that bears our mark, as its first line tells it."""
        told: set[str] = set()
        for row in self._feed.everything():
            reference = row.text("external_reference")
            if reference.startswith(MARK) and reference not in told:
                told.add(reference)
                yield Holding(reference.removeprefix(MARK), _told(row))

    def existing(self, change: Change) -> Receipt | None:
        """The order, if an earlier try came through; one that may show late is waited for.

        Raises Refused while no orders may be made.
        """
        demand(self._settings, PURCHASE_ORDERS)
        if change.kind is not ChangeKind.CREATE:
            return None
        return self._patience.find(change, MARK + change.address, lambda: self._standing(change))

    def apply(self, change: Change) -> Receipt:
        """Make the order, unless it is there, and see that it stands."""
        demand(self._settings, PURCHASE_ORDERS)
        if change.kind is not ChangeKind.CREATE:
            raise Rejected((_made_already(change),))
        found = None if self._patience.just_missed(change) else self._standing(change)
        if found is None:
            self._api.make(_order(change, self._settings.company))
            found = self._patience.watch(lambda: self._standing(change))
        if found is None:
            raise Rejected((_not_there(change),), uncertain=True)
        return found

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()

    def _standing(self, change: Change) -> Receipt | None:
        """The receipt of the order that bears the reference. Raises Rejected for one that says something else."""
        where = f"{WEB_API['external_reference']} eq '{MARK}{change.address}'"
        rows = self._feed.read_rows(self._api.page(self._settings.orders_object, where=where, limit=2))
        row = next(rows, None)
        if row is None:
            return None
        demand_asked(WEB_API["external_reference"], MARK + change.address, row.text("external_reference"))
        if _told(row) != dict(change.fields):
            raise Rejected((_made_already(change),))
        return Receipt(datetime.now(UTC), row.text("order"), {"reference": MARK + change.address})


def _told(row: Row) -> dict[str, str]:
    """What an order's row says of a call-off; what is empty is left out."""
    on = row.day("ordered_on")
    said = {
        "supplier": row.text("supplier"),
        "date": on.isoformat() if on else "",
        "contract": row.text("head_contract"),
        "product": row.text("product"),
        "description": row.text("description"),
        "quantity": Money(row.number("quantity"), "SEK").plain,
        "unit": row.text("unit"),
        "price": Money(row.number("unit_price"), "SEK").plain,
    }
    return {name: value for name, value in said.items() if value}


def _order(change: Change, company: str) -> dict[str, Any]:
    """The order as it is sent; Agresso gives it its number."""
    said = change.fields
    quantity, price = Decimal(said["quantity"]), Decimal(said["price"])
    line = {
        "lineNumber": 1,
        "productId": said["product"],
        "productDescription": said.get("description", ""),
        "quantity": float(quantity),
        "unit": said.get("unit", ""),
        "unitPrice": float(price),
        "amount": float((quantity * price).quantize(Decimal("0.01"))),
        "contractId": "",
    }
    return {
        "orderNumber": 0,
        "companyId": company,
        "supplierId": said["supplier"],
        "orderStatus": "O",
        "orderDate": f"{said['date']}T00:00:00",
        "contractId": said.get("contract", ""),
        "externalReference": MARK + change.address,
        "currencyCode": "SEK",
        "orderLineInformation": [line],
    }


_MEND = Text("Rätta raden i listan och lämna listan igen.", "Mend the row in the list and leave the list again.")
_UNREADABLE = Reason(
    "CALL-OFF-UNREADABLE",
    Text(f"Raden är inte {';'.join(COLUMNS)}.", f"The row is not {';'.join(COLUMNS)}."),
    _MEND,
)


def _made_already(change: Change) -> Reason:
    problem = Text(
        "Ordern är redan lagd i Agresso, och hubben ändrar eller tar inte bort den.",
        "The order is made in Agresso already, and the hub neither changes nor removes it.",
    )
    remedy = Text(
        "Ändra ordern i Agresso. Låt den stå kvar i listan som den står där.",
        "Change the order in Agresso. Leave it in the list as it stands there.",
    )
    return Reason("CALL-OFF-MADE", problem, remedy, value=change.address)


def _not_there(change: Change) -> Reason:
    problem = Text(
        "Agresso tog emot ordern, men den syns inte i objektet för inköpsorder.",
        "Agresso took the order, but the object of purchase orders does not show it.",
    )
    remedy = Text(
        "Se efter i Agresso, och att objektet (orders_object) visar externalReference. Finns ordern inte: kör igen, så "
        "läggs den. Finns den: avskriv den här, så läggs den aldrig om.",
        "Look in Agresso, and that the object (orders_object) shows externalReference. If the order is not there: "
        "replay it, and it is made. If it is: dismiss it here, and it is never made again.",
    )
    return Reason("CALL-OFF-NOT-THERE", problem, remedy, value=change.address)
