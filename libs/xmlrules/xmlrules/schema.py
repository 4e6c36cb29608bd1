"""Read an ISO Schematron file into plain values, abstract patterns and rules expanded; refuse what is not known."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from .findings import fold
from .safe import Limits, Unsafe, line_of, parse

SCH: Final = "http://purl.oclc.org/dsdl/schematron"
XSL: Final = "http://www.w3.org/1999/XSL/Transform"
BINDINGS: Final = {"xslt": "1.0", "xslt1": "1.0", "xslt2": "3.0", "xslt3": "3.0"}
_LIMITS: Final = Limits(max_bytes=32 * 1024 * 1024, allow_mixed=True)
_RICH: Final = frozenset({"id", "see", "fpi", "icon"})
_ATTRIBUTES: Final = {
    "schema": _RICH | {"schemaVersion", "defaultPhase", "queryBinding"},
    "ns": frozenset({"prefix", "uri"}),
    "let": frozenset({"name", "value", "as"}),
    "phase": _RICH,
    "active": frozenset({"pattern"}),
    "pattern": _RICH | {"abstract", "is-a", "name"},
    "param": frozenset({"name", "value"}),
    "rule": _RICH | {"context", "abstract", "flag", "role"},
    "extends": frozenset({"rule"}),
    "assert": _RICH | {"test", "flag", "role", "severity", "diagnostics", "properties"},
    "report": _RICH | {"test", "flag", "role", "severity", "diagnostics", "properties"},
    "value-of": frozenset({"select"}),
    "name": frozenset({"path"}),
}
_CHILDREN: Final = {
    "schema": {"title", "ns", "p", "let", "phase", "pattern", "diagnostics", "properties"},
    "phase": {"p", "let", "active"},
    "pattern": {"title", "p", "let", "param", "rule"},
    "rule": {"p", "let", "assert", "report", "extends"},
}
_PROSE: Final = {"title", "p", "diagnostics", "properties"}
_INLINE: Final = {"emph", "dir", "span"}
_SUBSTITUTED: Final = ("context", "test", "select", "path", "value")


class Unsupported(Exception):
    """The schema holds something this compiler does not know or cannot resolve; nothing of it was compiled."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what, line)
        self.what, self.line = what, line

    def __str__(self) -> str:
        return f"{self.what} (line {self.line})" if self.line else self.what


@dataclass(frozen=True, slots=True)
class Let:
    """A variable: an expression, or with `body` a piece of XSLT content."""

    name: str
    value: str
    kind: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message: fixed text, or an expression to be evaluated where the rule failed."""

    text: str
    expression: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One assert (`wanted`) or report (not `wanted`) of one rule."""

    id: str
    test: str
    wanted: bool
    words: tuple[str | None, ...]
    message: tuple[Part, ...]
    line: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """The checks for one context; lets and checks in their own order."""

    context: str
    steps: tuple[Let | Check, ...]
    line: int | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rules of which a node meets the first that matches, and no other."""

    id: str
    lets: tuple[Let, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole Schematron schema, ready to be written as a stylesheet."""

    version: str
    namespaces: tuple[tuple[str, str], ...]
    lets: tuple[Let, ...]
    patterns: tuple[Pattern, ...]
    declarations: tuple[str, ...]
    functions: tuple[tuple[str, str], ...]


def read_schema(source: bytes, phase: str = "#DEFAULT") -> Schema:
    """The schema in these bytes, restricted to one phase (`#ALL`, `#DEFAULT` or a name).

    Raises `Unsupported` for anything unknown, so that no rule is ever left out unseen.
    """
    root = _root(source)
    _check_shape(root)
    _instantiate(root)
    _extend(root)
    active, phase_lets = _phase(root, phase)
    patterns = tuple(_pattern(p) for p in _of(root, "pattern") if active is None or p.get("id") in active)
    return Schema(
        _version(root),
        _namespaces(root),
        tuple(_let(one) for one in _of(root, "let")) + phase_lets,
        patterns,
        tuple(_source(one) for one in root.iterchildren(f"{{{XSL}}}key", f"{{{XSL}}}function")),
        tuple((one.get("name", ""), _source(one)) for one in root.iterchildren(f"{{{XSL}}}function")),
    )


def _root(source: bytes) -> etree._Element:
    try:
        root = parse(source, _LIMITS).getroot()
    except Unsafe as refused:
        raise Unsupported(f"not a readable schema: {refused.text}", refused.line) from refused
    if root.tag != f"{{{SCH}}}schema":
        raise Unsupported(f"the root is {root.tag}, not an ISO Schematron schema", line_of(root))
    return root


def _version(root: etree._Element) -> str:
    binding = root.get("queryBinding", "xslt").strip().lower()
    if binding not in BINDINGS:
        raise Unsupported(f"queryBinding {binding!r}; known are {', '.join(sorted(BINDINGS))}", line_of(root))
    return BINDINGS[binding]


