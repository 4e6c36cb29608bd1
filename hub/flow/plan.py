"""Planning an invoice: whose it is, what the city's own checks say, and the change its target would hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from hub.domain.changes import Change, Plan
from hub.domain.invoices import Invoice
from hub.domain.units import Unit
from hub.flow.checks import FATAL, CityFinding, CityLimits, check
from hub.plugin.ports import Dispatch, Target
from hub.store import units
from hub.store.judgements import KeptFinding, KeptJudgement

CITY_LAYER = "city"
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Recipient:
    """The unit an invoice is for, or the finding that says why it cannot be told."""

    unit: Unit | None
    finding: CityFinding | None


def find_recipient(connection: Connection, invoice: Invoice) -> Recipient:
    """The unit the invoice is for: by electronic address, then GLN, then organisation number and buyer reference."""
    buyer = invoice.buyer
    by_address = units.by_address(connection, buyer.endpoint) if buyer.endpoint else None
    if by_address:
        return Recipient(by_address, None)
    for gln in buyer.glns:
        by_gln = units.by_gln(connection, gln)
        if by_gln:
            return Recipient(by_gln, None)
    number = buyer.organisation_number
    sharing = units.by_organisation(connection, number) if number else []
    return _among(sharing, invoice)


def judge_for_city(
    invoice: Invoice, recipient: Recipient, judgement: KeptJudgement, limits: CityLimits, today: date
) -> tuple[KeptJudgement, tuple[CityFinding, ...]]:
    """The judgement with the city's layer added, and the findings that stop the invoice."""
    found = (*_selfbilling(judgement), *check(invoice, recipient.unit, limits, today))
    if recipient.finding:
        found = (recipient.finding, *found)
    stopping = tuple(each for each in found if each.severity == FATAL)
    return with_city(judgement, found), stopping


def _selfbilling(judgement: KeptJudgement) -> Iterator[CityFinding]:
    """A self-billed invoice is written by its buyer: whoever receives it is the seller, and owes nobody."""
    if judgement.format.endswith("-selfbilling"):
        yield CityFinding("CITY-SELFBILLING", FATAL, "", "a self-billed invoice is for its seller, not its buyer")


def with_city(judgement: KeptJudgement, found: tuple[CityFinding, ...]) -> KeptJudgement:
    """The judgement with what the city's checks found."""
    stops = any(each.severity == FATAL for each in found)
    kept = tuple(KeptFinding(each.code, each.severity, CITY_LAYER, "", None, each.value, each.said) for each in found)
    return replace(
        judgement,
        verdict="invalid" if stops and judgement.verdict == "valid" else judgement.verdict,
        layers={**judgement.layers, CITY_LAYER: ("failed" if stops else "passed", "")},
        findings=(*judgement.findings, *kept),
        findings_total=judgement.findings_total + len(kept),
    )


def without_city(judgement: KeptJudgement) -> KeptJudgement:
    """The judgement of a document that the city's checks never saw, which it says."""
    because = "the document was stopped before"
    return replace(judgement, layers={**judgement.layers, CITY_LAYER: ("skipped", because)})


def make_plan(route: str, target_name: str, target: Target[Invoice], invoice: Invoice, dispatch: Dispatch) -> Plan:
    """The plan for one invoice at its unit's target. Raises Rejected when the target cannot hold it."""
    change: Change = target.fit(invoice, dispatch)
    return Plan(route, target_name, (change,))


def key_of(digest: str) -> str:
    """The idempotency key of a document's delivery: its bytes' own, the same for every try and every replay.

    Of equal bytes one document alone is delivered (its claim sees to that). A document that lands again under
    another number, after the database was restored from a backup, is recognised by its target.
    """
    return digest[:40]


def _among(sharing: list[Unit], invoice: Invoice) -> Recipient:
    if len(sharing) == 1:
        return Recipient(sharing[0], None)
    if not sharing:
        return Recipient(None, CityFinding("CITY-RECIPIENT", FATAL, _stated(invoice), "no unit in the register"))
    named = [unit for unit in sharing if _names(unit, invoice)]
    if len(named) == 1:
        return Recipient(named[0], None)
    some = ", ".join(f"{unit.sth_code} {unit.name}" for unit in (named or sharing)[:_MOST_NAMED])
    said = f"several units share the organisation number: {some}"
    return Recipient(None, CityFinding("CITY-RECIPIENT-AMBIGUOUS", FATAL, _stated(invoice), said))


def _names(unit: Unit, invoice: Invoice) -> bool:
    references = (invoice.buyer_reference, invoice.order_reference)
    return any(_begins_with(each, unit.sth_code) for each in references if each)


def _begins_with(reference: str, code: str) -> bool:
    stated, begins = reference.strip().casefold(), code.casefold()
    return stated.startswith(begins) and not stated[len(begins) :][:1].isalnum()


def _stated(invoice: Invoice) -> str:
    buyer = invoice.buyer
    number = buyer.organisation_number
    stated = [str(buyer.endpoint or ""), *map(str, buyer.glns), number.shown if number else "", invoice.buyer_reference]
    return ", ".join(dict.fromkeys(each for each in stated if each))
