"""What waits for work that is not there, and what claims an end that it cannot show. Both must be empty, always.

A document that has arrived has work that will judge it, an extract for a register work that will plan it; a planned
delivery has work that will make it, a plan that is to be applied work that will apply it; a delivered document has a
receipt, and one set aside its reasons. All of that is written in one transaction with the state of the document or the
plan, so what is found here was lost by a fault, or taken away by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from hub.domain.documents import DocumentState
from hub.store.plans import UNDER_WAY
from hub.store.tables import deliveries, documents, plans, set_asides
from hub.store.work import named


@dataclass(frozen=True, slots=True)
class Stranded:
    """A document that stands in a state, since then, with nothing that will take it further."""

    document_id: int
    state_at: datetime
    connection: str


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A delivery that is planned, not made and not withdrawn, and that nothing will make."""

    id: int
    target: str
    source: Stranded


def arrived(connection: Connection, nouns: Collection[str], kind: str) -> list[Stranded]:
    """Documents of those nouns that have arrived and that no unended work of that kind names, oldest first."""
    awaited = named(connection, (kind,), "document")
    columns = documents.c.id, documents.c.state_at, documents.c.connection
    waiting = select(*columns).where(documents.c.noun.in_(nouns), documents.c.state == DocumentState.ARRIVED)
    return [Stranded(*row) for row in connection.execute(waiting.order_by(documents.c.id)) if row.id not in awaited]


def unplanned(connection: Connection, noun: str, source: str, kinds: Collection[str]) -> list[Stranded]:
    """Extracts from the source that have arrived and that no unended work of those kinds names.

    A part of an extract, which was set aside and is to be tried again, is planned with the latest whole: while one
    has arrived, the part waits for it.
    """
    awaited = named(connection, kinds, "document")
    columns = documents.c.id, documents.c.state_at, documents.c.connection, documents.c.details
    own = documents.c.noun == noun, documents.c.connection == source, documents.c.state == DocumentState.ARRIVED
    rows = connection.execute(select(*columns).where(*own).order_by(documents.c.id)).all()
    a_whole_waits = any("extract" not in row.details for row in rows)
    return [
        Stranded(*row[:3]) for row in rows if row.id not in awaited and not (a_whole_waits and "extract" in row.details)
    ]


def is_named(connection: Connection, kinds: Collection[str], name: str, number: int) -> bool:
    """Whether unended work of those kinds names that document, delivery or plan after all."""
    return number in named(connection, kinds, name)


def routed(connection: Connection, kind: str) -> list[OpenDelivery]:
    """Deliveries of documents on their way that no unended work of that kind names, oldest first."""
    awaited = named(connection, (kind,), "delivery")
    columns = deliveries.c.id, deliveries.c.connection, documents.c.id, documents.c.state_at, documents.c.connection
    joined = select(*columns).join(documents, documents.c.id == deliveries.c.document_id)
    open_ones = joined.where(documents.c.state == DocumentState.ROUTED, _is_open())
    rows = connection.execute(open_ones.order_by(deliveries.c.id)).all()
    return [OpenDelivery(row[0], row[1], Stranded(*row[2:])) for row in rows if row[0] not in awaited]


def unapplied(connection: Connection, kind: str) -> list[int]:
    """The plans that are to be applied, or half applied, and that no unended work of that kind names; oldest first.

    While one is, nothing else of its route is planned or approved.
    """
    awaited = named(connection, (kind,), "plan")
    under_way = select(plans.c.id).where(plans.c.state.in_(UNDER_WAY)).order_by(plans.c.id)
    return [each for each in connection.execute(under_way).scalars() if each not in awaited]


def unexplained(connection: Connection, noun: str, since: datetime, until: datetime) -> dict[str, list[int]]:
    """By source, the documents of that time whose state nothing bears out: delivered without a receipt, or a receipt
    without being delivered; set aside without a reason; on its way without a delivery.
    """
    within = select(documents.c.connection, documents.c.id).where(
        documents.c.noun == noun, documents.c.arrived_at >= since, documents.c.arrived_at < until
    )
    found: dict[str, list[int]] = {}
    for source, document_id in connection.execute(within.where(or_(*_contradictions())).order_by(documents.c.id)):
        found.setdefault(source, []).append(document_id)
    return found


def _contradictions() -> list[ColumnElement[bool]]:
    state, own = documents.c.state, deliveries.c.document_id == documents.c.id
    receipt, open_one = exists().where(own, deliveries.c.delivered_at.is_not(None)), exists().where(own, _is_open())
    reason = exists().where(set_asides.c.document_id == documents.c.id)
    unfinished = state.in_((DocumentState.ARRIVED, DocumentState.ROUTED, DocumentState.SET_ASIDE))
    return [
        and_(state == DocumentState.DELIVERED, ~receipt),
        and_(unfinished, receipt, ~open_one),
        and_(state == DocumentState.SET_ASIDE, ~reason),
        and_(state == DocumentState.ROUTED, ~open_one),
    ]


def _is_open() -> ColumnElement[bool]:
    return and_(deliveries.c.delivered_at.is_(None), deliveries.c.withdrawn_at.is_(None))