def _of(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    return element.iterchildren(*(f"{{{SCH}}}{name}" for name in names))


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _elements(element: etree._Element) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str)]


def _source(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)


# -- the shape: only known elements and attributes, each in its place


def _check_shape(element: etree._Element) -> None:
    name = _name(element)
    _check_attributes(element, name)
    if name in _CHILDREN:
        _check_children(element, name)
    elif name in {"assert", "report"}:
        _check_message(element)
    elif name not in {"let"} and _elements(element):
        raise Unsupported(f"an element inside <{name}>", line_of(element))


def _check_attributes(element: etree._Element, name: str) -> None:
    allowed = _ATTRIBUTES.get(name, frozenset())
    for attribute in element.attrib:
        if not str(attribute).startswith("{") and attribute not in allowed:
            raise Unsupported(f"attribute {attribute!r} of <{name}>", line_of(element))


def _check_children(element: etree._Element, name: str) -> None:
    _check_no_text(element)
    for child in _elements(element):
        local = _name(child)
        if child.tag in {f"{{{XSL}}}function", f"{{{XSL}}}key"} and name == "schema":
            continue
        if etree.QName(child).namespace != SCH or local not in _CHILDREN[name]:
            raise Unsupported(f"<{child.tag}> inside <{name}>", line_of(child))
        if local not in _PROSE:
            _check_shape(child)


def _check_no_text(element: etree._Element) -> None:
    texts = [element.text or "", *(child.tail or "" for child in element)]
    if any(text.strip() for text in texts):
        raise Unsupported(f"text directly inside <{_name(element)}>", line_of(element))


def _check_message(element: etree._Element) -> None:
    for child in _elements(element):
        namespace, local = etree.QName(child).namespace, _name(child)
        if namespace == XSL or (namespace == SCH and local not in _INLINE | {"value-of", "name"}):
            raise Unsupported(f"<{child.tag}> inside a message", line_of(child))
        if namespace == SCH and local in {"value-of", "name"}:
            _check_attributes(child, local)
        _check_message(child)


# -- abstract patterns and abstract rules


def _instantiate(root: etree._Element) -> None:
    """Replace every `is-a` pattern by its abstract one with the parameters written in; drop the abstract ones."""
    abstract = {p.get("id"): p for p in _of(root, "pattern") if p.get("abstract") == "true"}
    for pattern in list(_of(root, "pattern")):
        if pattern.get("is-a"):
            root.replace(pattern, _instance(pattern, abstract))
    for pattern in abstract.values():
        root.remove(pattern)


def _instance(pattern: etree._Element, abstract: dict[str | None, etree._Element]) -> etree._Element:
    wanted = abstract.get(pattern.get("is-a"))
    if wanted is None:
        raise Unsupported(f"is-a={pattern.get('is-a')!r} names no abstract pattern", line_of(pattern))
    if list(_of(pattern, "rule", "let")):
        raise Unsupported("an is-a pattern with rules or lets of its own", line_of(pattern))
    made = copy.deepcopy(wanted)
    made.tail = None
    del made.attrib["abstract"]
    values = {p.get("name", ""): p.get("value", "") for p in (*_of(wanted, "param"), *_of(pattern, "param"))}
    for param in list(_of(made, "param")):
        made.remove(param)
    made.set("id", pattern.get("id") or f"{wanted.get('id')}-{line_of(pattern)}")
    _substitute(made, values)
    return made


def _substitute(made: etree._Element, values: dict[str, str]) -> None:
    if not values:
        return
    names = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
    found = re.compile(rf"\$({names})(?![\w.\-])")
    for element in made.iter(f"{{{SCH}}}*"):
        for attribute in _SUBSTITUTED:
            text = element.get(attribute)
            if text and "$" in text:
                element.set(attribute, found.sub(lambda match: values[match.group(1)], text))


def _extend(root: etree._Element) -> None:
    """Write the content of abstract rules in where they are extended; drop the abstract rules."""
    rules = [rule for pattern in _of(root, "pattern") for rule in _of(pattern, "rule")]
    find = _finder(rules)
    for rule in rules:
        if rule.get("abstract") != "true":
            _write_in(rule, find, ())
    for rule in rules:
        if rule.get("abstract") == "true":
            parent = rule.getparent()
            assert parent is not None
            parent.remove(rule)


Finder = Callable[[etree._Element, str], etree._Element | None]


def _finder(rules: list[etree._Element]) -> Finder:
    """Look an abstract rule up in the pattern of the asking rule first, then in the whole schema."""
    abstract = [rule for rule in rules if rule.get("abstract") == "true"]
    near = {(rule.getparent(), rule.get("id")): rule for rule in abstract}
    anywhere = {rule.get("id"): rule for rule in reversed(abstract)}
    return lambda asking, name: near.get((asking.getparent(), name), anywhere.get(name))


