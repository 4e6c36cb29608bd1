"""Compile ISO Schematron to XSLT of our own, which tells failures only: no SVRL, no paths, no fixed messages."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from .findings import Severity, fold, id_in, severity_of
from .schema import XSL, Check, Let, Pattern, Rule, Schema, Unsupported, read_schema, spoken

__all__ = ["CompiledRule", "Stylesheet", "Unsupported", "compile_schematron"]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One assert or report: `message` has expressions in braces and is `fixed` when it has none.

    `digest` covers context, test and every variable and function they lean on, not the message.
    """

    id: str
    severity: Severity
    message: str
    fixed: bool
    digest: str
    context: str


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """A compiled schema: XSLT text, and the rules its result names by their place in `rules`.

    Result: `<o>` with one `<f r= n= [a=]>` per failure (rule number, generate-id of the element, kind of a node
    that is no element) holding the message unless it is fixed; `<e r= n= c=>` for a rule that raised.
    `roots` are the document roots that rule contexts begin with, as `{namespace}name`; empty when none says.
    """

    text: str
    rules: tuple[CompiledRule, ...]
    roots: frozenset[str]


def compile_schematron(source: bytes, *, phase: str = "#DEFAULT", careful: bool = False) -> Stylesheet:
    """Compile a schema. `careful` wraps every check so that one that raises is named and the others still speak.

    Raises `Unsupported` with the line for any construct that is not known.
    """
    schema = read_schema(source, phase)
    return Stylesheet(_Writer(schema, careful).text(), tuple(_rules(schema)), frozenset(_roots(schema)))


# -- the rules a schema holds


def _rules(schema: Schema) -> Iterator[CompiledRule]:
    taken: dict[str, int] = {}
    leaning = _Leaning(schema)
    for pattern in schema.patterns:
        for rule in pattern.rules:
            lets: list[Let] = []
            for step in rule.steps:
                if isinstance(step, Let):
                    lets.append(step)
                else:
                    yield _compiled(step, rule, leaning.on(pattern, lets, step, rule.context), taken)


def _compiled(check: Check, rule: Rule, leaning: str, taken: dict[str, int]) -> CompiledRule:
    told = fold(f"{rule.context} | {check.wanted} | {check.test} | {leaning}")
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    return CompiledRule(
        check.id or id_in(spoken(check)) or _invented(rule, check, taken),
        severity_of(*check.words),
        spoken(check),
        not any(part.expression for part in check.message),
        digest,
        rule.context,
    )


def _invented(rule: Rule, check: Check, taken: dict[str, int]) -> str:
    """A stable id for a check without one: the same check in the next edition gets the same id."""
    seed = " ".join(f"{rule.context}|{check.wanted}|{check.test}".split())
    name = "NO-ID-" + hashlib.sha256(seed.encode()).hexdigest()[:8]
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


_VARIABLE: Final = re.compile(r"\$([\w.\-]+(?::[\w.\-]+)?)")
_FUNCTION: Final = re.compile(r"([A-Za-z_][\w.\-]*:[\w.\-]+)\s*\(")


class _Leaning:
    """What a check's meaning rests on beyond its own text: variables and functions, followed to the end."""

    def __init__(self, schema: Schema) -> None:
        self._schema_lets = {let.name: let for let in schema.lets}
        self._functions = dict(schema.functions)

    def on(self, pattern: Pattern, lets: Iterable[Let], check: Check, context: str) -> str:
        """The texts of all variables and functions this check needs, in a stable order."""
        known = self._schema_lets | {let.name: let for let in pattern.lets} | {let.name: let for let in lets}
        found: dict[str, str] = {}
        self._follow(f"{context}\n{check.test}", known, found)
        return "\n".join(f"{name}={text}" for name, text in sorted(found.items()))

    def _follow(self, text: str, known: dict[str, Let], found: dict[str, str]) -> None:
        wanted = {name: _let_text(known[name]) for name in _VARIABLE.findall(text) if name in known}
        wanted |= {name: self._functions[name] for name in _FUNCTION.findall(text) if name in self._functions}
        for name, leaned in wanted.items():
            if name not in found:
                found[name] = leaned
                self._follow(leaned, known, found)


def _let_text(let: Let) -> str:
    return let.value or let.body


# -- which nodes a pattern must visit

_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\(:.*?:\)", re.DOTALL)
_ELEMENT_STEP: Final = re.compile(r"(?:child::|descendant::)?(?:[\w.\-]+|\*)(?::(?:[\w.\-]+|\*))?$")
_PREDICATE: Final = re.compile(r"\[[^\[\]]*\]")
_ALL_ELEMENTS: Final = "/descendant::*"
_ALL_NODES: Final = "/descendant-or-self::node()/(. | @*)"


def only_elements(context: str) -> bool:
    """Whether a rule context can match nothing but elements; when in doubt, no."""
    bare = _LITERAL.sub("''", context)
    while (thinner := _PREDICATE.sub("", bare)) != bare:
        bare = thinner
    bare = "".join(bare.split())
    if bare.startswith("(") and bare.endswith(")") and bare.count("(") == 1:
        bare = bare[1:-1]
    return all(_ELEMENT_STEP.match(branch.rsplit("/", 1)[-1]) for branch in bare.split("|"))


