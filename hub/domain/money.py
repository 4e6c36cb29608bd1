"""Amounts of money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

_EXACT = Context(prec=400)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217)."""

    amount: Decimal
    currency: str

    @property
    def plain(self) -> str:
        """The amount alone, the same for equal amounts: no exponent, no superfluous zeros, no negative zero."""
        text = format(self.amount, "f")
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return "0" if text in {"-0", ""} else text

    def less(self, other: Money) -> Money:
        """This amount without the other, exactly. Raises ValueError for two currencies."""
        if other.currency != self.currency:
            raise ValueError(f"{other.currency} cannot be taken from {self.currency}")
        return Money(_EXACT.subtract(self.amount, other.amount), self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
