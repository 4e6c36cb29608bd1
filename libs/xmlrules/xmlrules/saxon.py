"""The one Saxon processor of this process: compile rule layers, keep them, run them, bring their results home."""

import re
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import saxonche
from lxml import etree

from .findings import Severity, fold, id_in, severity_of
from .places import Element
from .schematron import Stylesheet, compile_schematron

SVRL: Final = "http://purl.oclc.org/dsdl/svrl"
_NODE_IDS: Final = (
    '<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/>'
    '<xsl:template match="/"><xsl:value-of select="//*/generate-id()" separator=" "/></xsl:template>'
    "</xsl:stylesheet>"
)
_PROTOCOLS: Final = "http://saxon.sf.net/feature/allowedProtocols"


class Raised(Exception):
    """A rule set raised an error while judging; `hits` is what the other rules said, if that is known."""

    def __init__(self, reason: str, hits: "list[Hit] | None" = None) -> None:
        super().__init__(reason)
        self.reason, self.hits = reason, hits or []


class NotCompiled(Exception):
    """Saxon refuses the stylesheet."""


@dataclass(slots=True)
class Hit:
    """One broken rule as an engine told it: the place is a Saxon node id with `node`, or an SVRL `location`."""

    rule: str
    severity: Severity
    text: str
    node_id: str = ""
    node: str = ""
    location: str = ""


class Processor:
    """Saxon, once per process and for one thread only: more would abort the whole process."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._saxon = saxonche.PySaxonProcessor(license=False)
        self._saxon.set_configuration_property(_PROTOCOLS, "none")
        self._compiler = self._saxon.new_xslt30_processor()

    def compile(self, text: str) -> Any:
        """An executable of this stylesheet; raises `NotCompiled` with Saxon's message."""
        self._check_thread()
        try:
            return self._compiler.compile_stylesheet(stylesheet_text=text)
        except saxonche.PySaxonApiError as error:
            raise NotCompiled(_plain(error)) from error

    def parse(self, text: str) -> Any:
        """Saxon's own tree of a document that lxml has already accepted."""
        self._check_thread()
        return self._saxon.parse_xml(xml_text=text)

    @cached_property
    def node_ids(self) -> Any:
        """Lists the ids of all elements in document order."""
        return self.compile(_NODE_IDS)

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("Saxon belongs to the thread that used it first: use xmlrules.Judge from threads")


_the_one: list[Processor] = []


def processor() -> Processor:
    """The processor of this process, started at the first call."""
    if not _the_one:
        _the_one.append(Processor())
    return _the_one[0]


_NOWHERE: Final = re.compile(r" of file:\S*:?")


def _plain(error: Exception) -> str:
    """Saxon's message without the folder it happens to run in."""
    return fold(_NOWHERE.sub("", str(error)))


class Prepared:
    """A document in Saxon, parsed once for all layers."""

    def __init__(self, element: Element, whole: bool) -> None:
        source = element.getroottree() if whole else element
        self._node = processor().parse(etree.tostring(source, encoding="unicode", with_tail=False))

    def run(self, executable: Any) -> str:
        """What the stylesheet writes; raises `Raised` with Saxon's message."""
        try:
            return str(executable.transform_to_string(xdm_node=self._node) or "")
        except saxonche.PySaxonApiError as error:
            raise Raised(_plain(error)) from error

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of every element in document order, by Saxon's node id."""
        return {name: at for at, name in enumerate(self.run(processor().node_ids).split())}


class SchematronLayer:
    """A Schematron source through our own compiler."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._sheet: Stylesheet = compile_schematron(source)
        self._executable = processor().compile(self._sheet.text)
        self.roots = self._sheet.roots

    def run(self, document: Prepared) -> list[Hit]:
        """The broken rules in document order; if one raises, a second, careful run tells which.

        The processor may compute a variable before it knows that no rule will use it, and raise for it. Where the
        careful run, which asks every rule by itself, finds none that raises, its answer stands.
        """
        try:
            return self._hits(document.run(self._executable))[0]
        except Raised:
            hits, raising = self._hits(document.run(self._careful))
        if raising:
            raise Raised("; ".join(raising), hits)
        return hits

    @cached_property
    def _careful(self) -> Any:
        return processor().compile(compile_schematron(self._source, careful=True).text)

    def _hits(self, result: str) -> tuple[list[Hit], list[str]]:
        if len(result) <= len("<o></o>"):
            return [], []
        hits: list[Hit] = []
        raising: dict[str, None] = {}
        for told in _read(result):
            rule = self._sheet.rules[int(told.get("r", ""))]
            said = told_text(told)
            if told.tag == "e":
                raising[f"rule {rule.id} raised {said or told.get('c')}"] = None
                continue
            text = rule.message if rule.fixed else said
            hits.append(Hit(rule.id, rule.severity, text, told.get("n", ""), told.get("a", "")))
        return hits, list(raising)


_TOLD: Final = ("failed-assert", "successful-report")
_DIARY: Final = ("active-pattern", "fired-rule", "suppressed-rule", "ns-prefix-in-attribute-values")
_CODE: Final = etree.XPath("//@select | //@test | //@match | //@use | //@group-by")


class SvrlLayer:
    """A compiled rule set that writes SVRL; it is spared the diary of which rules it tried, a fifth of its time."""

    def __init__(self, source: bytes) -> None:
        self._executable = processor().compile(_without_diary(source))
        self.roots: frozenset[str] = frozenset()

    def run(self, document: Prepared) -> list[Hit]:
        """Every failed-assert and successful-report, as the rule set orders them."""
        result = document.run(self._executable)
        if "schematron-output" in result and not any(name in result for name in _TOLD):
            return []
        return [_svrl_hit(told) for told in _read(result).iter(*(f"{{{SVRL}}}{name}" for name in _TOLD))]


def _without_diary(source: bytes) -> str:
    """The stylesheet without the elements that nobody reads, unless its own expressions name one of them."""
    root = etree.fromstring(source, _trusted_parser())
    expressions = " ".join(map(str, cast("list[str]", _CODE(root))))
    unread = [f"{{{SVRL}}}{name}" for name in _DIARY if name not in expressions]
    for element in list(root.iter(*unread)) if unread else []:
        above = element.getparent()
        if above is not None:
            above.remove(element)
    return etree.tostring(root, encoding="unicode")


def _trusted_parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


def _read(result: str) -> Element:
    return etree.fromstring(result.encode(), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))


def _svrl_hit(told: Element) -> Hit:
    text = svrl_text(told)
    severity = severity_of(told.get("flag"), told.get("role"))
    return Hit(told.get("id") or id_in(text) or "NO-ID", severity, text, location=told.get("location", ""))


def told_text(told: Element) -> str:
    """All text inside an element, whitespace folded."""
    return fold("".join(map(str, told.itertext())))


def svrl_text(told: Element) -> str:
    """The message of a failed-assert or successful-report."""
    return fold(" ".join(told_text(one) for one in told.iterchildren(f"{{{SVRL}}}text")))