def _visited(pattern: Pattern) -> str:
    return _ALL_ELEMENTS if all(only_elements(rule.context) for rule in pattern.rules) else _ALL_NODES


_ROOT_STEP: Final = re.compile(r"(?:^|[|(])\s*/\s*([A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?)(?![\w.\-:(])")


def _roots(schema: Schema) -> Iterator[str]:
    """The root elements that absolute rule contexts name."""
    bound = dict(schema.namespaces)
    for context in (rule.context for pattern in schema.patterns for rule in pattern.rules):
        for step in _ROOT_STEP.findall(_LITERAL.sub("''", context)):
            prefix, _, name = step.rpartition(":")
            if not prefix or prefix in bound:
                yield f"{{{bound[prefix]}}}{name}" if prefix else name


# -- the stylesheet

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_ESCAPED: Final = re.compile('[&<>"\n\r\t]')


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda match: _ESCAPES[match.group()], text) + '"'


def _variable(name: str, let: Let) -> str:
    kind = f" as={_quoted(let.kind)}" if let.kind else ""
    if let.body:
        return f"<xsl:variable name={_quoted(name)}{kind}>{let.body}</xsl:variable>"
    return f"<xsl:variable name={_quoted(name)}{kind} select={_quoted(let.value)}/>"


def _rooted(let: Let) -> str:
    """A let of the whole document, declared again where the context is another node."""
    inside = let.body or f"<xsl:sequence select={_quoted(let.value)}/>"
    looked = f'<xsl:for-each select="root()">{inside}</xsl:for-each>'
    kind = _quoted(let.kind or ("document-node()" if let.body else "item()*"))
    if let.body:
        looked = f"<xsl:document>{looked}</xsl:document>"
    return f"<xsl:variable name={_quoted(let.name)} as={kind}>{looked}</xsl:variable>"


_OPENING: Final = '<xsl:output method="xml" omit-xml-declaration="yes" indent="no"/><xsl:mode on-no-match="deep-skip"/>'
_AT_ELEMENT: Final = 'n="{generate-id()}"'
_AT_ANY: Final = (
    'n="{generate-id(ancestor-or-self::*[1])}" '
    "a=\"{if (self::*) then '' else if (self::text()) then 'text()' else if (self::comment()) then 'comment()' "
    "else if (self::processing-instruction()) then 'processing-instruction()' "
    "else if (self::document-node()) then '/' else concat('@', name())}\""
)


_STEP: Final = r"[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?"
_BAN: Final = re.compile(rf"\s*not\(\s*({_STEP}(?:/{_STEP})+(?:/@{_STEP})?)\s*\)\s*")
_WORTH_A_GROUP: Final = 3
Written = tuple[tuple[str, ...], str]


def _banned(check: Check) -> tuple[str, ...]:
    """The steps of the path that a check only forbids: `not(a/b/c)`; empty for any other check."""
    found = _BAN.fullmatch(check.test) if check.wanted else None
    return tuple(found[1].split("/")) if found else ()


def _grouped(written: Sequence[Written], depth: int) -> str:
    """Neighbouring bans below one element are asked only where that element is: an absent one cannot break them."""
    parts: list[str] = []
    for key, group in groupby(written, lambda one: one[0][:depth] if len(one[0]) > depth else ()):
        members = list(group)
        if not key or len(members) < _WORTH_A_GROUP:
            parts += [text for _, text in members]
        else:
            parts.append(f"<xsl:if test={_quoted('/'.join(key))}>{_grouped(members, depth + 1)}</xsl:if>")
    return "".join(parts)


