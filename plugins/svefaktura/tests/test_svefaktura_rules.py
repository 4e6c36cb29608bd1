"""Svefaktura 1.0: our schema and our rules give the verdicts of SFTI's own, on good, bad and spoilt documents.

SFTI's files are no part of the project: the comparisons look for `artefacts/svefaktura-1.0.zip` and
`samples/svefaktura` in the folder named by HUB_ARTEFACTS, else in `../shared` beside the repository.
"""

import codecs
import os
import re
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import saxonche
from lxml import etree
from xmlrules import Judgement, LayerSource, Pack, Stylesheet, Verdict, build_pack, compile_schematron, judge_here
from xmlrules.saxon import processor

from .mutations import Mutant, mutants
from .violations import BORDERS, NOT_JUDGED, VIOLATIONS, Edit, Violation

RULES = Path(str(resources.files("hub_svefaktura"))) / "rules"
EDITION = RULES / "svefaktura-1.0"
SAMPLES = Path(__file__).parents[1] / "samples" / "svefaktura"
SHARED = Path(os.environ.get("HUB_ARTEFACTS") or Path(__file__).resolve().parents[4] / "shared")
MUTANTS = int(os.environ.get("HUB_MUTANTS", "800"))
ROUNDS = 4

SCH = "{http://purl.oclc.org/dsdl/schematron}"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
INVOICE = "{urn:sfti:documents:BasicInvoice:1:0}Invoice"
ENVELOPE = "{urn:sfti:documents:ObjectEnvelope:1:0}ObjectEnvelope"
Fired = Counter[tuple[str, str]]


# -- our side


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    layers = [LayerSource("xsd", "xsd", EDITION), LayerSource("rules", "sch", EDITION / "svefaktura.sch")]
    return build_pack(tmp_path_factory.mktemp("packs"), "svefaktura-1.0", "svefaktura", layers)


def ours(pack: Pack, data: bytes, *layers: str) -> Judgement:
    """What our files say of a bare document, by the layers named or by all."""
    return judge_here(data, pack.folder, layers or None)


def fired(judgement: Judgement) -> Fired | None:
    """The rules that fired, with severity; None if a rule raised an error."""
    if judgement.verdict is Verdict.not_judged:
        return None
    return Counter((one.rule, one.severity.value) for one in judgement.findings)


def bare(data: bytes, root: str) -> bytes | None:
    """The invoice or the object envelope in a file, wrapped or not."""
    parsed = etree.fromstring(data)
    found = next(parsed.iter(root), None)
    if found is None or found is parsed:
        return None if found is None else data
    return etree.tostring(found, encoding="UTF-8", xml_declaration=True, with_tail=False)


def files(*folders: Path) -> list[Path]:
    """The sample files; a folder that is absent has none."""
    return sorted(file for folder in folders for file in folder.glob("*.xml"))


def documents(root: str, *folders: Path) -> list[tuple[str, bytes]]:
    """Every document of one kind in the sample files, by file name."""
    read = [(file.name, bare(file.read_bytes(), root)) for file in files(*folders)]
    return [(name, data) for name, data in read if data is not None]


def declared() -> Counter[tuple[str, str]]:
    """The rules our Schematron holds: id and severity, each as often as it stands there."""
    return Counter((str(one.get("id")), str(one.get("flag"))) for one in asserts())


def asserts() -> Iterator[Any]:
    return etree.parse(EDITION / "svefaktura.sch").iter(f"{SCH}assert")


# -- SFTI's side


@dataclass(frozen=True, slots=True)
class Official:
    """SFTI's schemas and compiled rules, run without any of our code between."""

    invoice: etree.XMLSchema
    envelope: etree.XMLSchema
    rules: Any

    def schema_valid(self, data: bytes) -> bool:
        root = etree.fromstring(data)
        return (self.envelope if root.tag == ENVELOPE else self.invoice).validate(root)

    def fired(self, data: bytes) -> Fired | None:
        """The rules that fired, with severity; None if one raised an error."""
        node = processor().parse(etree.tostring(etree.fromstring(data).getroottree(), encoding="unicode"))
        try:
            report = self.rules.transform_to_string(xdm_node=node)
        except saxonche.PySaxonApiError:
            return None
        return Counter(_told(one) for one in etree.fromstring(report.encode()).iter(f"{SVRL}failed-assert"))


