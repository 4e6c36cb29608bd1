"""Verdicts: what the rules said of a document, by which edition, kept for as long as the document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from hub.store.database import now
from hub.store.tables import judgements


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A finding as it is kept: the rule, where it fired, on what, and the rule set's own words."""

    rule: str
    severity: str
    layer: str
    location: str
    line: int | None
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class KeptJudgement:
    """A verdict with what it rests on. `layers` maps each layer to (outcome, because)."""

    verdict: str
    reason: str
    format: str
    pack: str
    pack_digest: str
    pack_superseded: bool
    layers: Mapping[str, tuple[str, str]]
    findings: tuple[KeptFinding, ...]
    findings_total: int
    milliseconds: int
    at: datetime | None = None


def keep(connection: Connection, document_id: int, judgement: KeptJudgement) -> None:
    """Keep one more verdict of the document; earlier ones stay."""
    findings = [[getattr(finding, name) for name in KeptFinding.__slots__] for finding in judgement.findings]
    row = {name: getattr(judgement, name) for name in KeptJudgement.__slots__}
    layers = [[name, outcome, because] for name, (outcome, because) in judgement.layers.items()]
    row |= {"document_id": document_id, "at": now(connection), "findings": findings, "layers": layers}
    connection.execute(judgements.insert().values(row))


def latest(connection: Connection, document_id: int) -> KeptJudgement | None:
    """The last verdict of the document."""
    newest = select(judgements).where(judgements.c.document_id == document_id).order_by(judgements.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else _judgement(row)


def _judgement(row: Row[Any]) -> KeptJudgement:
    values = row._asdict()
    values["layers"] = {name: (outcome, because) for name, outcome, because in row.layers}
    values["findings"] = tuple(KeptFinding(*finding) for finding in row.findings)
    return KeptJudgement(**{name: values[name] for name in KeptJudgement.__slots__})
