"""Reading: what the bytes are, what the rules say, and what is told when they say no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from xmlrules import Finding, Judgement, LayerResult, Outcome, Severity, Verdict

from hub.domain.texts import Reason, Text
from hub.flow.read import Edition, ReadOutcome, judge, read, unreadable_for_size
from hub.plugin.errors import Rejected
from hub.plugin.ports import Explanation, Recognised
from tests.store.rows import a_reason

FOLDER = Path("rules/peppol-1")
RECOGNISED = Recognised("peppol-bis-3", "peppol-billing", ("en16931", "peppol"), at=(2, 0))
PASSED = Judgement(Verdict.valid, (LayerResult("xsd", Outcome.passed),), (), 0, "", "peppol-1", "d" * 64)


@dataclass
class PaperFormat:
    """A format that knows what it is told to know."""

    noun: str = "invoices"
    unknown: tuple[Reason, ...] = ()
    unreadable: tuple[Reason, ...] = ()

    def recognise(self, document: bytes) -> Recognised:
        if self.unknown:
            raise Rejected(self.unknown)
        return RECOGNISED

    def read(self, document: bytes) -> str:
        if self.unreadable:
            raise Rejected(self.unreadable)
        return document.decode()


@dataclass
class PaperRules:
    """Rules that say what they are told to, and write down what they were asked."""

    says: Judgement = PASSED
    asked: list[tuple[bytes, Path, Sequence[str] | None, Sequence[int], Path | None]] = field(default_factory=list)

    def judge(
        self,
        document: bytes,
        pack: Path,
        layers: Sequence[str] | None = None,
        at: Sequence[int] = (),
        schemas: Path | None = None,
    ) -> Judgement:
        self.asked.append((document, pack, layers, at, schemas))
        return self.says


@dataclass
class PaperEditions:
    """One edition for every family, or none."""

    one: Edition | None = field(default_factory=lambda: Edition("peppol-1", FOLDER, superseded=False))

    def edition(self, family: str) -> Edition | None:
        assert family == RECOGNISED.family
        return self.one


class Words:
    """Words that tell which rule they are about."""

    def explain(self, rule: str, official: str = "", location: str = "", value: str = "") -> Explanation:
        return Explanation(Text(f"sv {rule}", f"en {rule}: {official}"), Text("gör", "do"))


def finding(rule: str, severity: Severity = Severity.fatal, location: str = "/a") -> Finding:
    return Finding(rule, severity, "en16931", location, 3, "v", f"said of {rule}")


def failed(*findings: Finding, verdict: Verdict = Verdict.invalid, reason: str = "") -> PaperRules:
    return PaperRules(replace(PASSED, verdict=verdict, findings=findings, findings_total=len(findings), reason=reason))


def outcome(
    rules: PaperRules | None = None, format_: PaperFormat | None = None, editions: PaperEditions | None = None
) -> ReadOutcome:
    return read(b"faktura", format_ or PaperFormat(), rules or PaperRules(), editions or PaperEditions(), Words())


def codes(told: ReadOutcome) -> list[str]:
    return [each.code for each in told.reasons]


def test_a_valid_document_is_read_and_has_no_reasons() -> None:
    told = outcome()
    assert (told.record, told.reasons) == ("faktura", ())
    assert (told.judgement.verdict, told.judgement.pack, told.judgement.pack_digest) == ("valid", "peppol-1", "d" * 64)
    assert (told.judgement.format, told.judgement.layers) == ("peppol-bis-3", {"xsd": ("passed", "")})


def test_the_rules_are_asked_for_the_schema_first_then_the_formats_layers_at_the_formats_place() -> None:
    rules = PaperRules()
    outcome(rules)
    assert rules.asked == [(b"faktura", FOLDER, ("xsd", "en16931", "peppol"), (2, 0), None)]


def test_an_edition_published_without_schemas_is_judged_by_those_lent_to_it() -> None:
    rules, lent = PaperRules(), Path("rules/other")
    outcome(rules, editions=PaperEditions(replace(Edition("peppol-1", FOLDER, superseded=False), schemas=lent)))
    assert rules.asked[0][-1] == lent


def test_reasons_stand_in_the_order_their_rules_first_fired_each_once() -> None:
    told = outcome(failed(finding("B", location="/1"), finding("A"), finding("B", location="/2"), finding("C")))
    assert codes(told) == ["B", "A", "C"]
    assert told.reasons[0].location == "/1"
    assert told.reasons[0].problem.en == "en B: said of B"


def test_a_warning_is_no_reason() -> None:
    warned = replace(PASSED, findings=(finding("W", Severity.warning),), findings_total=1)
    assert outcome(PaperRules(warned)).reasons == ()
    assert codes(outcome(failed(finding("W", Severity.warning), finding("F")))) == ["F"]


def test_an_invoice_whose_rules_fail_is_read_all_the_same() -> None:
    assert outcome(failed(finding("F"))).record == "faktura"


def test_reasons_are_bounded_and_findings_are_not_hidden() -> None:
    told = outcome(failed(*(finding(f"R{number}") for number in range(50))))
    assert codes(told) == [f"R{number}" for number in range(20)]
    assert len(told.judgement.findings) == 50


def test_what_could_not_be_judged_says_so_before_all_else() -> None:
    told = outcome(failed(finding("F"), verdict=Verdict.not_judged, reason="rule 12 raised"))
    assert codes(told) == ["NOT-JUDGED", "F"]
    assert "rule 12 raised" in told.reasons[0].problem.sv
    assert "rule 12 raised" in told.reasons[0].problem.en


@pytest.mark.parametrize("verdict", [Verdict.invalid, Verdict.not_judged])
def test_what_is_not_valid_never_passes_though_no_finding_says_why(verdict: Verdict) -> None:
    assert outcome(failed(verdict=verdict)).reasons != ()
    assert outcome(failed(finding("W", Severity.warning), verdict=verdict)).reasons != ()


def test_where_no_edition_is_in_force_nothing_is_judged_and_the_family_is_named() -> None:
    rules = PaperRules()
    told = outcome(rules, editions=PaperEditions(None))
    assert rules.asked == []
    assert codes(told) == ["NOT-JUDGED"]
    assert "peppol-billing" in told.judgement.reason
    assert (told.judgement.verdict, told.judgement.pack) == ("not_judged", "")


@pytest.mark.parametrize("superseded", [True, False])
def test_a_verdict_remembers_whether_its_edition_was_superseded(superseded: bool) -> None:
    editions = PaperEditions(Edition("peppol-1", FOLDER, superseded))
    assert outcome(editions=editions).judgement.pack_superseded is superseded


def test_a_valid_document_whose_values_cannot_be_read_is_set_aside_for_that() -> None:
    told = outcome(format_=PaperFormat(unreadable=(a_reason("XML-VALUE"),)))
    assert (told.record, codes(told), told.judgement.verdict) == (None, ["XML-VALUE"], "valid")


def test_a_broken_rule_is_the_reason_also_where_the_values_cannot_be_read() -> None:
    told = outcome(failed(finding("F")), PaperFormat(unreadable=(a_reason("XML-VALUE"),)))
    assert (told.record, codes(told)) == (None, ["F"])


def test_bytes_that_are_no_safe_xml_fail_the_xml_layer_and_skip_every_later_one() -> None:
    told = outcome(format_=PaperFormat(unknown=(a_reason("XML-DTD"),)))
    assert (told.record, codes(told), told.judgement.verdict) == (None, ["XML-DTD"], "invalid")
    assert told.judgement.layers == {
        "xml": ("failed", "wrong"),
        "xsd": ("skipped", "xml failed"),
        "rules": ("skipped", "xml failed"),
    }
    assert [(each.rule, each.severity, each.layer) for each in told.judgement.findings] == [("XML-DTD", "fatal", "xml")]


def test_xml_that_nobody_knows_passes_the_xml_layer_and_is_not_judged() -> None:
    rules = PaperRules()
    told = outcome(rules, PaperFormat(unknown=(a_reason("FORMAT-UNKNOWN"),)))
    assert rules.asked == []
    assert (told.judgement.verdict, told.judgement.reason) == ("not_judged", "wrong")
    assert {name: outcome for name, (outcome, _) in told.judgement.layers.items()} == {
        "xml": "passed",
        "format": "failed",
        "xsd": "skipped",
        "rules": "skipped",
    }


def test_judging_alone_reads_nothing() -> None:
    judged = judge(b"faktura", PaperFormat(unreadable=(a_reason("XML-VALUE"),)), PaperRules(), PaperEditions())
    assert (judged.judgement.verdict, judged.refused) == ("valid", ())


def test_too_many_bytes_are_never_looked_into_and_say_how_many_they_are() -> None:
    told = unreadable_for_size(200_000_000, 67_108_864, Words())
    assert (told.record, codes(told), told.judgement.verdict) == (None, ["XML-TOO-LARGE"], "invalid")
    assert "200000000" in told.reasons[0].problem.en