class _Writer:
    """Writes one schema as XSLT; `careful` guards every check with try and catch."""

    def __init__(self, schema: Schema, careful: bool) -> None:
        self._schema, self._careful = schema, careful
        names = [let.name for let in schema.lets]
        names += [name for pattern in schema.patterns for name in {let.name for let in pattern.lets}]
        self._clashing = {name for name in names if names.count(name) > 1}
        self._number = 0

    def text(self) -> str:
        """The whole stylesheet."""
        bound = "".join(f" xmlns:{prefix}={_quoted(uri)}" for prefix, uri in self._schema.namespaces)
        head = (
            f'<xsl:stylesheet version="{self._schema.version}" xmlns:xsl="{XSL}" xmlns:xr="urn:xmlrules"'
            f' xmlns:err="http://www.w3.org/2005/xqt-errors"{bound}'
            f' exclude-result-prefixes="#all">'
        )
        parts = [head, _OPENING, *self._schema.declarations]
        parts += [_variable(let.name, let) for let in self._schema.lets]
        parts.append(self._entry())
        parts += [self._pattern(number, pattern) for number, pattern in enumerate(self._schema.patterns)]
        return "".join((*parts, "</xsl:stylesheet>"))

    def _entry(self) -> str:
        walks = (
            f'<xsl:apply-templates select="{_visited(pattern)}" mode="p{number}"/>'
            for number, pattern in enumerate(self._schema.patterns)
            if pattern.rules
        )
        return f'<xsl:template match="/"><o>{"".join(walks)}</o></xsl:template>'

    def _pattern(self, number: int, pattern: Pattern) -> str:
        parts = [f'<xsl:mode name="p{number}" on-no-match="deep-skip"/>']
        parts += self._pattern_lets(number, pattern)
        place = _AT_ANY if _visited(pattern) == _ALL_NODES else _AT_ELEMENT
        for order, rule in enumerate(pattern.rules):
            self._refuse_clash(rule, pattern)
            head = f'mode="p{number}" priority="{len(pattern.rules) - order}"'
            body = self._rule(number, pattern, rule, place)
            parts.append(f"<xsl:template match={_quoted(rule.context)} {head}>{body}</xsl:template>")
        return "".join(parts)

    def _refuse_clash(self, rule: Rule, pattern: Pattern) -> None:
        own = {let.name for let in pattern.lets} & self._clashing
        used = own & set(_VARIABLE.findall(rule.context))
        if used:
            raise Unsupported(f"variable ${used.pop()} in a context: other patterns use the name too", rule.line)

    def _pattern_lets(self, number: int, pattern: Pattern) -> list[str]:
        """Lets of a pattern are computed once per document; a name that others use too is kept apart."""
        written: list[str] = []
        earlier: list[Let] = []
        for let in pattern.lets:
            if let.name not in self._clashing:
                written.append(_variable(let.name, let) if not earlier else self._apart(number, let, earlier, let.name))
                continue
            written.append(self._apart(number, let, earlier, f"xr:p{number}_{let.name}"))
            earlier.append(let)
        return written

    def _apart(self, number: int, let: Let, earlier: list[Let], name: str) -> str:
        aliases = "".join(self._alias(number, one) for one in earlier)
        inside = let.body or f"<xsl:sequence select={_quoted(let.value)}/>"
        kind = let.kind or ("document-node()" if let.body else "item()*")
        inside = f"<xsl:document>{inside}</xsl:document>" if let.body else inside
        return f"<xsl:variable name={_quoted(name)} as={_quoted(kind)}>{aliases}{inside}</xsl:variable>"

    def _alias(self, number: int, let: Let) -> str:
        return f'<xsl:variable name={_quoted(let.name)} select="$xr:p{number}_{let.name}"/>'

    def _aliases(self, number: int, pattern: Pattern) -> str:
        return "".join(self._alias(number, let) for let in pattern.lets if let.name in self._clashing)

    def _rule(self, number: int, pattern: Pattern, rule: Rule, place: str) -> str:
        written: list[Written] = [] if self._careful else [((), self._aliases(number, pattern))]
        lets: list[Let] = []
        for step in rule.steps:
            if isinstance(step, Let):
                lets.append(step)
                if not self._careful:
                    written.append(((), _variable(step.name, step)))
                continue
            if self._careful:
                written.append(((), self._guarded(pattern, lets, step, place)))
            else:
                written.append((_banned(step), self._check(step, place)))
            self._number += 1
        return _grouped(written, 1)

    def _check(self, check: Check, place: str) -> str:
        told = self._told(check, place)
        if check.wanted:
            return (
                f"<xsl:choose><xsl:when test={_quoted(check.test)}/><xsl:otherwise>{told}</xsl:otherwise></xsl:choose>"
            )
        return f"<xsl:if test={_quoted(check.test)}>{told}</xsl:if>"

    def _told(self, check: Check, place: str) -> str:
        head = f'<f r="{self._number}" {place}'
        if not any(part.expression for part in check.message):
            return head + "/>"
        return f"{head}>{''.join(_spoken_part(part.text, part.expression) for part in check.message)}</f>"

    def _guarded(self, pattern: Pattern, lets: list[Let], check: Check, place: str) -> str:
        around = [_rooted(let) for let in self._needed(pattern, lets, check)]
        inside = "".join((*around, *(_variable(let.name, let) for let in lets), self._check(check, place)))
        caught = f'<e r="{self._number}" {place} c="{{$err:code}}"><xsl:value-of select="$err:description"/></e>'
        return f"<xsl:try>{inside}<xsl:catch>{caught}</xsl:catch></xsl:try>"

    def _needed(self, pattern: Pattern, lets: list[Let], check: Check) -> list[Let]:
        """The document's own variables this check leans on: errors in global ones could not be caught."""
        known = [*self._schema.lets, *pattern.lets]
        texts = [check.test, *(part.text for part in check.message if part.expression), *map(_let_text, lets)]
        wanted: set[str] = set()
        fresh = set(_VARIABLE.findall("\n".join(texts)))
        while fresh:
            wanted |= fresh
            fresh = {name for let in known if let.name in fresh for name in _VARIABLE.findall(_let_text(let))} - wanted
        return [let for let in known if let.name in wanted]


def _spoken_part(text: str, expression: bool) -> str:
    if expression:
        return f"<xsl:value-of select={_quoted(text)}/>"
    return f"<xsl:text>{_ESCAPED.sub(lambda match: _ESCAPES[match.group()], text)}</xsl:text>"
