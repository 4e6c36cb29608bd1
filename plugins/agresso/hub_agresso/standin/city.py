"""A city's purchasing as Agresso would hold it, made from a seed: suppliers, contracts, orders, ledger and hours.

Every order is made from the seed and its own number whenever it is asked for, so a city of any size needs no memory.
What is changed afterwards lies beside. Field names are those of the web API, as public client code shows them; the
persons and companies are made up.
"""

from __future__ import annotations

import random
import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Any

from stdnum import luhn

COMPANY = "ST"
FIRST_ORDER = 40_000_001
NULL_DATE = "1900-01-01T00:00:00"
_BEGIN = datetime(2026, 1, 2, 7, 0, tzinfo=UTC)
_YEAR_MINUTES = 320 * 24 * 60

_WORDS = ("Nordan", "Lövsta", "Björk", "Tall", "Vinter", "Sund", "Ängs", "Kvarn", "Berg", "Strand", "Hav", "Älv")
_TRADES = ("Pennor", "Möbler", "Städ", "Livsmedel", "Verktyg", "Textil", "Papper", "Elmateriel", "Vård", "Konsult")
_FORMS = ("AB", "HB", "Ekonomisk förening")
_GOODS = ("Kopieringspapper A4", "Kontorsstol", "Golvvård", "Mellanmjölk", "Skruvdragare", "Lakan", "Handskar", "Kabel")
_UNITS = ("ST", "FP", "TIM", "KG", "L")
_ACCOUNTS = (("6410", "Förbrukningsmaterial"), ("6420", "Förbrukningsinventarier"), ("5710", "Städning"))
_RATES = (("ANSL", "Anslutning"), ("TEST", "Test"), ("UTB", "Utbildning"))


