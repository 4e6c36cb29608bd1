"""Bills of what the city has ordered: the orders as they are told on the stage, and the bills they give.

Most bills are as ordered. Some are dearer, and some name an order that was another seller's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from hub_svefaktura.standin.bills import Bill, BillLine, rounded
from hub_svefaktura.standin.suppliers import SUPPLIERS, Supplier, Ware

SHARE = 0.4
"""So many bills are of an order that is told on the stage."""

_DEARER, _OF_ANOTHER = 0.25, 0.1
_PIECE = "H87"


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order: its number, whom it was sent to, and what is still to be billed of it."""

    number: str
    seller: Supplier
    lines: tuple[BillLine, ...]


def read_orders(told: bytes) -> tuple[Ordered, ...]:
    """The orders told on the stage; see `hub.plugin.demonstration.ORDERED`."""
    return tuple(_ordered(place, each) for place, each in enumerate(json.loads(told)))


def _ordered(place: int, told: dict[str, object]) -> Ordered:
    """The order; its seller is one of ours in all but name and number."""
    lines = told["lines"]
    assert isinstance(lines, list)
    seller = replace(
        SUPPLIERS[place % len(SUPPLIERS)],
        name=str(told["seller"]),
        organisation_number=str(told["organisation_number"]),
    )
    return Ordered(str(told["number"]), seller, tuple(map(_line, lines)))


def _line(told: dict[str, str]) -> BillLine:
    return BillLine(Ware(told["name"], _PIECE, Decimal(told["price"])), Decimal(told["quantity"]))


def bill_of(chance: Random, bill: Bill, orders: Sequence[Ordered]) -> Bill:
    """The bill, made one of an order: as ordered, dearer, or under another seller's order."""
    order, way = chance.choice(orders), chance.random()
    if way < _OF_ANOTHER:
        return replace(bill, order=order.number, credits="")
    lines = tuple(_dearer(each) for each in order.lines) if way < _OF_ANOTHER + _DEARER else order.lines
    return replace(bill, seller=order.seller, order=order.number, lines=lines, credits="")


def _dearer(line: BillLine) -> BillLine:
    return BillLine(replace(line.ware, price=rounded(line.ware.price * Decimal("1.2")) + 2), line.quantity)
