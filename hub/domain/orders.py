"""Purchase orders as the purchasing system holds them, whatever interface they were read over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class OrderStatus(StrEnum):
    """Where an order or a line stands: goods may still come, all is done, or it was stopped."""

    OPEN = "open"
    FINISHED = "finished"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of a purchase order.

    `amount` is without VAT, in the order's currency. `invoiced` and `delivered` are quantities so far.
    `contract` is the reference to a contract that was found for the line, empty for none.
    """

    number: int
    product: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    invoiced: Decimal = Decimal(0)
    delivered: Decimal = Decimal(0)
    delivery_date: date | None = None
    account: str = ""
    tax_code: str = ""
    status: OrderStatus = OrderStatus.UNKNOWN
    contract: str = ""


@dataclass(frozen=True, slots=True)
class OrderHead:
    """What an order says as a whole. `company` is the purchasing system's own unit (Agresso: client)."""

    company: str
    number: str
    supplier: str
    status: OrderStatus
    ordered_on: date | None
    currency: str
    responsible: str = ""
    external_reference: str = ""
    contract: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """An order with its lines, in the order of their numbers."""

    head: OrderHead
    lines: tuple[OrderLine, ...]

    @property
    def digest(self) -> str:
        """sha256 over everything the order says but when it was last updated: equal orders, equal digests."""
        said = [_said(self.head, without={"updated_at"}), [_said(line) for line in self.lines]]
        return hashlib.sha256(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One line together with its order's head, as browsers and extracts tell it. `line` is None for a bare head."""

    head: OrderHead
    line: OrderLine | None

    @property
    def address(self) -> str:
        """What tells it from every other row: company, order and line number."""
        number = "" if self.line is None else f"{self.line.number:06d}"
        return f"{self.head.company}/{self.head.number}/{number}"


def gathered(rows: Iterable[OrderRow]) -> PurchaseOrder:
    """The order that these rows are of; the last head counts. Raises ValueError when there are none."""
    heads, lines = [], {}
    for row in rows:
        heads.append(row.head)
        if row.line is not None:
            lines[row.line.number] = row.line
    if not heads:
        raise ValueError("an order is gathered from at least one row")
    return PurchaseOrder(heads[-1], tuple(lines[number] for number in sorted(lines)))


def _said(value: OrderHead | OrderLine, without: Iterable[str] = ()) -> list[str]:
    left_out = set(without)
    return [_plain(getattr(value, each.name)) for each in fields(value) if each.name not in left_out]


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)
