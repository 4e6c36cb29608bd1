"""Where in the document: from what a rule engine says back to the element, its line, its readable path, its value."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final
from xml.parsers import expat

from lxml import etree

from .findings import shorten
from .safe import line_of

_LAST_SURE_LINE: Final = 65_534
Element = etree._Element
Name = tuple[str | None, str]


class NoSuchPlace(Exception):
    """The path into the document leads to no element."""


def descend(root: Element, at: Sequence[int]) -> Element:
    """The element reached by these child-element indexes (0 is the first child element); `()` is the root."""
    here = root
    for depth, index in enumerate(at):
        children = [child for child in here if isinstance(child.tag, str)]
        if not 0 <= index < len(children):
            raise NoSuchPlace(f"step {depth + 1} of {tuple(at)} asks for child {index}; there are {len(children)}")
        here = children[index]
    return here


class Places:
    """The places of one judged element inside its document. Everything is indexed once, so many findings stay cheap."""

    def __init__(self, root: Element, judged: Element, document: bytes) -> None:
        self._root, self._judged, self._document = root, judged, document
        self._steps: dict[Element, str] = {}
        self._named: dict[Element, dict[Name, list[Element]]] = {}
        self._values: dict[Element, str] = {}

    @cached_property
    def elements(self) -> list[Element]:
        """Every element at or under the judged one, in document order."""
        return list(self._judged.iter(etree.Element))

    # -- telling a place

    def path(self, element: Element, node: str = "") -> str:
        """A readable XPath from the root of the file, with the document's own prefixes."""
        steps = [self._step(element), *(self._step(one) for one in element.iterancestors())]
        whole = "/" + "/".join(reversed(steps))
        return f"{whole}/{node}" if node and node != "/" else ("/" if node == "/" else whole)

    def _step(self, element: Element) -> str:
        if element not in self._steps:
            self._index(element.getparent(), element)
        return self._steps[element]

    def _index(self, parent: Element | None, element: Element) -> None:
        siblings = [element] if parent is None else [one for one in parent if isinstance(one.tag, str)]
        groups: dict[str, list[Element]] = {}
        for one in siblings:
            groups.setdefault(_shown(one), []).append(one)
        for shown, members in groups.items():
            for position, one in enumerate(members, 1):
                self._steps[one] = f"{shown}[{position}]" if len(members) > 1 else shown

    def value(self, element: Element, node: str = "") -> str:
        """The text at this place, shortened; an element that holds elements has none of its own."""
        if node.startswith("@"):
            return shorten(_attribute(element, node[1:]))
        if element not in self._values:
            self._values[element] = shorten(_own_text(element))
        return self._values[element]

    def line(self, element: Element) -> int | None:
        """The line of the element in the file, right beyond the 65,535th too."""
        if self._lines is None:
            return line_of(element)
        return self._lines[self._order[element]]

    @cached_property
    def _order(self) -> dict[Element, int]:
        return {element: at for at, element in enumerate(self._root.iter(etree.Element))}

    @cached_property
    def _lines(self) -> list[int] | None:
        """Line per element, counted anew, where the tree itself keeps lines in 16 bits only."""
        return self._counted() if self._document.count(b"\n") >= _LAST_SURE_LINE else None

    def _counted(self) -> list[int]:
        lines: list[int] = []
        reader = expat.ParserCreate()
        reader.StartElementHandler = lambda _name, _attributes: lines.append(reader.CurrentLineNumber)
        reader.Parse(self._document, True)
        return lines

    # -- finding a place

    def at_svrl(self, location: str) -> tuple[Element, str] | None:
        """The element (and the rest, such as `@unitCode`) that an SVRL location names, if it can be read."""
        steps = _svrl_steps(location)
        if steps is None:
            return None
        here: Element | None = None
        for name, position in steps:
            if name[1].startswith("@"):
                return (here, name[1]) if here is not None else None
            here = self._child(here, name, position)
            if here is None:
                return None
        return (here, "") if here is not None else (self._judged, "/")

    def _child(self, parent: Element | None, name: Name, position: int) -> Element | None:
        if parent is None:
            return self._judged
        members = self._by_name(parent).get(name, [])
        return members[position - 1] if 0 < position <= len(members) else None

    def _by_name(self, parent: Element) -> dict[Name, list[Element]]:
        if parent not in self._named:
            groups: dict[Name, list[Element]] = {}
            for child in parent.iterchildren(etree.Element):
                name = etree.QName(child)
                keys = ((name.namespace or "", name.localname), (None, name.localname), (None, "*"))
                for key in (*keys, (None, _shown(child))):
                    if child not in groups.setdefault(key, [])[-1:]:
                        groups[key].append(child)
            self._named[parent] = groups
        return self._named[parent]

    def at_libxml(self, path: str) -> tuple[Element, str] | None:
        """The element that libxml2's own node path names."""
        here: Element | None = None
        for step in path.strip("/").split("/"):
            if step.startswith("@"):
                return (here, step) if here is not None else None
            name, _, position = step.partition("[")
            here = self._child(here, (None, name), int(position.rstrip("]") or 1) if position else 1)
            if here is None:
                return None
        return (here, "") if here is not None else None


def _shown(element: Element) -> str:
    name = etree.QName(element).localname
    return f"{element.prefix}:{name}" if element.prefix else name


def _own_text(element: Element) -> str:
    inner = list(element)
    if any(isinstance(child.tag, str) for child in inner):
        return ""
    return "".join((element.text or "", *(child.tail or "" for child in inner)))


def _attribute(element: Element, shown: str) -> str:
    prefix, _, local = shown.rpartition(":")
    namespace = element.nsmap.get(prefix) if prefix and prefix != "xml" else None
    name = f"{{{namespace}}}{local}" if namespace else local
    return str(element.get(name, ""))


_STEP: Final = re.compile(
    r"""/(?:Q\{(?P<braced>[^}]*)\}(?P<bracedname>[\w.\-]+)
        |(?P<at>@)(?:Q\{[^}]*\}|\*:)?(?P<attribute>[\w.\-]+(?::[\w.\-]+)?|\*)
        |(?:\*:)?(?P<name>[\w.\-]+(?::[\w.\-]+)?|\*))
        (?P<conditions>(?:\[[^\]]*\])*)""",
    re.VERBOSE,
)
_NAMESPACE: Final = re.compile(r"namespace-uri\(\)\s*=\s*['\"]([^'\"]*)['\"]")
_LOCAL: Final = re.compile(r"local-name\(\)\s*=\s*['\"]([^'\"]*)['\"]")
_POSITION: Final = re.compile(r"\[(\d+)\]")


def _svrl_steps(location: str) -> list[tuple[Name, int]] | None:
    steps: list[tuple[Name, int]] = []
    at = 0
    while at < len(location.rstrip("/")):
        match = _STEP.match(location, at)
        if match is None:
            return None
        steps.append(_svrl_step(match))
        at = match.end()
    return steps


def _svrl_step(match: re.Match[str]) -> tuple[Name, int]:
    conditions = match["conditions"] or ""
    local, namespace = _LOCAL.search(conditions), _NAMESPACE.search(conditions)
    position = _POSITION.search(conditions)
    if match["at"]:
        return (None, "@" + (local[1] if local else match["attribute"])), 1
    if match["bracedname"]:
        name: Name = (match["braced"], match["bracedname"])
    else:
        name = (namespace[1] if namespace else None, local[1] if local else match["name"])
    return name, int(position[1]) if position else 1
