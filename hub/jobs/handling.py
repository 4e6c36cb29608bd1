"""Handling a landed document: it is judged and read, its unit found, its delivery planned; or it is set aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection

from hub.domain.calendar import city_day
from hub.domain.changes import Plan
from hub.domain.documents import DocumentState, Step
from hub.domain.invoices import Invoice
from hub.domain.texts import Reason, Text
from hub.domain.units import Unit
from hub.flow import matching, plan
from hub.flow.checks import FATAL, CityFinding
from hub.flow.read import ReadOutcome, explained, read, unreadable_for_size
from hub.jobs.kinds import Job
from hub.jobs.ways import Ways
from hub.plugin.errors import Rejected
from hub.plugin.ports import Dispatch
from hub.store import (
    blobs,
    claims,
    connections,
    deliveries,
    documents,
    invoices,
    judgements,
    matches,
    orders,
    replays,
    set_asides,
)
from hub.store.connections import Happening
from hub.store.database import now
from hub.store.documents import Document
from hub.store.judgements import KeptJudgement
from hub.store.replays import Outcome

ThenDeliver = Callable[[Connection, int, str], None]
Claim = Callable[[str, str], int]
"""Given a claim's kind and key: the document that holds it now."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to become of a document: it goes on with its `plan`, or is set aside at `stage` for these reasons."""

    judgement: KeptJudgement
    stage: str
    reasons: tuple[Reason, ...]
    unit: Unit | None = None
    target: str | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would become of a document: delivered to `target`, or set aside at `stage` for the `reasons`, if any."""

    verdict: str
    target: str | None
    reasons: tuple[Reason, ...]
    stage: str = ""
    unit: Unit | None = None


def perform(ways: Ways, job: Job, then: ThenDeliver) -> None:
    """Judge and plan the document that the job names, unless that is done already."""
    with ways.database.read() as connection:
        document = documents.get(connection, int(job.argument["document"]))
    if document is None or document.state is not DocumentState.ARRIVED:
        return
    outcome = _read(ways, document)
    with ways.database.write() as connection:
        job.complete_in(connection)
        if documents.lock(connection, document.id).state is DocumentState.ARRIVED:
            _settle(ways, connection, document, outcome, lambda planned, target: then(connection, planned, target))


def set_aside(
    connection: Connection, document_id: int, stage: str, reasons: Sequence[Reason], target: str | None = None
) -> None:
    """Set the document aside with its reasons. It lets go of its claims, so that another copy may be delivered.

    While a delivery of it is unanswered it keeps them: its target may have it. `target` is the connection it was
    going to, where that was known.
    """
    let_go(connection, document_id)
    set_asides.keep(connection, document_id, stage, reasons, target)
    documents.move(connection, document_id, DocumentState.SET_ASIDE)
    codes = list(dict.fromkeys(reason.code for reason in reasons))
    replays.mark(connection, document_id, Outcome.STOPPED, codes)
    documents.note(connection, document_id, Step.SET_ASIDE, details={"stage": stage, "codes": codes})
    document = documents.get(connection, document_id)
    if document is not None:
        connections.count(connection, document.connection, Happening.SET_ASIDE, 1)


def let_go(connection: Connection, document_id: int) -> None:
    """Give up the document's claims, unless a delivery of it was begun and nobody knows what became of it."""
    if deliveries.unanswered(connection, document_id) is None:
        claims.give_up(connection, document_id)


def _read(ways: Ways, document: Document, content: bytes | None = None) -> ReadOutcome:
    if document.size > ways.judged:
        return unreadable_for_size(document.size, ways.judged, ways.plugins)
    if content is None:
        content = blobs.content(ways.database, document.digest)
    return read(content, ways.plugins.formats[document.noun], ways.rules, ways.editions, ways.plugins)


