"""How an invoice fits the order it names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hub.domain.texts import Reason


class MatchOutcome(StrEnum):
    """Whether an invoice fits its order.

    matched    the order is its supplier's, and every line and amount fits
    partly     the order is its supplier's, and something does not fit
    unmatched  it names no order, one that is not known, or another supplier's
    """

    MATCHED = "matched"
    PARTLY = "partly"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class LineMatch:
    """One line of an invoice beside the order line that it was found to be of; None where none was found."""

    line: str
    order_line: int | None
    fits: bool


@dataclass(frozen=True, slots=True)
class Match:
    """An invoice beside its order. `company` and `order` are empty where no order was found, `contract` where the
    order names none.
    """

    outcome: MatchOutcome
    reasons: tuple[Reason, ...] = ()
    company: str = ""
    order: str = ""
    contract: str = ""
    lines: tuple[LineMatch, ...] = ()
