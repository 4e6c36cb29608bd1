"""Invoices: the list with its search and filters, one invoice as people read it, its source, its bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form
from fastapi.responses import Response, StreamingResponse

from hub.domain.calendar import CITY_TIME
from hub.domain.documents import DocumentState
from hub.domain.invoices import Invoice, InvoiceKind, InvoiceLine
from hub.domain.matches import LineMatch, Match, MatchOutcome
from hub.domain.orders import OrderLine, PurchaseOrder
from hub.domain.units import Unit
from hub.jobs import replaying
from hub.plugin.errors import Rejected
from hub.plugin.ports import Explanation
from hub.store import blobs, deliveries, documents, invoices, judgements, matches, orders, set_asides, units
from hub.store.deliveries import Delivery
from hub.store.documents import Document, JourneyStep
from hub.store.invoices import InvoiceFilter
from hub.store.judgements import KeptFinding, KeptJudgement
from hub.store.set_asides import SetAside
from hub.web.marking import Marks, marked
from hub.web.pages.orders import link
from hub.web.source import portion
from hub.web.speech import N_
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit
from hub.web.words import VERDICTS

router = APIRouter(prefix="/invoices")
ROWS = 50
LINES = 200
_SHOWN_FINDINGS = 300


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its plain words; `number` is its place in the list, from 1."""

    number: int
    finding: KeptFinding
    words: Explanation

    @property
    def location(self) -> str:
        """Where in the document."""
        return self.finding.location


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one document."""

    document: Document
    judgement: KeptJudgement | None
    set_aside: SetAside | None
    journey: tuple[JourneyStep, ...]
    deliveries: tuple[Delivery, ...]
    unit: Unit | None
    match: Match | None = None
    orders: tuple[PurchaseOrder, ...] = ()

    @property
    def order(self) -> PurchaseOrder | None:
        """The order that the invoice was compared with, if it is still there."""
        key = (self.match.company, self.match.order) if self.match else None
        return next((each for each in self.orders if (each.head.company, each.head.number) == key), None)

    def beside(self, invoice: Invoice) -> Iterator[tuple[LineMatch, InvoiceLine | None, OrderLine | None]]:
        """Each line of the invoice beside its order's."""
        ours = {line.id: line for line in invoice.lines}
        heads = ((each.head.company, each.head.number, each.lines) for each in self.orders)
        theirs = {(company, number, line.number): line for company, number, lines in heads for line in lines}
        for each in self.match.lines if self.match else ():
            line = theirs.get((each.company, each.order, each.order_line)) if each.order_line is not None else None
            yield each, ours.get(each.line), line


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks the list for, as it stands in the address."""

    q: str = ""
    state: str = ""
    unit: str = ""
    connection: str = ""
    verdict: str = ""
    kind: str = ""
    match: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for at all."""
        return any(getattr(self, name) for name in self.__slots__)

    def address(self, before: int | None = None) -> str:
        """The list's address for this question, from below that document on."""
        stated = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}
        query = urlencode(stated | ({"before": str(before)} if before else {}))
        return f"/invoices?{query}" if query else "/invoices"

    @property
    def filter(self) -> InvoiceFilter:
        """The question as the store understands it; what cannot be understood is left out."""
        until = _day(self.until)
        return InvoiceFilter(
            words=self.q[:200],
            state=next((each for each in DocumentState if each == self.state), None),
            unit=self.unit or None,
            connection=self.connection or None,
            verdict=self.verdict if self.verdict in VERDICTS else None,
            kind=next((each for each in InvoiceKind if each == self.kind), None),
            match=next((each for each in MatchOutcome if each == self.match), None),
            arrived_from=_midnight(_day(self.since)),
            arrived_to=_midnight(until + timedelta(days=1) if until else None),
        )


