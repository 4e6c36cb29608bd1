"""Reading: what the bytes are, what the rules say of them, and the record in them. Touches nothing but its arguments.

An invoice whose rules fail is still read where it can be, so that a person sees more than a file name.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xmlrules import Finding, Judgement, Outcome, Severity, Verdict

from hub.domain.identifiers import masked
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Explanation, Format, Recognised
from hub.store.judgements import KeptFinding, KeptJudgement

_MOST_REASONS = 20
_XSD = "xsd"


class Rules(Protocol):
    """Whoever runs the rules: `xmlrules.Judge`, or a double in tests."""

    def judge(
        self,
        document: bytes,
        pack: Path,
        layers: Sequence[str] | None = None,
        at: Sequence[int] = (),
        schemas: Path | None = None,
    ) -> Judgement:
        """The verdict of the pack over the document; `schemas` lends XSD to a pack that has none."""
        ...


class Explains(Protocol):
    """Whoever tells rules in plain words."""

    def explain(self, rule: str, official: str = "", location: str = "", value: str = "") -> Explanation:
        """The rule in plain words."""
        ...


@dataclass(frozen=True, slots=True)
class Edition:
    """The rule pack that judges a family on a day; `schemas` is the pack whose XSD is used when it has none."""

    name: str
    folder: Path
    superseded: bool
    schemas: Path | None = None


class Editions(Protocol):
    """Whoever knows which edition judges."""

    def edition(self, family: str) -> Edition | None:
        """The edition in force for that family today, None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """What became of the bytes.

    With `reasons` the document is to be set aside. `record` is what was read, also then where it could be; None else.
    """

    judgement: KeptJudgement
    record: Any
    reasons: tuple[Reason, ...]


def read(document: bytes, format_: Format[Any], rules: Rules, editions: Editions, words: Explains) -> ReadOutcome:
    """Recognise, judge and read one document. Never raises for the document's own fault."""
    judged = judge(document, format_, rules, editions)
    if judged.refused:
        return ReadOutcome(judged.judgement, None, judged.refused)
    record, unreadable = _record(document, format_)
    return ReadOutcome(judged.judgement, record, _reasons(judged.judgement, words) or unreadable)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules said; `refused` is why the bytes never came before them, empty when they did."""

    judgement: KeptJudgement
    refused: tuple[Reason, ...] = ()


def judge(document: bytes, format_: Format[Any], rules: Rules, editions: Editions) -> Judged:
    """Recognise and judge one document, without reading it. Never raises for the document's own fault."""
    begun = time.monotonic()
    try:
        recognised = format_.recognise(document)
    except Rejected as failure:
        return Judged(_unrecognised(failure.reasons, begun), failure.reasons)
    edition = editions.edition(recognised.family)
    judgement = _judged(document, recognised, rules, edition)
    return Judged(_kept(judgement, recognised, edition is not None and edition.superseded, begun))


def unreadable_for_size(size: int, largest: int, words: Explains) -> ReadOutcome:
    """The outcome for bytes too many to be parsed: kept, set aside, never looked into."""
    reason = explained(words, "XML-TOO-LARGE", f"{size} bytes; at most {largest} are parsed")
    return ReadOutcome(_unrecognised((reason,), time.monotonic()), None, (reason,))


def unjudged(why: str) -> KeptJudgement:
    """The judgement of something that never came before the rules."""
    failed = (Outcome.skipped.value, why)
    return KeptJudgement(Verdict.not_judged.value, why, "", "", "", False, {"xml": failed}, (), 0, 0)


def explained(words: Explains, code: str, official: str, location: str = "", value: str = "") -> Reason:
    """The reason of that code, in plain words."""
    shown = masked(value)
    said = words.explain(code, official, location, shown)
    return Reason(code, said.problem, said.remedy, location, shown, official)


def _judged(document: bytes, recognised: Recognised, rules: Rules, edition: Edition | None) -> Judgement:
    if edition is None:
        why = f"no rule pack of the family {recognised.family} is in force today"
        return Judgement(Verdict.not_judged, (), (), 0, why, "", "")
    layers = (_XSD, *recognised.layers)
    return rules.judge(document, edition.folder, layers, recognised.at, edition.schemas)


def _record(document: bytes, format_: Format[Any]) -> tuple[Any | None, tuple[Reason, ...]]:
    try:
        return format_.read(document), ()
    except Rejected as failure:
        return None, failure.reasons


def _reasons(judgement: KeptJudgement, words: Explains) -> tuple[Reason, ...]:
    if judgement.verdict == Verdict.valid:
        return ()
    fatal: dict[str, KeptFinding] = {}
    for each in judgement.findings:
        if each.severity == Severity.fatal:
            fatal.setdefault(each.rule, each)
    told = [explained(words, each.rule, each.text, each.location, each.value) for each in fatal.values()]
    if judgement.verdict == Verdict.not_judged:
        told.insert(0, _not_judged(judgement.reason))
    if not told:
        told.append(explained(words, "RULES-FAILED", f"{judgement.pack} says {judgement.verdict} and names no rule"))
    return tuple(told[:_MOST_REASONS])


def _not_judged(why: str) -> Reason:
    return Reason(
        "NOT-JUDGED",
        Text(f"Dokumentet kunde inte granskas: {why}", f"The document could not be judged: {why}"),
        Text(
            "Rätta regelpaketet eller välj ett annat (hub rules), och kör sedan dokumentet igen.",
            "Mend the rule pack or choose another (hub rules), then replay the document.",
        ),
    )


def _unrecognised(reasons: Sequence[Reason], begun: float) -> KeptJudgement:
    unsafe = any(each.code.startswith("XML-") for each in reasons)
    layer = "xml" if unsafe else "format"
    findings = tuple(
        KeptFinding(each.code, Severity.fatal.value, layer, each.location, each.line, each.value, each.said)
        for each in reasons
    )
    return KeptJudgement(
        verdict=(Verdict.invalid if unsafe else Verdict.not_judged).value,
        reason="" if unsafe else reasons[0].problem.en,
        format="",
        pack="",
        pack_digest="",
        pack_superseded=False,
        layers=_layers_before(layer, reasons[0].problem.en),
        findings=findings,
        findings_total=len(findings),
        milliseconds=_since(begun),
    )


def _layers_before(failed: str, because: str) -> dict[str, tuple[str, str]]:
    skipped = (Outcome.skipped.value, f"{failed} failed")
    passed = {} if failed == "xml" else {"xml": (Outcome.passed.value, "")}
    return {**passed, failed: (Outcome.failed.value, because), _XSD: skipped, "rules": skipped}


def _kept(judgement: Judgement, recognised: Recognised, superseded: bool, begun: float) -> KeptJudgement:
    return KeptJudgement(
        verdict=judgement.verdict.value,
        reason=judgement.reason,
        format=recognised.format,
        pack=judgement.pack,
        pack_digest=judgement.pack_digest,
        pack_superseded=superseded,
        layers={layer.name: (layer.outcome.value, layer.because) for layer in judgement.layers},
        findings=tuple(_kept_finding(each) for each in judgement.findings),
        findings_total=judgement.findings_total,
        milliseconds=_since(begun),
    )


def _kept_finding(finding: Finding) -> KeptFinding:
    return KeptFinding(
        finding.rule,
        finding.severity.value,
        finding.layer,
        finding.location,
        finding.line,
        masked(finding.value),
        finding.text,
    )


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