def _told(failed: Any) -> tuple[str, str]:
    """SFTI writes a rule's id at the end of its text."""
    number = re.search(r"\[(R-\d+)\]\s*$", str(failed.findtext(f"{SVRL}text")))
    assert number is not None, "a rule of SFTI's without a number: the official file is another than expected"
    return number[1], str(failed.get("flag"))


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Official:
    archive = SHARED / "artefacts" / "svefaktura-1.0.zip"
    if not archive.exists():
        pytest.skip("needs svefaktura-1.0.zip from SFTI: put it in artefacts/ of the folder HUB_ARTEFACTS names")
    folder = tmp_path_factory.mktemp("sfti")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    home = folder / "svefaktura-1.0"
    rules = processor().compile(next(home.glob("*.xslt")).read_text(encoding="utf-8-sig"))
    rules.set_property("!indent", "no")
    return Official(
        etree.XMLSchema(file=str(home / "maindoc" / "SFTI-BasicInvoice-1.0.xsd")),
        etree.XMLSchema(file=str(home / "maindoc" / "SFTI-ObjectEnvelope-1.0.xsd")),
        rules,
    )


# -- what is listed is complete


def test_there_are_57_fatal_32_warning_and_14_information_rules() -> None:
    severities = Counter(severity for _, severity in declared().elements())
    assert severities == {"fatal": 57, "warning": 32, "information": 14}


def test_every_rule_has_what_is_wrong_and_what_to_do_in_both_languages() -> None:
    texts = tomllib.loads((RULES / "texts" / "svefaktura.toml").read_text(encoding="utf-8"))
    assert {rule for rule, _ in declared()} == texts.keys()
    for rule, text in texts.items():
        assert text.keys() == {"sv", "sv_do", "en", "en_do"}, rule
        assert len(set(text.values())) == 4, rule
        assert all(part.strip() for part in text.values()), rule


def test_every_rule_has_a_message_of_its_own() -> None:
    messages = [" ".join("".join(one.itertext()).split()) for one in asserts()]
    assert len(messages) == 103
    assert all(messages)
    assert [text for text, times in Counter(messages).items() if times > 1] == []


def test_every_rule_cites_its_source() -> None:
    patterns = [*etree.parse(EDITION / "svefaktura.sch").iter(f"{SCH}pattern")]
    for pattern in patterns:
        cited = str(getattr(pattern.getprevious(), "text", ""))
        assert "SFTI Svefaktura 1.0 rules, 2016-10-25" in cited
        for one in pattern.iter(f"{SCH}assert"):
            assert re.search(rf"{one.get('id')}\b", cited), one.get("id")


def test_every_rule_has_a_violation() -> None:
    assert Counter((one.rule, one.severity) for one in VIOLATIONS) == declared()


# -- good and bad


@pytest.mark.parametrize("name", [file.name for file in files(SAMPLES) if file.name.startswith("good-")])
def test_a_good_sample_is_valid_without_any_remark(pack: Pack, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    for part in filter(None, (bare(data, INVOICE), bare(data, ENVELOPE))):
        judgement = ours(pack, part)
        assert (judgement.verdict, judgement.findings) == (Verdict.valid, ())


@pytest.mark.parametrize("name", [file.name for file in files(SAMPLES) if file.name.startswith("bad-")])
def test_a_bad_sample_is_never_valid(pack: Pack, name: str) -> None:
    invoice = bare((SAMPLES / name).read_bytes(), INVOICE)
    assert invoice is not None
    judgement = ours(pack, invoice)
    assert judgement.verdict is not Verdict.valid
    assert judgement.findings or judgement.reason


def test_the_samples_come_in_the_encodings_that_suppliers_send() -> None:
    assert (SAMPLES / "good-invoice-380.xml").read_bytes().startswith(codecs.BOM_UTF8)
    credit = (SAMPLES / "good-credit-note-381.xml").read_bytes()
    assert b'encoding="ISO-8859-1"' in credit
    assert "Återlämnat".encode("iso-8859-1") in credit


def test_every_sample_is_described() -> None:
    told = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in files(SAMPLES) if f"| {file.name} |" not in told] == []


def test_a_wrapped_invoice_is_judged_only_with_its_wrapping_off(pack: Pack) -> None:
    data = (SAMPLES / "bad-wrapped.xml").read_bytes()
    assert judge_here(data, pack.folder).verdict is Verdict.not_judged
    assert fired(judge_here(data, pack.folder, at=(1,))) == {("R-71", "fatal"): 1}


def test_a_part_of_an_invoice_is_no_document(pack: Pack) -> None:
    date = b'<TaxPointDate xmlns="urn:sfti:documents:BasicInvoice:1:0">2026-10-01</TaxPointDate>'
    assert ours(pack, date).verdict is Verdict.not_judged


@pytest.mark.parametrize("violation", VIOLATIONS, ids=str)
def test_a_rule_fires_when_broken_and_only_then(pack: Pack, violation: Violation) -> None:
    good = (SAMPLES / violation.sample).read_bytes()
    assert fired(ours(pack, good, "rules")) == {}
    found = ours(pack, violation.spoil(good), "rules").findings
    hits = [one for one in found if (one.rule, one.severity.value) == (violation.rule, violation.severity)]
    assert [one for one in hits if violation.where in one.location]


