"""Reading single values out of an XML tree, strictly: texts, numbers, amounts, dates and places.

What is absent reads as empty or None. What is there but cannot be read is refused with its element, line and value,
as is what must be there and is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import cast

from lxml import etree

from hub.domain.money import Money
from hub.plugin.errors import Rejected
from hub_svefaktura.refusals import UNREADABLE, rejected

Element = etree._Element
Path = tuple[int, ...]

MOST_DIGITS = 100
MOST_WHOLE_DIGITS = 15
MOST_NUMBER = 200
# The parser keeps lines in 16 bits.
_LAST_SURE_LINE = 65_534

# XML Schema 1.0 part 2: decimal (3.2.3), date (3.2.9) and dateTime (3.2.7); years of four digits only.
_DECIMAL = re.compile(r"[+-]?(?:([0-9]+)(?:\.[0-9]*)?|\.[0-9]+)")
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Names:
    """How one XML vocabulary names things: the prefixes our paths use, and the attributes of amounts and numbers."""

    prefixes: Mapping[str, str]
    currency: str
    unit: str
    _expanded: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def path(self, short: str) -> str:
        """`cac:Party/cbc:Name` with each prefix replaced by its namespace."""
        known = self._expanded.get(short)
        if known is None:
            known = self._expanded[short] = "/".join(self._tag(step) for step in short.split("/"))
        return known

    def _tag(self, step: str) -> str:
        prefix, _, name = step.partition(":")
        return f"{{{self.prefixes[prefix]}}}{name}"


@dataclass(frozen=True, slots=True)
class Node:
    """An element, read through the names of its vocabulary; `currency` is that of amounts which name none."""

    element: Element
    names: Names
    currency: str = ""

    def one(self, path: str) -> Node | None:
        """The first element there, or None."""
        found = self.element.find(self.names.path(path))
        return None if found is None else Node(found, self.names, self.currency)

    def all(self, path: str) -> Iterator[Node]:
        """Every element there, in document order."""
        for found in self.element.iterfind(self.names.path(path)):
            yield Node(found, self.names, self.currency)

    def numbered(self, name: str) -> Iterator[tuple[int, Node]]:
        """The children of that name, each with its index among all child elements."""
        tag = self.names.path(name)
        for index, child in enumerate(elements_of(self.element)):
            if child.tag == tag:
                yield index, Node(child, self.names, self.currency)

    def text(self, path: str) -> str:
        """The text there without the blanks around it, empty when there is none."""
        found = self.element.find(self.names.path(path))
        return "" if found is None else text_of(found)

    def texts(self, path: str) -> tuple[str, ...]:
        """The texts there that are not empty."""
        return tuple(text for each in self.element.iterfind(self.names.path(path)) if (text := text_of(each)))

    def first_text(self, *paths: str) -> str:
        """The text of the first path that has one."""
        return next((text for path in paths if (text := self.text(path))), "")

    def attribute(self, path: str, name: str) -> str:
        """That attribute of the first element there, empty when there is none."""
        found = self.element.find(self.names.path(path))
        return "" if found is None else (found.get(name) or "").strip()

    def decimal(self, path: str) -> Decimal | None:
        """The number there, exactly as written, or None. Raises Rejected."""
        found = self.element.find(self.names.path(path))
        return None if found is None else decimal_of(found)

    def money(self, path: str) -> Money | None:
        """The amount there with its currency, or None. Raises Rejected."""
        found = self.element.find(self.names.path(path))
        return None if found is None else self._money(found)

    def must_money(self, path: str) -> Money:
        """The amount there. Raises Rejected when it is missing too."""
        return self._money(self._must(path))

    def day(self, path: str) -> date | None:
        """The date there (of a point in time: its day), or None. Raises Rejected."""
        found = self.element.find(self.names.path(path))
        return None if found is None else day_of(found)

    def must_day(self, path: str) -> date:
        """The date there. Raises Rejected when it is missing too."""
        return day_of(self._must(path))

    def flag(self, path: str) -> bool:
        """True or false, as stated there. Raises Rejected when it is missing too."""
        found = self._must(path)
        value = _BOOLEANS.get(text_of(found))
        if value is None:
            raise unreadable(found, "neither true nor false")
        return value

    def document_number(self, path: str) -> str:
        """The number a document is known by, empty when it has none. Raises Rejected for one too long to keep."""
        number = self.text(path)
        if len(number) > MOST_NUMBER:
            raise unreadable(self._must(path), f"longer than {MOST_NUMBER} characters")
        return number

    def _must(self, path: str) -> Element:
        found = self.element.find(self.names.path(path))
        if found is None:
            raise _missing(self.element, path)
        return found

    def _money(self, found: Element) -> Money:
        amount = decimal_of(found)
        if amount.adjusted() >= MOST_WHOLE_DIGITS:
            raise unreadable(found, f"an amount of more than {MOST_WHOLE_DIGITS} digits")
        return Money(amount, (found.get(self.names.currency) or self.currency).strip())


def text_of(element: Element) -> str:
    """The element's own text, without comments and without the blanks around it."""
    if len(element) == 0:
        return (element.text or "").strip()
    return ((element.text or "") + "".join(child.tail or "" for child in element)).strip()


