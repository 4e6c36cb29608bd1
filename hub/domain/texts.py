"""Words for people: one text in the two languages of the interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["sv", "en"]
LANGUAGES: tuple[Language, ...] = ("sv", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One text, complete in Swedish and in English."""

    sv: str
    en: str

    def in_language(self, language: Language) -> str:
        """The text in that language."""
        return self.sv if language == "sv" else self.en

    def __str__(self) -> str:
        return self.en


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was set aside or stopped: a stable code, what is wrong and what to do about it.

    `code` groups equal reasons (`XML-DTD`, `BR-02`, `CITY-RECIPIENT`); it never holds an id or a value. `said` is
    what the checker itself said, `line` where in the file.
    """

    code: str
    problem: Text
    remedy: Text
    location: str = ""
    value: str = ""
    said: str = ""
    line: int | None = None
