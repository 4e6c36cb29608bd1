"""A Schematron made to XSLT the usual way: each pattern walks the document, and every rule writes SVRL.

Enough for the Peppol layer, as a rival to stand beside: no abstract parts, no reports, no diagnostics.
"""

from __future__ import annotations

from lxml import etree

_SCH = "{http://purl.oclc.org/dsdl/schematron}"
_XSL = "http://www.w3.org/1999/XSL/Transform"
_SVRL = "http://purl.oclc.org/dsdl/svrl"
_BELOW = "@* | node()"


def compile_usually(source: bytes) -> str:
    """The stylesheet."""
    schema = etree.fromstring(source)
    out = etree.Element(f"{{{_XSL}}}stylesheet", version="3.0", nsmap=_bound(schema))
    _put(out, "output", indent="yes")
    patterns = list(schema.iterchildren(f"{_SCH}pattern"))
    _declare(out, schema, patterns)
    result = etree.SubElement(_put(out, "template", match="/"), f"{{{_SVRL}}}schematron-output")
    for number, pattern in enumerate(patterns):
        mode = f"m{number}"
        etree.SubElement(result, f"{{{_SVRL}}}active-pattern", id=mode)
        _put(result, "apply-templates", select="/", mode=mode)
        _walk_down(_put(out, "template", match=_BELOW, mode=mode, priority="-2"), mode)
        for order, rule in enumerate(pattern.iterchildren(f"{_SCH}rule")):
            _rule(out, rule, mode, 1000 - order)
    return etree.tostring(out, encoding="unicode")


def _bound(schema: etree._Element) -> dict[str, str]:
    stated = {one.get("prefix", ""): one.get("uri", "") for one in schema.iterchildren(f"{_SCH}ns")}
    inherited = {prefix: uri for prefix, uri in schema.nsmap.items() if prefix}
    return {**inherited, **stated, "xsl": _XSL, "svrl": _SVRL, "xs": "http://www.w3.org/2001/XMLSchema"}


def _put(parent: etree._Element, instruction: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{_XSL}}}{instruction}", attributes)


def _declare(out: etree._Element, schema: etree._Element, patterns: list[etree._Element]) -> None:
    for each in list(schema.iterchildren(f"{{{_XSL}}}function", f"{{{_XSL}}}key")):
        out.append(each)
    for holder in (schema, *patterns):
        for let in holder.iterchildren(f"{_SCH}let"):
            _put(out, "variable", name=let.get("name", ""), select=let.get("value", ""))


def _walk_down(template: etree._Element, mode: str) -> None:
    _put(template, "apply-templates", select=_BELOW, mode=mode)


def _rule(out: etree._Element, rule: etree._Element, mode: str, priority: int) -> None:
    context = rule.get("context", "")
    template = _put(out, "template", match=context, mode=mode, priority=str(priority))
    # Variables come first: in XSLT they must not follow what writes, and no rule here means another by its order.
    for let in rule.iterchildren(f"{_SCH}let"):
        _put(template, "variable", name=let.get("name", ""), select=let.get("value", ""))
    fired = etree.SubElement(template, f"{{{_SVRL}}}fired-rule")
    _put(fired, "attribute", name="context").text = context
    for check in rule.iterchildren(f"{_SCH}assert"):
        _assert(template, check)
    _walk_down(template, mode)


def _assert(template: etree._Element, check: etree._Element) -> None:
    failing = _put(template, "if", test=f"not({check.get('test')})")
    failed = etree.SubElement(failing, f"{{{_SVRL}}}failed-assert", id=check.get("id", ""), location="{path()}")
    failed.set("flag", check.get("flag", "fatal"))
    etree.SubElement(failed, f"{{{_SVRL}}}text").text = "".join(map(str, check.itertext()))