def decimal_of(element: Element) -> Decimal:
    """The number in the element. Raises Rejected."""
    text = text_of(element)
    if len(text) > MOST_DIGITS or not _DECIMAL.fullmatch(text):
        raise unreadable(element, "not a decimal number")
    return Decimal(text)


def day_of(element: Element) -> date:
    """The date in the element. Raises Rejected."""
    match = _DATE.fullmatch(text_of(element))
    if match is None:
        raise unreadable(element, "not a date, YYYY-MM-DD")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise unreadable(element, "a date that is not in the calendar") from None


def unreadable(element: Element, why: str) -> Rejected:
    """The refusal of a value that stands in the document and cannot be read."""
    place, value = location(element), text_of(element)
    said = f"{_name(element)} is {why}"
    return rejected(UNREADABLE, said, location=place, value=value, line=line_of(element))


def _missing(parent: Element, path: str) -> Rejected:
    place = f"{location(parent)}/{path}"
    return rejected(UNREADABLE, f"{path} is missing", location=place, line=line_of(parent))


def line_of(element: Element) -> int | None:
    """The line where the element begins, where the parser knows it."""
    line = cast("int | None", element.sourceline)
    return line if line and line < _LAST_SURE_LINE else None


def location(element: Element) -> str:
    """The way to the element with the document's own prefixes, a position where siblings share a name."""
    steps: list[str] = []
    at: Element | None = element
    while at is not None:
        steps.append(_name(at) + _position(at))
        at = at.getparent()
    return "/" + "/".join(reversed(steps))


def _name(element: Element) -> str:
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local


def _position(element: Element) -> str:
    before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    alone = before == 0 and next(iter(element.itersiblings(element.tag)), None) is None
    return "" if alone else f"[{before + 1}]"


def elements_of(element: Element) -> Iterator[Element]:
    """The child elements, without comments and processing instructions."""
    return (child for child in element if isinstance(child.tag, str))


def at_path(root: Element, path: Path) -> Element | None:
    """The element that indexes of child elements lead to, or None when they lead nowhere."""
    at: Element | None = root
    for index in path:
        if at is None or index < 0:
            return None
        at = next(islice(elements_of(at), index, None), None)
    return at


def path_between(ancestor: Element, element: Element) -> Path:
    """The indexes of child elements that lead from the one to the other."""
    steps: list[int] = []
    at = element
    while at is not ancestor:
        parent = at.getparent()
        if parent is None:
            raise ValueError("the element does not stand below that ancestor")
        steps.append(sum(1 for sibling in at.itersiblings(preceding=True) if isinstance(sibling.tag, str)))
        at = parent
    return tuple(reversed(steps))


def size_of_base64(element: Element) -> int:
    """How many bytes the base64 text in the element stands for, without decoding it."""
    text = text_of(element)
    characters = len(text) - sum(text.count(blank) for blank in " \t\r\n")
    padding = text[-4:].count("=")
    return max(characters * 3 // 4 - padding, 0)
