"""Invoices as they are listed and searched: the header of every document that could be read as one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, select

from hub.domain.documents import DocumentState
from hub.domain.identifiers import masked
from hub.domain.invoices import Invoice, InvoiceKind
from hub.domain.matches import MatchOutcome
from hub.domain.parties import Party
from hub.store.dialects import upsert
from hub.store.tables import Moment, documents, invoices, matches, terms

_WORD = re.compile(r"\w+")
_LONGEST_TERM = 64
_MOST_TERMS = 40
_MOST_ASKED = 12
_RARE = 8_000
_AT_ONCE = 400
_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to list.

    `words` are found in numbers, references, names and identifiers, by their beginnings; the first twelve count.
    """

    words: str = ""
    state: DocumentState | None = None
    unit: str | None = None
    connection: str | None = None
    verdict: str | None = None
    kind: InvoiceKind | None = None
    match: MatchOutcome | None = None
    arrived_from: datetime | None = None
    arrived_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One row of the list. The invoice's own columns are None where the document could not be read as one."""

    document_id: int
    state: DocumentState
    arrived_at: datetime
    connection: str
    name: str
    unit: str | None
    format: str | None
    verdict: str | None
    kind: InvoiceKind | None
    number: str | None
    issue_date: date | None
    due_date: date | None
    currency: str | None
    payable: Decimal | None
    seller_name: str | None
    seller_id: str | None
    buyer_name: str | None
    order_reference: str | None


def keep(connection: Connection, document_id: int, invoice: Invoice) -> None:
    """Keep the invoice's header and the words it is found by; a later reading of the same document stands instead."""
    row = {
        "document_id": document_id,
        "kind": invoice.kind.value,
        "number": invoice.number[:200],
        "issue_date": invoice.issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat() if invoice.due_date else None,
        "currency": invoice.currency[:3],
        "payable": invoice.payable.amount,
        "seller_key": invoice.seller_key[:200],
        "seller_name": invoice.seller.name[:300],
        "seller_id": _shown_id(invoice.seller),
        "buyer_name": invoice.buyer.name[:300],
        "buyer_id": _shown_id(invoice.buyer),
        "buyer_reference": invoice.buyer_reference[:200],
        "order_reference": invoice.order_reference[:200],
        "contract_reference": invoice.contract_reference[:200],
        "lines": len(invoice.lines),
    }
    upsert(connection, invoices, row, ("document_id",))
    connection.execute(delete(terms).where(terms.c.document_id == document_id))
    found = [{"term": term, "document_id": document_id} for term in _terms(invoice)]
    if found:
        connection.execute(terms.insert(), found)


def seller_key(connection: Connection, document_id: int) -> str | None:
    """Who the seller of the invoice is, as its key; None of what is no invoice or names none."""
    asked = select(invoices.c.seller_key).where(invoices.c.document_id == document_id)
    return connection.execute(asked).scalar_one_or_none() or None


def page(
    connection: Connection, wanted: InvoiceFilter, *, before: int | None = None, limit: int = 50
) -> list[InvoiceRow]:
    """Invoices that meet the filter, newest first, from below the document id `before`.

    Whatever is asked for that few documents meet is looked up first, and the rest tried on those alone. When nothing
    is that rare the documents are walked from the newest on: what many meet is soon found.
    """
    query = _within(connection, _filtered(wanted), wanted)
    few = _rarest(connection, wanted)
    if few is None:
        walked = invoices.c.document_id if _walks_read(wanted) else documents.c.id
        below = query if before is None else query.where(walked < before)
        return [_row(row) for row in connection.execute(below.order_by(walked.desc()).limit(limit))]
    ids = sorted((each for each in few if before is None or each < before), reverse=True)
    found: list[InvoiceRow] = []
    for first in range(0, len(ids), _AT_ONCE):
        some = query.where(documents.c.id.in_(ids[first : first + _AT_ONCE])).order_by(documents.c.id.desc())
        found += [_row(row) for row in connection.execute(some.limit(limit - len(found)))]
        if len(found) >= limit:
            break
    return found


def rows(connection: Connection, document_ids: Iterable[int]) -> list[InvoiceRow]:
    """The rows of those documents, oldest first."""
    query = _listed().where(documents.c.id.in_(list(document_ids)))
    return [_row(row) for row in connection.execute(query.order_by(documents.c.id))]


