"""Events as files for Agresso's scheduled import."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.domain.billing import Billable
from hub.domain.changes import Change, Receipt
from hub.plugin.files import open_place
from hub.plugin.ports import Fitted, Holding
from hub_agresso.billing import BILLING
from hub_agresso.billing.rules import demand_corrected, fitted, is_new, is_ours, receipt_of, stands
from hub_agresso.client import KEPT_MARKERS, Drop, Pair
from hub_agresso.invoices import mark_of, plain_name
from hub_agresso.sales_orders import ELEMENTS, named, written
from hub_agresso.settings import FileDropSettings
from hub_agresso.writing import demand

_MANIFEST = "billing-1"


@dataclass(frozen=True, slots=True)
class _Document:
    """A file of ours, as the drop takes it; see `hub.plugin.ports.Bytes`."""

    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def size(self) -> int:
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        yield self.data


class BillingDrop:
    """Events as files with the same XML, for Agresso's scheduled import. What was handed in is known by markers that
    are never swept. See `hub.plugin.ports.Register`."""

    def __init__(self, settings: FileDropSettings, drop: Drop) -> None:
        self._settings, self._drop = settings, drop

    def fit(self, record: Billable) -> Fitted:
        """The event as the sales order will hold it."""
        return fitted(self._settings, record)

    def holdings(self) -> Iterator[Holding]:
        """Every event that was handed in from here."""
        demand(self._settings, BILLING)
        for memory in self._drop.kept():
            held = {name: value for name, value in memory.items() if name != "event"}
            if "event" in memory and is_ours(self._settings, held):
                yield Holding(memory["event"], held)

    def existing(self, change: Change) -> Receipt | None:
        """The receipt of what was handed in; also finishes what a crash left half renamed."""
        held = self._held(change.address)
        return self._handed_in(change) if held is not None and stands(change, held) else None

    def apply(self, change: Change) -> Receipt:
        """Leave the file and its manifest."""
        demand(self._settings, BILLING)
        if is_new(change, self._held(change.address)) and change.fields.get("corrects"):
            corrected = change.fields["corrects"].removeprefix(self._settings.billing_mark)
            demand_corrected(change, self._held(corrected))
        return self._handed_in(change)

    def close(self) -> None:
        """Let go of the drop folder."""
        self._drop.close()

    def _handed_in(self, change: Change) -> Receipt:
        document = self._document(change)
        pair = self._pair(change.address, change.fields, document)
        self._drop.deliver(pair, document)
        return receipt_of(change, pair.name, {"sha256": document.digest})

    def _held(self, event: str) -> dict[str, str] | None:
        memory = self._drop.remembered(self._pair(event, {}, _Document(b"")))
        return None if memory is None else {name: value for name, value in memory.items() if name != "event"}

    def _document(self, change: Change) -> _Document:
        reference = self._settings.billing_mark + change.address
        return _Document(written(reference, change.fields, named(self._settings.billing_elements, ELEMENTS)))

    def _pair(self, event: str, fields: Mapping[str, str], document: _Document) -> Pair:
        memory = {"event": event, **fields}
        said = {**memory, "manifest": _MANIFEST, "sha256": document.digest, "size": str(document.size)}
        body = json.dumps(said, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"
        name = f"{BILLING}_{plain_name(event)}_{mark_of(event)}.xml"
        return Pair(name, document.digest, document.size, body, memory, KEPT_MARKERS)


def open_billing_drop(settings: FileDropSettings) -> BillingDrop:
    """The register of a connection's settings."""
    return BillingDrop(settings, Drop(open_place(settings), read_back=settings.address.startswith("file:")))