@router.get("")
def listed(
    visit: Somebody,
    q: str = "",
    state: str = "",
    unit: str = "",
    connection: str = "",
    verdict: str = "",
    kind: str = "",
    match: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> Response:
    """The newest invoices that meet the question, a page at a time."""
    asked = Asked(q.strip(), state, unit, connection, verdict, kind, match, since, until)
    below = int(before) if re.fullmatch(r"\d{1,15}", before) else None
    with visit.database.read() as reading:
        rows = invoices.page(reading, asked.filter, before=below, limit=ROWS + 1)
        register = units.every(reading)
    older = rows[ROWS - 1].document_id if len(rows) > ROWS else None
    return visit.page(
        "invoices.html",
        asked=asked,
        rows=rows[:ROWS],
        older=asked.address(older) if older else "",
        below=below,
        register=register,
        names={each.sth_code: each.name for each in register},
        connections=sorted(visit.hub.connections),
    )


@router.get("/{document_id}")
def one(visit: Somebody, document_id: int, line: int = 1) -> Response:
    """One invoice: what it says, what the rules say of it, and what has happened to it."""
    seen = look_at(visit, document_id)
    invoice, unreadable = read_again(visit, seen.document)
    found = tuple(_found(visit, seen))
    first = max(1, (line - 1) // LINES * LINES + 1)
    marks: Marks[Found] = marked(found)
    return visit.page(
        "invoice.html",
        seen=seen,
        invoice=invoice,
        unreadable=unreadable,
        found=found,
        marks=marks,
        first=first,
        portion=LINES,
        order_link=link,
    )


@router.post("/{document_id}/replay")
def replay(visit: FormOfSomebody, document_id: int) -> Response:
    """Let the invoice be judged anew."""
    look_at(visit, document_id)
    done = replaying.replay_these(visit.database, (document_id,), visit.who)
    said = N_("The document is queued again.") if done else N_("The document is not set aside, so nothing was done.")
    return visit.go(f"/invoices/{document_id}", visit.tongue.say(said))


@router.post("/{document_id}/dismiss")
def dismiss(visit: FormOfSomebody, document_id: int, why: Annotated[str, Form()] = "") -> Response:
    """Decide that the invoice shall not be delivered; a reason must be given."""
    seen = look_at(visit, document_id)
    if not why.strip():
        return visit.page("dismiss.html", 422, document=seen.document)
    done = replaying.dismiss(visit.database, document_id, visit.who, why.strip()[:1000])
    said = N_("The document is dismissed.") if done else N_("The document is not set aside, so nothing was done.")
    return visit.go(f"/invoices/{document_id}", visit.tongue.say(said))


@router.get("/{document_id}/bytes")
def download(visit: Somebody, document_id: int) -> Response:
    """The bytes exactly as they arrived."""
    document = look_at(visit, document_id).document
    body = blobs.pieces(visit.database, document.digest)
    headers = {"Content-Length": str(document.size)} | as_file(document.name)
    return StreamingResponse(body, media_type="application/octet-stream", headers=headers)


@router.get("/{document_id}/source")
def source(visit: Somebody, document_id: int, line: int = 1) -> Response:
    """The document's own text, a portion at a time, the lines marked where rules were broken."""
    seen = look_at(visit, document_id)
    content = content_of(visit, seen.document)
    shown = None if content is None else portion(content, line, _marks_by_line(seen.judgement))
    return visit.page("source.html", seen=seen, shown=shown, line=line)


def look_at(visit: Visit, document_id: int) -> Seen:
    """All that is known of the document. Raises NotFound."""
    with visit.database.read() as reading:
        document = documents.get(reading, document_id)
        if document is None:
            raise NotFound
        match = matches.of(reading, document_id)
        return Seen(
            match=match,
            orders=tuple(orders.of_keys(reading, match.orders)) if match else (),
            document=document,
            judgement=judgements.latest(reading, document_id),
            set_aside=set_asides.of(reading, document_id),
            journey=tuple(documents.journey_of(reading, document_id)),
            deliveries=tuple(deliveries.of(reading, document_id)),
            unit=units.get(reading, document.unit) if document.unit else None,
        )


def content_of(visit: Visit, document: Document) -> bytes | None:
    """The document's bytes, None where they are too many to be looked into."""
    if document.size > visit.hub.limits.max_bytes:
        return None
    return blobs.content(visit.database, document.digest)


def read_again(visit: Visit, document: Document) -> tuple[Invoice | None, Rejected | None]:
    """The invoice in the document's bytes, or why there is none to show."""
    format_ = visit.hub.plugins.formats.get(document.noun)
    content = content_of(visit, document) if format_ else None
    if format_ is None or content is None:
        return None, None
    try:
        return format_.read(content), None
    except Rejected as failure:
        return None, failure


def as_file(name: str) -> dict[str, str]:
    """The header that lets a browser save an answer under that name."""
    plain = re.sub(r"[^\w.() -]", "_", name.replace("\\", "/").rpartition("/")[2], flags=re.ASCII) or "document"
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}


def _found(visit: Visit, seen: Seen) -> Iterator[Found]:
    if seen.judgement is None:
        return
    for number, finding in enumerate(seen.judgement.findings[:_SHOWN_FINDINGS], 1):
        words = visit.hub.plugins.explain(finding.rule, finding.text, finding.location, finding.value)
        yield Found(number, finding, words)


def _marks_by_line(judgement: KeptJudgement | None) -> dict[int, list[str]]:
    marks: dict[int, list[str]] = {}
    for finding in judgement.findings if judgement else ():
        if finding.line:
            marks.setdefault(finding.line, []).append(finding.rule)
    return marks


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), CITY_TIME) if day else None
