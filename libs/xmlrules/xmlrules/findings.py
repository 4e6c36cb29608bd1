"""What a check of one document says: severities, findings, how each layer went, and the judgement over all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VALUE_LENGTH: Final = 200
_LOOKED_AT: Final = 8192


class Severity(StrEnum):
    """How grave a broken rule is; only `fatal` makes a document invalid."""

    fatal = "fatal"
    warning = "warning"
    information = "information"


class Outcome(StrEnum):
    """How a layer went."""

    passed = "passed"
    failed = "failed"
    skipped = "skipped"


class Verdict(StrEnum):
    """What is known of the document after all layers."""

    valid = "valid"
    invalid = "invalid"
    not_judged = "not_judged"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place.

    `location` is an XPath with the document's own prefixes and a position where siblings share a name; `value` is
    the text of the node there, whitespace folded, at most 200 characters, empty for an element holding elements;
    `text` is the rule set's own message, whitespace folded.
    """

    rule: str
    severity: Severity
    layer: str
    location: str
    line: int | None
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class LayerResult:
    """How one layer went, and why if it was skipped or could not finish."""

    name: str
    outcome: Outcome
    because: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one document under one rule pack.

    `findings` is bounded, fatal ones are kept first; `findings_total` counts all. `reason` is empty unless the
    verdict is `not_judged`. `pack_digest` tells exactly which rule files were used.
    """

    verdict: Verdict
    layers: tuple[LayerResult, ...]
    findings: tuple[Finding, ...]
    findings_total: int
    reason: str
    pack: str
    pack_digest: str


def fold(text: str) -> str:
    """The text with every run of whitespace made one space and none at its ends."""
    return " ".join(text.split())


def shorten(text: str) -> str:
    """The text folded and cut at 200 characters, without reading more of a huge text than needed."""
    return fold(text.lstrip()[:_LOOKED_AT])[:VALUE_LENGTH]


_ID: Final = re.compile(r"\[([A-Za-z][\w.\-]*\d[\w.\-]*)\]")


def id_in(text: str) -> str:
    """The rule id that a message carries in brackets, as `[R-12]`; empty if none."""
    found = _ID.search(text)
    return found[1] if found else ""


_WORDS: Final = {
    "fatal": Severity.fatal,
    "error": Severity.fatal,
    "warning": Severity.warning,
    "warn": Severity.warning,
    "information": Severity.information,
    "info": Severity.information,
    "informational": Severity.information,
}


def severity_of(*words: str | None) -> Severity:
    """The severity the first known word names (flag before role); a rule that names none is fatal."""
    known = (_WORDS.get(word.strip().lower()) for word in words if word)
    return next((severity for severity in known if severity), Severity.fatal)


_RANK: Final = {Severity.fatal: 0, Severity.warning: 1, Severity.information: 2}


def choose(severities: Sequence[Severity], limit: int) -> list[int]:
    """The places of at most `limit` findings to keep: the gravest first, then the earliest; in their own order."""
    if len(severities) <= limit:
        return list(range(len(severities)))
    gravest = sorted(range(len(severities)), key=lambda at: (_RANK[severities[at]], at))
    return sorted(gravest[:limit])


def not_judged(reason: str, pack: str, digest: str = "", layers: tuple[LayerResult, ...] = ()) -> Judgement:
    """A judgement that says why there is none."""
    return Judgement(Verdict.not_judged, layers, (), 0, reason, pack, digest)
