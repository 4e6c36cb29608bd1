"""Texts as every database takes them: one has no NUL and no lone surrogate, which is half of a character."""

from __future__ import annotations

import json
import re

_HALVES = re.compile(r"(\\\\|\\ud[89ab]..\\ud[c-f]..)|(\\ud[89a-f]..|\\u0000)")
"""In JSON that is plain ASCII: what is sound and looks like the rest, then what no database takes."""


def is_storable(text: str) -> bool:
    """Whether every database takes the text to the letter."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def storable(text: str) -> str:
    """The text as every database takes it: lone surrogates, as bytes of a file name that are no UTF-8, are written
    out, as is NUL."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def as_json(value: object) -> str:
    """The value as JSON for a table; what cannot be kept of it is written out as text, whoever it came from."""
    written = _finite(value)
    return _HALVES.sub(lambda met: met[1] or f"\\{met[2]}", written) if "\\u" in written else written


def _finite(value: object) -> str:
    """JSON without NaN and the infinities, which it has no numbers for: they become texts."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value), parse_constant=str))
