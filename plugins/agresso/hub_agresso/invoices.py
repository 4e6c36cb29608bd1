"""Invoices to Agresso's file drop: the original bytes and a manifest beside them."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import timedelta

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.identifiers import masked
from hub.domain.invoices import Invoice
from hub.plugin.files import open_place
from hub.plugin.ports import Bytes, Dispatch
from hub_agresso.client import Delivered, Drop, Pair
from hub_agresso.settings import FileDropSettings

MANIFEST_VERSION = "1"
_LONGEST_PART = 40
_SWEPT_BY = "00"


class InvoiceDrop:
    """The file drop as a target for invoices; see `hub.plugin.ports.Target` for what it promises."""

    def __init__(self, settings: FileDropSettings, drop: Drop) -> None:
        self._settings = settings
        self._drop = drop

    def fit(self, record: Invoice, dispatch: Dispatch) -> Change:
        """The file's name and the manifest's values."""
        return Change(ChangeKind.CREATE, dispatch.key, file_name(record, dispatch.key), manifest(record, dispatch))

    def existing(self, change: Change) -> Receipt | None:
        """The receipt of a pair that was delivered; also finishes one that a crash left half renamed."""
        delivered = self._drop.found(_pair(change))
        return _receipt(change, delivered) if delivered else None

    def apply(self, change: Change, content: Bytes) -> Receipt:
        """Deliver document and manifest."""
        receipt = _receipt(change, self._drop.deliver(_pair(change), content))
        # Looking through all markers costs a listing, so about one delivery in 256 does it.
        if mark_of(change.key).startswith(_SWEPT_BY):
            self._drop.sweep(timedelta(days=self._settings.marker_days))
        return receipt

    def close(self) -> None:
        """Let go of the drop folder."""
        self._drop.close()


def open_invoice_drop(settings: FileDropSettings) -> InvoiceDrop:
    """The target of a connection's settings."""
    return InvoiceDrop(settings, Drop(open_place(settings), read_back=settings.address.startswith("file:")))


def file_name(invoice: Invoice, key: str) -> str:
    """The document's name at the drop: seller and number for people, then a mark of the key that makes it unique."""
    parts = (plain_name(invoice.seller.name), plain_name(invoice.number), mark_of(key))
    return f"{'_'.join(part for part in parts if part)}.xml"


def manifest(invoice: Invoice, dispatch: Dispatch) -> dict[str, str]:
    """What the receiver is told of the document. A sole trader's personnummer is masked; the document has it."""
    return {
        "manifest": MANIFEST_VERSION,
        "name": dispatch.name,
        "sha256": dispatch.digest,
        "size": str(dispatch.size),
        "format": dispatch.format,
        "kind": invoice.kind.value,
        "number": invoice.number,
        "issue_date": invoice.issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat() if invoice.due_date else "",
        "seller": invoice.seller.name,
        "organisation_number": _organisation_number(invoice),
        "amount": format(invoice.payable.amount, "f"),
        "currency": invoice.payable.currency,
        "order_reference": invoice.order_reference,
        "buyer_reference": invoice.buyer_reference,
        "unit": dispatch.unit_code,
        "unit_name": dispatch.unit_name,
        "arrived": dispatch.arrived_at.isoformat(),
        "source": dispatch.source,
        "verdict": dispatch.verdict,
        "pack": dispatch.pack,
        "pack_digest": dispatch.pack_digest,
    }


def _organisation_number(invoice: Invoice) -> str:
    number = invoice.seller.organisation_number
    return masked(number.digits) if number else ""


def plain_name(text: str) -> str:
    """The text in letters and digits that every system can have in a file name."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", bare).strip("-")[:_LONGEST_PART].strip("-")


def mark_of(key: str) -> str:
    """Sixteen characters that stand for the key in a name."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _pair(change: Change) -> Pair:
    body = json.dumps({**change.fields, "key": change.key}, ensure_ascii=False, indent=2, sort_keys=True)
    return Pair(change.address, change.fields["sha256"], int(change.fields["size"]), body.encode() + b"\n")


def _receipt(change: Change, delivered: Delivered) -> Receipt:
    details = {"manifest": f"{change.address}.json", "sha256": change.fields["sha256"], "size": change.fields["size"]}
    return Receipt(delivered.at, change.address, details | ({"taken": "yes"} if delivered.taken else {}))
