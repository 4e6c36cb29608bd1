"""The document's own text, line by line, for people: decoded, personal numbers masked, in bounded portions."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.domain.masking import masked_text

PORTION = 1000
_LONGEST_LINE = 2000
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line; `marks` are the rules that were broken on it."""

    number: int
    text: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of the lines; `total` is how many there are, `previous` and `following` where to go on, if anywhere."""

    lines: tuple[SourceLine, ...]
    total: int
    previous: int | None
    following: int | None


def portion(document: bytes, around: int, marks: Mapping[int, Sequence[str]]) -> Portion:
    """The portion that holds the line `around`, counted from 1."""
    lines = decoded(document).splitlines()
    first = max(0, (min(max(around, 1), max(len(lines), 1)) - 1) // PORTION * PORTION)
    shown = [
        SourceLine(number, masked_text(_short(text)), tuple(dict.fromkeys(marks.get(number, ()))))
        for number, text in enumerate(lines[first : first + PORTION], first + 1)
    ]
    following = first + PORTION + 1 if first + PORTION < len(lines) else None
    return Portion(tuple(shown), len(lines), first - PORTION + 1 if first else None, following)


def decoded(document: bytes) -> str:
    """The text, by its byte order mark, else its XML declaration, else UTF-8; what cannot be decoded is marked."""
    for mark, encoding in _MARKS:
        if document.startswith(mark):
            return document.decode(encoding, errors="replace")
    declared = _DECLARED.match(document)
    try:
        return document.decode(declared[1].decode("ascii") if declared else "utf-8", errors="replace")
    except LookupError:
        return document.decode("utf-8", errors="replace")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + " …"
