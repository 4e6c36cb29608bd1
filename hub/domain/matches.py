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
    """One line of an invoice beside the order line that it was found to be of; None where none was found.

    `company` and `order` are empty where the order that the line names itself was not found.
    """

    line: str
    order_line: int | None
    fits: bool
    company: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """An invoice beside its order, the first that it names; its lines may be of others.

    `company` and `order` are empty where no order was found, `contract` where the order names none.
    """

    outcome: MatchOutcome
    reasons: tuple[Reason, ...] = ()
    company: str = ""
    order: str = ""
    contract: str = ""
    lines: tuple[LineMatch, ...] = ()

    @property
    def orders(self) -> tuple[tuple[str, str], ...]:
        """By company and number every order that it or one of its lines was found to be of, its own first."""
        named = ((self.company, self.order), *((line.company, line.order) for line in self.lines))
        return tuple(dict.fromkeys(each for each in named if each[1]))