def decide(ways: Ways, connection: Connection, document: Document, outcome: ReadOutcome, claim: Claim) -> Decided:
    """What is to become of the document, by today's configuration, rules and register. Writes nothing itself.

    `claim` takes a claim for it, or only looks, and tells the document that holds it.
    """
    if outcome.reasons:
        return Decided(plan.without_city(outcome.judgement), "rules", tuple(outcome.reasons))
    invoice: Invoice = outcome.record
    recipient, today = plan.find_recipient(connection, invoice), city_day(now(connection))
    judgement, stopping = plan.judge_for_city(invoice, recipient, outcome.judgement, ways.city, today)
    if not stopping:
        stopping = _duplicate(document, invoice, claim)
        judgement = plan.with_city(judgement, stopping) if stopping else judgement
    unit = recipient.unit
    if stopping or unit is None:
        reasons = tuple(explained(ways.plugins, each.code, each.said, value=each.value) for each in stopping)
        return Decided(judgement, "city", reasons, unit)
    return _planned(ways, connection, document, invoice, unit, judgement)


def rehearse(
    ways: Ways, document: Document, content: bytes | None = None, taken: dict[tuple[str, str], int] | None = None
) -> Rehearsed:
    """What would become of the document now, decided as it would be decided for real. Writes nothing.

    `content` stands for bytes that are not kept. Documents rehearsed with the same `taken` see one another's claims,
    so that of two that are alike one would be delivered. Raises hub.plugin.errors.Failure where a target that must
    be asked cannot answer.
    """
    outcome = _read(ways, document, content)
    supposed = {} if taken is None else taken
    with ways.database.read() as connection:

        def look(kind: str, key: str) -> int:
            holder = claims.holder(connection, kind, key)
            return supposed.setdefault((kind, key), document.id) if holder in (None, document.id) else holder

        decided = decide(ways, connection, document, outcome, look)
    if decided.reasons:
        for claim in [each for each, holder in supposed.items() if holder == document.id]:
            del supposed[claim]
    return Rehearsed(decided.judgement.verdict, decided.target, decided.reasons, decided.stage, decided.unit)


def _settle(
    ways: Ways, connection: Connection, document: Document, outcome: ReadOutcome, then: Callable[[int, str], None]
) -> None:
    def take(kind: str, key: str) -> int:
        return claims.take(connection, kind, key, document.id)

    decided = decide(ways, connection, document, outcome, take)
    if outcome.record is not None:
        invoices.keep(connection, document.id, outcome.record)
        _match(ways, connection, document.id, outcome.record)
    _keep(connection, document, decided.judgement, decided.unit)
    if decided.plan is None or decided.unit is None or decided.target is None:
        set_aside(connection, document.id, decided.stage, decided.reasons, decided.target)
        return
    for change in decided.plan.changes:
        then(deliveries.intend(connection, document.id, decided.plan, change), decided.target)
    documents.move(connection, document.id, DocumentState.ROUTED)
    details = {"unit": decided.unit.sth_code, "name": decided.unit.name, "plan": decided.plan.digest}
    documents.note(connection, document.id, Step.ROUTED, connection_name=decided.target, details=details)


def _match(ways: Ways, connection: Connection, document_id: int, invoice: Invoice) -> None:
    """Compare the invoice with the order it names, where orders are pulled at all."""
    if orders.are_there(connection):
        found = matching.look(connection, invoice, ways.tolerance, matches.of(connection, document_id))
        matches.keep(connection, document_id, found)


def match_again(ways: Ways, document_id: int) -> bool:
    """Compare an invoice that did not match with the orders as they stand now; whether it can be read."""
    with ways.database.read() as connection:
        document = documents.get(connection, document_id)
    if document is None or document.size > ways.judged:
        return False
    try:
        invoice = ways.plugins.formats[document.noun].read(blobs.content(ways.database, document.digest))
    except Rejected:
        return False
    with ways.database.write() as connection:
        _match(ways, connection, document_id, invoice)
    return True