def _write_in(rule: etree._Element, find: Finder, seen: tuple[str, ...]) -> None:
    for extends in list(_of(rule, "extends")):
        name = extends.get("rule", "")
        wanted = find(rule, name)
        if wanted is None or name in seen:
            raise Unsupported(f"extends rule={name!r}: no such abstract rule, or a circle", line_of(extends))
        _write_in(wanted, find, (*seen, name))
        at = rule.index(extends)
        rule.remove(extends)
        for offset, child in enumerate(_elements(wanted)):
            rule.insert(at + offset, copy.deepcopy(child))


# -- phases


def _phase(root: etree._Element, phase: str) -> tuple[set[str] | None, tuple[Let, ...]]:
    wanted = root.get("defaultPhase", "#ALL") if phase == "#DEFAULT" else phase
    if wanted == "#ALL":
        return None, ()
    chosen = next((one for one in _of(root, "phase") if one.get("id") == wanted), None)
    if chosen is None:
        raise Unsupported(f"there is no phase {wanted!r}", line_of(root))
    active = {one.get("pattern", "") for one in _of(chosen, "active")}
    missing = active - {p.get("id") for p in _of(root, "pattern")}
    if missing:
        raise Unsupported(f"phase {wanted!r} names no pattern: {', '.join(sorted(missing))}", line_of(chosen))
    return active, tuple(_let(one) for one in _of(chosen, "let"))


# -- elements into values


def _namespaces(root: etree._Element) -> tuple[tuple[str, str], ...]:
    bound = {prefix: uri for prefix, uri in root.nsmap.items() if prefix}
    bound.update({one.get("prefix", ""): one.get("uri", "") for one in _of(root, "ns")})
    for prefix, own in (("xsl", XSL), ("xr", None), ("err", None)):
        if prefix in bound and bound[prefix] != own:
            raise Unsupported(f"prefix {prefix!r} bound to {bound[prefix]}: it is kept for the stylesheet")
        bound.pop(prefix, None)
    return tuple((prefix, uri) for prefix, uri in sorted(bound.items()) if prefix and uri)


def _let(element: etree._Element) -> Let:
    name, value = element.get("name"), element.get("value")
    if not name or (value is None and not (len(element) or element.text)):
        raise Unsupported("a let without name or value", line_of(element))
    return Let(name, value or "", element.get("as", ""), "" if value is not None else _body(element))


def _body(element: etree._Element) -> str:
    if any(etree.QName(one).namespace == SCH for one in element.iterdescendants(etree.Element)):
        raise Unsupported("a Schematron element inside a let", line_of(element))
    inside = copy.deepcopy(element)
    inside.tail = None
    text = _source(inside)
    return text[text.index(">") + 1 : text.rindex("<")]


def _pattern(element: etree._Element) -> Pattern:
    name = element.get("id") or f"pattern-{line_of(element)}"
    return Pattern(
        name,
        tuple(_let(one) for one in _of(element, "let")),
        tuple(_rule(one) for one in _of(element, "rule")),
    )


def _rule(element: etree._Element) -> Rule:
    context = element.get("context")
    if not context or not context.strip():
        raise Unsupported("a rule without context", line_of(element))
    steps = _of(element, "let", "assert", "report")
    made = (_let(one) if _name(one) == "let" else _check(one, element) for one in steps)
    return Rule(context.strip(), tuple(made), line_of(element))


def _check(element: etree._Element, rule: etree._Element) -> Check:
    test = element.get("test")
    if not test or not test.strip():
        raise Unsupported(f"<{_name(element)}> without test", line_of(element))
    _check_diagnostics(element)
    words = (*_words(element), *_words(rule))
    wanted = _name(element) == "assert"
    return Check(element.get("id", ""), test, wanted, words, tuple(_parts(element)), line_of(element))


def _words(element: etree._Element) -> tuple[str | None, ...]:
    return element.get("severity"), element.get("flag"), element.get("role")


def _check_diagnostics(element: etree._Element) -> None:
    """Diagnostics are not shown, but a reference to one that does not exist is a broken schema."""
    wanted = set(element.get("diagnostics", "").split())
    if not wanted:
        return
    known = {one.get("id") for one in element.getroottree().getroot().iter(f"{{{SCH}}}diagnostic")}
    if wanted - known:
        raise Unsupported(f"no such diagnostic: {', '.join(sorted(wanted - known))}", line_of(element))


def _parts(element: etree._Element) -> Iterator[Part]:
    if element.text:
        yield Part(element.text)
    for child in element:
        if isinstance(child.tag, str):
            yield from _inline(child)
        if child.tail:
            yield Part(child.tail)


def _inline(child: etree._Element) -> Iterator[Part]:
    kind = _name(child) if etree.QName(child).namespace == SCH else ""
    if kind == "value-of":
        yield Part(child.get("select", "."), expression=True)
    elif kind == "name":
        yield Part(f"name({child.get('path', '.')})", expression=True)
    else:
        yield from _parts(child)


def spoken(check: Check) -> str:
    """The message of a check as it stands in the schema, expressions in braces, whitespace folded."""
    return fold("".join(f"{{{one.text}}}" if one.expression else one.text for one in check.message))
