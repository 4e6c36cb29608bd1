"""The filter expressions of `/v1/objects`: `orderStatus eq 'O' and lastUpdated/updatedAt gt 2026-06-01T00:00:00`.

Only one form of date literal is taken, since which one a real installation takes is not settled; another is refused
as the system would refuse it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

DATE_FORMS = {
    "plain": re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})Z?"),
    "datetime": re.compile(r"datetime'(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})'"),
    "quoted": re.compile(r"'(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})'"),
}
_TOKEN = re.compile(
    r"\s*(?:(?P<date>datetime'[^']*'|\d{4}-\d{2}-\d{2}T[\d:Z]+)|(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_/]*)|(?P<sign>[(),]))"
)
Row = Mapping[str, Any]
Test = Callable[[Row], bool]


class FilterRefused(Exception):
    """The expression is none that this system understands."""


def parsed(expression: str, date_form: str) -> Test:
    """The test that an expression makes of a row. Raises FilterRefused."""
    return _Parser(list(_tokens(expression)), date_form).whole()


def value_at(row: Row, path: str) -> Any:
    """The value at a path with slashes; None where nothing stands."""
    found: Any = row
    for part in path.split("/"):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    at = 0
    while expression[at:].strip():
        match = _TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise FilterRefused(f"Syntax error at position {at} in '{expression}'.")
        yield match.lastgroup, match.group(match.lastgroup)
        at = match.end()


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], date_form: str) -> None:
        self._tokens, self._at, self._date_form = tokens, 0, date_form

    def whole(self) -> Test:
        test = self._or()
        if self._at != len(self._tokens):
            raise FilterRefused(f"Unexpected '{self._tokens[self._at][1]}'.")
        return test

    def _or(self) -> Test:
        tests = [self._and()]
        while self._took("or"):
            tests.append(self._and())
        return lambda row: any(test(row) for test in tests)

    def _and(self) -> Test:
        tests = [self._one()]
        while self._took("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._took("not"):
            negated = self._one()
            return lambda row: not negated(row)
        if self._took("("):
            inner = self._or()
            self._demand(")")
            return inner
        kind, word = self._next()
        if kind != "name":
            raise FilterRefused(f"Unexpected '{word}'.")
        return self._called(word) if self._took("(") else self._compared(word)

    def _called(self, word: str) -> Test:
        calls: dict[str, Callable[[str, str], bool]] = {
            "contains": lambda held, wanted: wanted in held,
            "startswith": str.startswith,
            "endswith": str.endswith,
        }
        if word not in calls:
            raise FilterRefused(f"The function '{word}' is unknown.")
        path = self._next()[1]
        self._demand(",")
        wanted = str(self._literal())
        self._demand(")")
        return lambda row: calls[word](str(value_at(row, path) or ""), wanted)

    def _compared(self, path: str) -> Test:
        word = self._next()[1]
        if word not in _COMPARED:
            raise FilterRefused(f"The operator '{word}' is unknown.")
        wanted, compare = self._literal(), _COMPARED[word]

        def test(row: Row) -> bool:
            held = value_at(row, path)
            if held is None:
                return False
            alike = float(held) if isinstance(wanted, float) and _is_number(held) else str(held)
            return compare(alike, wanted if isinstance(alike, float) else _text(wanted))

        return test

    def _literal(self) -> Any:
        kind, word = self._next()
        form = DATE_FORMS[self._date_form]
        dated = form.fullmatch(word)
        if dated:
            return dated.group(1)
        if kind == "date" or DATE_FORMS["quoted"].fullmatch(word):
            raise FilterRefused(f"The literal '{word}' is not a valid date.")
        if kind == "number":
            return float(word)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        raise FilterRefused(f"'{word}' is not a value.")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise FilterRefused("The expression ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _took(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == word:
            self._at += 1
            return True
        return False

    def _demand(self, word: str) -> None:
        if not self._took(word):
            raise FilterRefused(f"'{word}' is missing.")


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda held, wanted: bool(held == wanted),
    "ne": lambda held, wanted: bool(held != wanted),
    "gt": lambda held, wanted: bool(held > wanted),
    "ge": lambda held, wanted: bool(held >= wanted),
    "lt": lambda held, wanted: bool(held < wanted),
    "le": lambda held, wanted: bool(held <= wanted),
}


def _is_number(held: Any) -> bool:
    try:
        float(held)
    except (TypeError, ValueError):
        return False
    return True


def _text(wanted: Any) -> str:
    return f"{wanted:g}" if isinstance(wanted, float) else str(wanted)
