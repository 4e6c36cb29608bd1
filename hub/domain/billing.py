"""What is billed for connecting a local contract: one event for each case, and corrections of it.

Connecting a local contract is charged to the unit that ordered it. The case is what makes an event the same however
often it is told: it is billed once, and what was wrong with it is told as a correction, never as another event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hub.domain.money import Money
from hub.domain.texts import Text

_ORE = -2
_MOST = Decimal(10**9)
_CORRECTION_MARK = re.compile(r"-K\d+$", re.ASCII)


class NotBillable(ValueError):
    """What is stated cannot be billed; `text` says why, `field` of which of its fields."""

    def __init__(self, field: str, text: Text) -> None:
        super().__init__(text.en)
        self.field = field
        self.text = text


@dataclass(frozen=True, slots=True)
class Billable:
    """One event to bill, or (`correction` 1, 2, …) a correction of the one that its case was billed by.

    `customer` is the unit or company that ordered, as the ledger numbers its customers; `price` is that of one, in
    Swedish kronor without VAT, never negative: what is credited has a negative `quantity`. Both are exact to the
    hundredth. `dimensions` are the cost bearers, each a code and its value. Raises NotBillable.
    """

    case: str
    customer: str
    buyer_reference: str
    on: date
    article: str
    description: str
    quantity: Decimal
    price: Decimal
    dimensions: tuple[tuple[str, str], ...] = ()
    correction: int = 0

    def __post_init__(self) -> None:
        for name in ("case", "customer", "article"):
            if not getattr(self, name):
                raise NotBillable(name, _EMPTY)
        if _CORRECTION_MARK.search(self.case):
            raise NotBillable("case", _LOOKS_LIKE_A_CORRECTION)
        for name in ("quantity", "price"):
            if not _is_sound(getattr(self, name)):
                raise NotBillable(name, _NO_AMOUNT)
        self._demand_signs()
        codes = [code for code, _ in self.dimensions]
        if len(set(codes)) < len(codes):
            raise NotBillable("dimensions", _CODE_TWICE)

    def _demand_signs(self) -> None:
        if self.correction < 0:
            raise NotBillable("correction", _NO_NUMBER)
        if self.price < 0:
            raise NotBillable("price", _NEGATIVE_PRICE)
        if not self.quantity or (self.quantity < 0 and not self.correction):
            raise NotBillable("quantity", _CREDIT_OF_NOTHING)

    @property
    def reference(self) -> str:
        """What the event is known by, here and where it is billed: its case, and `-K1` for the first correction."""
        return f"{self.case}-K{self.correction}" if self.correction else self.case

    @property
    def corrects(self) -> str:
        """The reference of what it corrects; empty for an event that corrects nothing."""
        return self.case if self.correction else ""

    @property
    def amount(self) -> Money:
        """What is charged, negative for a credit."""
        return Money(self.quantity * self.price, "SEK")


def _is_sound(value: Decimal) -> bool:
    """Whether the number is one, of a sane size, and exact to the hundredth."""
    exponent = value.normalize().as_tuple().exponent if value.is_finite() else None
    return isinstance(exponent, int) and exponent >= _ORE and abs(value) < _MOST


_EMPTY = Text("Fältet är tomt.", "The field is empty.")
_LOOKS_LIKE_A_CORRECTION = Text(
    "Ärendets nummer får inte sluta som en rättelse (-K1).", "A case's number must not end as a correction's (-K1)."
)
_NO_AMOUNT = Text(
    "Talet ska ha högst två decimaler och vara mindre än en miljard.",
    "The number is to have two decimals at most and be less than a thousand million.",
)
_NO_NUMBER = Text("En rättelse har numret 1, 2, 3 …", "A correction has the number 1, 2, 3 …")
_NEGATIVE_PRICE = Text(
    "Priset är negativt. En kreditering har negativt antal.", "The price is negative. A credit has a negative quantity."
)
_CREDIT_OF_NOTHING = Text(
    "Antalet är noll, eller negativt utan att vara en rättelse.",
    "The quantity is nought, or negative without being a correction.",
)
_CODE_TWICE = Text("Samma begrepp anges två gånger.", "The same dimension is stated twice.")
