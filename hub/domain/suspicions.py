"""Suspicions: what is odd about something that succeeded, with the figures that make it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hub.domain.texts import Text


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One reason to doubt a success.

    `what` is what was measured: `sum` (what the source listed is not what became of it), `documents`, `bytes`,
    `seconds`, `removals`, or `unexplained` (documents whose end nobody can show). Of what lies outside its band,
    `figure` is what was met, `low` and `high` the band, and `days` those that it was learned from.
    """

    what: str
    text: Text
    figure: float | None = None
    low: float | None = None
    high: float | None = None
    days: tuple[str, ...] = ()

    @property
    def outside(self) -> float:
        """How far outside the band, in widths of the band; 0 where there is none."""
        if self.figure is None or self.low is None or self.high is None:
            return 0.0
        beyond = max(self.low - self.figure, self.figure - self.high, 0.0)
        return beyond / max(self.high - self.low, 1.0)

    def as_json(self) -> dict[str, Any]:
        """As it stands in a column."""
        return asdict(self) | {"days": list(self.days)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Suspicion:
        """The suspicion that a column holds."""
        text, days = Text(**kept["text"]), tuple(kept["days"])
        return cls(kept["what"], text, kept["figure"], kept["low"], kept["high"], days)