def words_of(text: str) -> list[str]:
    """The words a text is found by, in lower case."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return [word[:_LONGEST_TERM] for word in _WORD.findall(folded)]


def _listed(only_read: bool = False) -> Select[Any]:
    columns = [column for column in invoices.c if column.name not in {"document_id"}]
    is_read = invoices.c.document_id == documents.c.id
    joined = documents.join(invoices, is_read) if only_read else documents.outerjoin(invoices, is_read)
    return select(documents, *columns).select_from(joined)


def _is_of_read(wanted: InvoiceFilter) -> bool:
    return bool(words_of(wanted.words)) or wanted.kind is not None


def _filtered(wanted: InvoiceFilter) -> Select[Any]:
    query = _listed(_is_of_read(wanted))
    if not _walks_read(wanted):
        query = query.where(documents.c.noun == "invoices")
    for column, value in (
        (documents.c.state, wanted.state),
        (documents.c.unit, wanted.unit),
        (documents.c.connection, wanted.connection),
        (documents.c.verdict, wanted.verdict),
        (invoices.c.kind, wanted.kind),
    ):
        if value:
            query = query.where(column == value)
    # Not by the index of arrival: the order is that of the ids, and `_within` says between which they lie.
    arrived = func.coalesce(documents.c.arrived_at, documents.c.state_at, type_=Moment)
    if wanted.arrived_from:
        query = query.where(arrived >= wanted.arrived_from)
    if wanted.arrived_to:
        query = query.where(arrived < wanted.arrived_to)
    if wanted.match:
        fits = select(matches.c.document_id).where(matches.c.document_id == documents.c.id)
        query = query.where(fits.where(matches.c.outcome == wanted.match.value).exists())
    for word in _asked(wanted):
        has = select(terms.c.document_id).where(terms.c.document_id == documents.c.id, *_begins(word))
        has = has.with_hint(terms, "INDEXED BY ix_terms_document_id", "sqlite")
        query = query.where(has.exists())
    return query


def _walks_read(wanted: InvoiceFilter) -> bool:
    """Whether the headers are walked: what waits to be judged, which may be much, has neither words nor a kind."""
    by_index = wanted.state or wanted.unit or wanted.connection or wanted.verdict
    return _is_of_read(wanted) and not by_index


def _within(connection: Connection, query: Select[Any], wanted: InvoiceFilter) -> Select[Any]:
    """The query for documents with ids that may have arrived in the time asked for: ids follow arrival but for those
    that are landed at the same moment, which takes minutes at most.
    """
    if wanted.arrived_from:
        earlier = _last_before(connection, wanted.arrived_from - _SKEW)
        query = query.where(documents.c.id > earlier) if earlier else query
    if wanted.arrived_to:
        latest = _last_before(connection, wanted.arrived_to + _SKEW)
        query = query.where(documents.c.id <= latest)
    return query


def _last_before(connection: Connection, at: datetime) -> int:
    """The id of the last document that arrived before that time, 0 when there is none."""
    before = select(documents.c.id).where(documents.c.noun == "invoices", documents.c.arrived_at < at)
    last = connection.execute(before.order_by(documents.c.arrived_at.desc(), documents.c.id.desc()).limit(1))
    return last.scalar_one_or_none() or 0


def _rarest(connection: Connection, wanted: InvoiceFilter) -> set[int] | None:
    """The ids that meet whatever the fewest documents meet; None when nothing that is asked for is rare."""
    asked = [
        *(select(terms.c.document_id).where(*_begins(word)) for word in _asked(wanted)),
        *(select(column).where(condition) for column, condition in _equal(wanted)),
    ]
    rarest: set[int] | None = None
    for each in asked:
        some = connection.execute(each.limit(_RARE + 1)).scalars().all()
        if len(some) <= _RARE and (rarest is None or len(some) < len(rarest)):
            rarest = set(some)
    return rarest


def _equal(wanted: InvoiceFilter) -> Iterator[tuple[ColumnElement[int], ColumnElement[bool]]]:
    if wanted.state:
        yield documents.c.id, (documents.c.noun == "invoices") & (documents.c.state == wanted.state)
    for column, value in (
        (documents.c.unit, wanted.unit),
        (documents.c.connection, wanted.connection),
        (documents.c.verdict, wanted.verdict),
    ):
        if value:
            yield documents.c.id, column == value
    if wanted.match:
        yield matches.c.document_id, matches.c.outcome == wanted.match.value
    if wanted.kind:
        yield invoices.c.document_id, invoices.c.kind == wanted.kind


def _asked(wanted: InvoiceFilter) -> list[str]:
    return list(dict.fromkeys(words_of(wanted.words)))[:_MOST_ASKED]


def _begins(word: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return terms.c.term >= word, terms.c.term < word + "\U0010ffff"


def _terms(invoice: Invoice) -> list[str]:
    found = dict.fromkeys(_all_words(invoice))
    return list(found)[:_MOST_TERMS]


def _all_words(invoice: Invoice) -> Iterable[str]:
    texts = [invoice.number, invoice.order_reference, invoice.buyer_reference, invoice.contract_reference]
    for party in (invoice.seller, invoice.buyer):
        texts += [party.name, _shown_id(party)]
        texts += [gln.digits for gln in party.glns]
    for text in texts:
        yield from words_of(text)
        yield from words_of(text.replace("-", ""))


def _shown_id(party: Party) -> str:
    number = party.organisation_number
    return (number.shown if number else masked(party.legal_id or party.vat_id))[:64]


def _row(row: Row[Any]) -> InvoiceRow:
    return InvoiceRow(
        document_id=row.id,
        state=DocumentState(row.state),
        arrived_at=row.arrived_at,
        connection=row.connection,
        name=row.name,
        unit=row.unit,
        format=row.format,
        verdict=row.verdict,
        kind=InvoiceKind(row.kind) if row.kind else None,
        number=row.number,
        issue_date=date.fromisoformat(row.issue_date) if row.issue_date else None,
        due_date=date.fromisoformat(row.due_date) if row.due_date else None,
        currency=row.currency,
        payable=row.payable,
        seller_name=row.seller_name,
        seller_id=row.seller_id,
        buyer_name=row.buyer_name,
        order_reference=row.order_reference,
    )