@pytest.mark.parametrize(("name", "sample", "edit"), NOT_JUDGED, ids=[one[0] for one in NOT_JUDGED])
def test_what_a_rule_cannot_judge_is_never_valid(pack: Pack, name: str, sample: str, edit: Edit) -> None:
    data = Violation(name, "", sample, (edit,)).spoil((SAMPLES / sample).read_bytes())
    judgement = ours(pack, data, "rules")
    assert judgement.verdict is Verdict.not_judged
    assert "R-" in judgement.reason


# -- the same verdicts as SFTI's


def compare(pack: Pack, official: Official, name: str, data: bytes) -> str:
    """How the two sides differ on a document; nothing if they agree."""
    valid = ours(pack, data, "xsd").verdict is Verdict.valid
    if valid != official.schema_valid(data):
        return f"{name}: the schemas differ, valid here: {valid}"
    if etree.fromstring(data).tag == ENVELOPE:
        return ""
    rules = ours(pack, data, "rules")
    if any(one.layer == "xml" for one in rules.findings):
        return f"{name}: refused here, but valid by SFTI's schema" if official.schema_valid(data) else ""
    here, there = fired(rules), official.fired(data)
    return "" if here == there else f"{name}: the rules differ, here {here}, SFTI {there}"


def everything() -> list[tuple[str, bytes]]:
    folders = (SAMPLES, SHARED / "samples" / "svefaktura")
    return documents(INVOICE, *folders) + documents(ENVELOPE, *folders)


def violated() -> list[tuple[str, bytes]]:
    return [(str(one), one.spoil((SAMPLES / one.sample).read_bytes())) for one in VIOLATIONS]


def bordering() -> list[tuple[str, bytes]]:
    return [
        (name, Violation(name, "", sample, (edit,)).spoil((SAMPLES / sample).read_bytes()))
        for name, sample, edit in (*NOT_JUDGED, *BORDERS)
    ]


@pytest.mark.parametrize("gathered", [everything, violated, bordering], ids=["samples", "violations", "borders"])
def test_known_documents_get_the_official_verdict(
    pack: Pack, official: Official, gathered: Callable[[], list[tuple[str, bytes]]]
) -> None:
    assert [found for name, data in gathered() if (found := compare(pack, official, name, data))] == []


def test_the_same_rules_fire_with_the_wrapping_on(official: Official) -> None:
    """SFTI anchors some rules at the root and others not: only a wrapped invoice shows which. Judging refuses one,
    so the compiled rules are run without it."""
    sheet = compile_schematron((EDITION / "svefaktura.sch").read_bytes())
    executable = processor().compile(sheet.text)
    wrapped = [(name, wrap(data)) for name, data in violated()]
    fires = [(name, bare_fired(sheet, executable, data), official.fired(data)) for name, data in wrapped]
    assert [one for one in fires if one[1] != one[2]] == []
    seen = {rule for _, here, _ in fires for rule, _ in here}
    assert seen >= {"R-88", "R-89", "R-90", "R-92", "R-102", "R-106"}
    assert seen.isdisjoint({"R-1", "R-11", "R-22", "R-71", "R-105"})


def wrap(data: bytes) -> bytes:
    outer = etree.Element("{urn:sfti:documents:StandardBusinessDocumentHeader}StandardBusinessDocument")
    outer.append(etree.fromstring(data))
    return etree.tostring(outer, encoding="UTF-8")


def bare_fired(sheet: Stylesheet, executable: Any, data: bytes) -> Fired:
    """What our compiled rules say, with no root refused."""
    node = processor().parse(data.decode())
    told = etree.fromstring(executable.transform_to_string(xdm_node=node).encode())
    rules = [sheet.rules[int(one.get("r", ""))] for one in told]
    return Counter((rule.id, rule.severity.value) for rule in rules)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_spoilt_invoices_get_the_official_verdict(pack: Pack, official: Official, seed: int) -> None:
    start = [one for one in documents(INVOICE, SAMPLES, SHARED / "samples" / "svefaktura") if "cannot" not in one[0]]
    spoilt = mutants(start + violated(), MUTANTS // ROUNDS, seed)
    assert differences(pack, official, spoilt) == []


def test_spoilt_envelopes_get_the_official_verdict(pack: Pack, official: Official) -> None:
    spoilt = mutants(documents(ENVELOPE, SAMPLES), MUTANTS // ROUNDS, seed=0)
    wrong = [one.name for one in spoilt if schema_differs(pack, official, one)]
    assert wrong == []


def differences(pack: Pack, official: Official, spoilt: Iterator[Mutant]) -> list[str]:
    found = (compare(pack, official, one.name, one.data) for one in spoilt)
    return [one for one in found if one]


def schema_differs(pack: Pack, official: Official, mutant: Mutant) -> bool:
    return (ours(pack, mutant.data, "xsd").verdict is Verdict.valid) != official.schema_valid(mutant.data)