@dataclass
class City:
    """Orders 0…`orders`-1, in the order of their numbers; with `lines` lines each on the average.

    Unless it is `referring`, no order and no supplier names a contract.
    """

    seed: int = 2026
    orders: int = 2_000
    suppliers: int = 400
    contracts: int = 120
    lines: int = 4
    referring: bool = True
    changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    references: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def _ends(self) -> list[int]:
        """How many lines there are up to and with each order."""
        return list(accumulate(self._line_count(index) for index in range(self.orders)))

    @property
    def line_total(self) -> int:
        """How many order lines there are in all, as first made."""
        return self._ends[-1] if self.orders else 0

    def _line_count(self, index: int) -> int:
        return 1 + (index * 7919 + self.seed) % max(1, 2 * self.lines - 1)

    def number(self, index: int) -> int:
        """The order number of an order."""
        return FIRST_ORDER + index

    def at_row(self, row: int) -> tuple[int, int]:
        """The order and the line (from 0) that stand at that row of all lines."""
        index = bisect_right(self._ends, row)
        return index, row - (self._ends[index - 1] if index else 0)

    def order(self, index: int) -> dict[str, Any] | None:
        """The order as the web API tells it, lines and all; None for one that was removed or never was."""
        if index in self.removed or not (0 <= index < self.orders or index in self.changed):
            return None
        return self.changed.get(index) or self._made(index)

    def each_order(self) -> Iterator[dict[str, Any]]:
        """Every order there is, by number."""
        later = sorted(index for index in self.changed if index >= self.orders)
        for index in (*range(self.orders), *later):
            order = self.order(index)
            if order is not None:
                yield order

    def change(self, index: int, order: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """Let the order stand so from now on, last updated at that time."""
        with self._lock:
            made = {**order, "lastUpdated": {"updatedAt": _moment(at), "updatedBy": "WEBAPI"}}
            self.changed[index] = made
            self.removed.discard(index)
            return made

    def add(self, order: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """A new order, under the next number."""
        index = max([self.orders - 1, *self.changed]) + 1
        return self.change(index, {**order, "orderNumber": self.number(index)}, at)

    def remove(self, index: int) -> None:
        """Let the order be no more."""
        with self._lock:
            self.removed.add(index)

    def updated_at(self, index: int) -> str:
        """When the order was last updated, without making it."""
        order = self.changed.get(index)
        if order is not None:
            return str(order["lastUpdated"]["updatedAt"])
        return _moment(_ordered(index) + timedelta(minutes=1 + (index * 7_919 + self.seed) % 20_000))

    def supplier(self, index: int) -> dict[str, Any]:
        """A supplier as the web API tells it."""
        chance = _chance(f"{self.seed}/supplier/{index}")
        name = f"{chance.choice(_WORDS)} {chance.choice(_TRADES)} {index} {chance.choice(_FORMS)}"
        updated = _BEGIN + timedelta(minutes=(index * 7_877) % _YEAR_MINUTES)
        return {
            "supplierId": str(50_000 + index),
            "supplierName": name,
            "aliasName": name[:12].upper(),
            "companyId": COMPANY,
            "companyRegistrationNumber": _organisation(chance, index),
            "status": "C" if index % 41 == 40 else "N",
            "countryCode": "SE",
            "currencyCode": "SEK",
            "externalReference": self.references.get(str(50_000 + index), self._refers(index)),
            "lastUpdated": {"updatedAt": _moment(updated), "updatedBy": "SYSTEM"},
        }

    def _refers(self, index: int) -> str:
        return self.contract(index) if self.referring and index % 3 else ""

    def contract(self, index: int) -> str:
        """The number of a contract."""
        number = index % self.contracts
        return f"SSK-{2022 + number % 4}-{1000 + number}"

    def ledger_row(self, index: int) -> dict[str, Any]:
        """One posting of the accounts payable."""
        order = self._made(index % max(1, self.orders))
        supplier = self.supplier(int(order["supplierId"]) - 50_000)
        account, account_name = _ACCOUNTS[index % len(_ACCOUNTS)]
        line = order["orderLineInformation"][0]
        return {
            "buyerId": "2120000142",
            "buyer": "Storstads kommun",
            "voucherNumber": f"{2_600_000 + index}",
            "supplierName": supplier["supplierName"],
            "companyRegistrationNumber": supplier["companyRegistrationNumber"],
            "account": account,
            "accountDescription": account_name,
            "amount": line["amount"],
            "voucherDate": _moment(_BEGIN + timedelta(days=index % 320)),
            "unit": order["responsible"],
            "invoiceNumber": f"F{index + 1}",
            "contractId": line["contractId"] or order["contractId"],
            "sequenceNumber": 1,
            "companyId": COMPANY,
            "lastUpdated": {"updatedAt": _moment(_BEGIN + timedelta(minutes=index)), "updatedBy": "SYSTEM"},
        }

    def hours(self, index: int) -> dict[str, Any]:
        """A day's work of one person on one project."""
        activity, _ = _RATES[index % len(_RATES)]
        day = date(2026, 1, 5) + timedelta(days=index % 300)
        return {
            "ResourceId": f"R{100 + index % 45}",
            "Project": f"P{7000 + index % 20}",
            "Activity": activity,
            "TimeCode": "NORM",
            "Day": day.isoformat(),
            "HoursWorked": str(1 + index % 8),
        }

    def _made(self, index: int) -> dict[str, Any]:
        chance = _chance(self.seed * 1_000_003 + index)
        ordered = _ordered(index)
        count = self._line_count(index) if index < self.orders else 1
        supplier = int(chance.random() * self.suppliers)
        contract = self.contract(supplier) if self.referring and index % 5 else ""
        lines = [self._line(chance, number, contract) for number in range(1, count + 1)]
        return {
            "orderNumber": self.number(index),
            "companyId": COMPANY,
            "supplierId": str(50_000 + supplier),
            "orderType": "IB",
            "orderStatus": "F" if index % 4 == 0 else "O",
            "orderDate": _moment(ordered),
            "period": int(ordered.strftime("%Y%m")),
            "contractId": contract if index % 2 else "",
            "externalOrderId": "",
            "externalReference": f"REF{index % 977}" if index % 3 else "",
            "responsible": f"STH{1 + index % 14:02d}",
            "currencyCode": "SEK",
            "lastUpdated": {"updatedAt": self.updated_at(index), "updatedBy": "SYSTEM"},
            "orderLineInformation": lines,
        }

    def _line(self, chance: random.Random, number: int, contract: str) -> dict[str, Any]:
        goods = int(chance.random() * len(_GOODS))
        quantity, price = 1 + int(chance.random() * 40), round(5 + int(chance.random() * 90_000) / 100, 2)
        return {
            "lineNumber": number,
            "sequenceNumber": 0,
            "productId": f"A{1000 + goods}",
            "productDescription": _GOODS[goods],
            "quantity": quantity,
            "unit": _UNITS[goods % len(_UNITS)],
            "unitPrice": price,
            "amount": round(quantity * price, 2),
            "originalQuantity": quantity if number % 3 == 0 else 0,
            "deliveredNumber": quantity if number % 2 == 0 else 0,
            "account": _ACCOUNTS[goods % len(_ACCOUNTS)][0],
            "taxCode": "25",
            "lineStatus": "F" if number % 3 == 0 else "O",
            "workflowState": "T",
            "contractId": "",
            "deliveryDate": NULL_DATE if number % 4 == 0 else f"2026-{1 + number % 12:02d}-15T00:00:00",
            "lineDimension1": {"attributeId": "A7", "dimValue": contract if number % 5 == 1 else ""},
        }


def _chance(seed: str | int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - makes up a city, guards nothing


def _ordered(index: int) -> datetime:
    return _BEGIN + timedelta(minutes=(index * 97) % _YEAR_MINUTES)


def _organisation(chance: random.Random, index: int) -> str:
    if index % 59 == 58:
        return ""
    nine = f"55{chance.randint(20, 99)}{chance.randint(0, 99_999):05d}"
    return f"{nine[:6]}-{nine[6:]}{luhn.calc_check_digit(nine)}"


def _moment(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="seconds")