def _keep(connection: Connection, document: Document, judgement: KeptJudgement, unit: Unit | None = None) -> None:
    judgements.keep(connection, document.id, judgement)
    columns = {
        "format": judgement.format or None,
        "verdict": judgement.verdict,
        "unit": unit.sth_code if unit else None,
    }
    documents.move(connection, document.id, DocumentState.ARRIVED, **columns)
    details = {"verdict": judgement.verdict, "pack": judgement.pack, "findings": judgement.findings_total}
    documents.note(connection, document.id, Step.JUDGED, details=details)


def _duplicate(document: Document, invoice: Invoice, claim: Claim) -> tuple[CityFinding, ...]:
    holder = claim(claims.BYTES, document.digest)
    if holder != document.id:
        return (CityFinding("CITY-SAME-BYTES", FATAL, f"#{holder}", f"the same bytes as document {holder}"),)
    holder = claim(claims.BUSINESS, sha256(invoice.business_key.encode()).hexdigest())
    if holder != document.id:
        said = f"the same seller, number, date and amount as document {holder}"
        return (CityFinding("CITY-DUPLICATE", FATAL, f"#{holder}", said),)
    return ()


def _planned(
    ways: Ways, connection: Connection, document: Document, invoice: Invoice, unit: Unit, judgement: KeptJudgement
) -> Decided:
    begun = deliveries.unanswered(connection, document.id)
    target = begun.connection if begun else unit.target
    try:
        if begun and begun.connection not in ways.connections:
            raise Rejected((_uncertain(begun.connection),))
        planned = _plan(ways, target, document, invoice, unit, judgement)
    except Rejected as failure:
        return Decided(judgement, "plan", failure.reasons, unit, target)
    return Decided(judgement, "", (), unit, target, planned)


def _uncertain(target: str) -> Reason:
    return Reason(
        "DELIVERY-UNCERTAIN",
        Text(
            f"En leverans till {target} påbörjades men fick inget svar, och kopplingen {target} finns inte längre.",
            f"A delivery to {target} was begun and got no answer, and there is no connection {target} any more.",
        ),
        Text(
            "Se efter hos mottagaren om fakturan finns där. Finns den: avskriv den här. Annars: lägg tillbaka "
            "kopplingen under samma namn och kör igen.",
            "See whether the target has the invoice. If it has: dismiss it here. Else: put the connection back under "
            "its name and replay.",
        ),
        value=target,
    )


def _plan(
    ways: Ways, target_name: str, document: Document, invoice: Invoice, unit: Unit, judgement: KeptJudgement
) -> Plan:
    configured = ways.connections.get(target_name)
    opener = configured.connector.targets.get(document.noun) if configured and configured.connector else None
    if configured is None or opener is None:
        broken = configured.broken if configured else None
        why = f": {broken.in_language(ways.notify.language)}" if broken else ""
        raise Rejected((explained(ways.plugins, "CITY-TARGET", f"{unit.name} → {target_name}{why}"),))
    dispatch = _dispatch(document, unit, judgement)
    with closing(opener(configured.settings)) as target:
        return plan.make_plan(_route_name(ways, document), target_name, target, invoice, dispatch)


def _route_name(ways: Ways, document: Document) -> str:
    """The route it came by; a document whose source is no longer configured is replayed by a route of its noun."""
    try:
        return ways.route_of(document.connection).name
    except LookupError:
        return next((each.name for each in ways.routes.values() if each.noun == document.noun), document.noun)


def _dispatch(document: Document, unit: Unit, judgement: KeptJudgement) -> Dispatch:
    return Dispatch(
        key=plan.key_of(document.digest),
        document_id=document.id,
        name=document.name,
        digest=document.digest,
        size=document.size,
        arrived_at=document.arrived_at,
        source=document.connection,
        unit_code=unit.sth_code,
        unit_name=unit.name,
        verdict=judgement.verdict,
        pack=judgement.pack,
        pack_digest=judgement.pack_digest,
        format=judgement.format,
    )
