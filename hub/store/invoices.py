"""Invoices as they are listed and searched: the header of every document that could be read as one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select

from hub.domain.documents import DocumentState
from hub.domain.identifiers import masked
from hub.domain.invoices import Invoice, InvoiceKind
from hub.domain.parties import Party
from hub.store.dialects import upsert
from hub.store.tables import documents, invoices, terms

_WORD = re.compile(r"\w+")
_LONGEST_TERM = 64
_MOST_TERMS = 40
_MOST_ASKED = 12


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
    """Invoices that meet the filter, newest first, from below the document id `before`."""
    query = _filtered(wanted)
    if before is not None:
        query = query.where(documents.c.id < before)
    return [_row(row) for row in connection.execute(query.order_by(documents.c.id.desc()).limit(limit))]


def rows(connection: Connection, document_ids: Iterable[int]) -> list[InvoiceRow]:
    """The rows of those documents, oldest first."""
    query = _listed().where(documents.c.id.in_(list(document_ids)))
    return [_row(row) for row in connection.execute(query.order_by(documents.c.id))]


def words_of(text: str) -> list[str]:
    """The words a text is found by, in lower case."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return [word[:_LONGEST_TERM] for word in _WORD.findall(folded)]


def _listed() -> Select[Any]:
    columns = [column for column in invoices.c if column.name not in {"document_id"}]
    joined = documents.outerjoin(invoices, invoices.c.document_id == documents.c.id)
    return select(documents, *columns).select_from(joined)


def _filtered(wanted: InvoiceFilter) -> Select[Any]:
    query = _listed().where(documents.c.noun == "invoices")
    for column, value in (
        (documents.c.state, wanted.state),
        (documents.c.unit, wanted.unit),
        (documents.c.connection, wanted.connection),
        (documents.c.verdict, wanted.verdict),
        (invoices.c.kind, wanted.kind),
    ):
        if value:
            query = query.where(column == value)
    if wanted.arrived_from:
        query = query.where(documents.c.arrived_at >= wanted.arrived_from)
    if wanted.arrived_to:
        query = query.where(documents.c.arrived_at < wanted.arrived_to)
    for word in list(dict.fromkeys(words_of(wanted.words)))[:_MOST_ASKED]:
        query = query.where(documents.c.id.in_(_documents_with(word)))
    return query


def _documents_with(word: str) -> Select[Any]:
    return select(terms.c.document_id).where(terms.c.term >= word, terms.c.term < word + "\U0010ffff")


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
