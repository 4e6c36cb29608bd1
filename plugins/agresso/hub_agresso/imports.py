"""Invoices handed to Agresso's server processes through ImportService.

What was imported is seen through a browser template by its batch id, which is the hub's own key: so a try whose answer
was lost is found again, also when its import still waits in the server's queue, and nothing is imported twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.invoices import Invoice, InvoiceKind
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Bytes, Dispatch
from hub_agresso.references import SCHEMAS
from hub_agresso.settings import SoapSettings
from hub_agresso.soap import Criterion, Services, rows_of
from hub_agresso.writing import Patience, demand, demand_asked

_BATCH, _VOUCHER = "batch_id", "voucher_no"
IMPORT_COLUMNS = (_BATCH, _VOUCHER)
"""What the template of imports is to show."""
_LONGEST_BATCH = 25


class InvoiceImport:
    """Supplier invoices as GL07 transactions. See `hub.plugin.ports.Target`."""

    def __init__(
        self,
        settings: SoapSettings,
        services: Services | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._services = settings, services or Services(settings, sleep=sleep)
        self._patience = Patience(settings.import_patience, sleep)

    def fit(self, record: Invoice, dispatch: Dispatch) -> Change:
        """The voucher's values as the import states them."""
        number = record.seller.organisation_number
        if number is None:
            raise Rejected((_NO_SELLER,))
        sign = -1 if record.kind is InvoiceKind.CREDIT_NOTE else 1
        values = {
            "organisation_number": number.digits,
            "invoice": record.number,
            "voucher_date": record.issue_date.isoformat(),
            "due_date": (record.due_date or record.issue_date).isoformat(),
            "amount": format(sign * record.payable.amount, "f"),
            "currency": record.currency,
            "order": record.order_reference,
            "contract": record.contract_reference,
            "unit": dispatch.unit_code,
            "document": dispatch.digest,
        }
        if self._settings.vat_element and record.totals.vat:
            values["vat"] = format(sign * record.totals.vat.amount, "f")
        return Change(ChangeKind.CREATE, dispatch.key, batch_of(dispatch.key), values)

    def existing(self, change: Change) -> Receipt | None:
        """The voucher that stands under this batch, if an earlier try came through; one under way is waited for.

        Raises Refused while invoices may not be written.
        """
        demand(self._settings, "invoices")
        return self._patience.find(change, change.address, lambda: self._standing(change))

    def apply(self, change: Change, content: Bytes) -> Receipt:
        """Hand it in, wait for its end, and see that it stands. The document stays with the hub, by its digest."""
        demand(self._settings, "invoices")
        before = None if self._patience.just_missed(change) else self._standing(change)
        if before is not None:
            return before
        number = self._services.start_import("GL07", "BI202", 1, self._document(change))
        said = self._services.import_result(number)
        found = self._patience.watch(lambda: self._standing(change))
        if found is None:
            raise Rejected((_not_there(number, said),), uncertain=True)
        return replace(found, details={**found.details, "import": str(number)})

    def close(self) -> None:
        """Let go of connections."""
        self._services.close()

    def _standing(self, change: Change) -> Receipt | None:
        voucher = self._voucher(change.address)
        return None if voucher is None else Receipt(datetime.now(UTC), voucher, {"batch": change.address})

    def _voucher(self, batch: str) -> str | None:
        template = self._settings.imports_template
        found = list(rows_of(self._services.result(template, 1, 2, (Criterion(_BATCH, "=", batch),))))
        for row in found:
            demand_asked(_BATCH, batch, row.get(_BATCH, ""))
        return found[0].get(_VOUCHER, "").strip() or batch if found else None

    def _document(self, change: Change) -> bytes:
        values = change.fields
        party = _elements(
            ("ApArType", "P"),
            ("CompRegNo", values["organisation_number"]),
            ("InvoiceNo", values["invoice"]),
            ("DueDate", values["due_date"]),
            ("OrderNumber", values["order"]),
            ("ContractId", values["contract"]),
        )
        amounts = _elements(("Amount", _credited(values["amount"])), ("Currency", values["currency"]))
        said = _elements(("Description", f"{values['unit']} {values['document'][:16]}"))
        transaction = f"<TransType>AP</TransType>{said}<Amounts>{amounts}</Amounts><ApArInfo>{party}</ApArInfo>"
        if "vat" in values and self._settings.vat_element:
            transaction = _with(transaction, self._settings.vat_element, _credited(values["vat"]))
        head = _elements(("Interface", "BI"), ("BatchId", change.address))
        voucher = _elements(("VoucherType", "IF"), ("CompanyCode", self._settings.company))
        dated = _elements(("VoucherDate", values["voucher_date"]))
        return (
            f'<ABWTransaction xmlns="{SCHEMAS}/ABWTransaction/2011/11/14">{head}<Voucher>{voucher}{dated}'
            f"<Transaction>{transaction}</Transaction></Voucher></ABWTransaction>"
        ).encode()


def batch_of(key: str) -> str:
    """The batch id of an idempotency key: as much of it as Agresso's column holds."""
    return key[:_LONGEST_BATCH].upper()


def _credited(amount: str) -> str:
    """What an invoice is owed for stands in credit."""
    return format(-Decimal(amount), "f")


def _with(elements: str, path: str, value: str) -> str:
    """The elements with one more at that path, within those of the way that stand there."""
    first, _, rest = path.partition("/")
    if not rest:
        return elements + _element(first, value)
    before, found, after = elements.partition(f"</{first}>")
    if found:
        begins = before.index(f"<{first}>") + len(first) + 2
        return f"{before[:begins]}{_with(before[begins:], rest, value)}{found}{after}"
    return f"{elements}<{first}>{_with('', rest, value)}</{first}>"


def _elements(*pairs: tuple[str, str]) -> str:
    return "".join(_element(name, value) for name, value in pairs if value)


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>"


_NO_SELLER = Reason(
    "AGRESSO-SELLER",
    Text("Fakturan anger inget organisationsnummer för säljaren.", "The invoice states no number of its seller."),
    Text("Lägg upp fakturan för hand i Agresso och avskriv den här.", "Enter it by hand in Agresso and dismiss it."),
)


def _not_there(number: int, said: str) -> Reason:
    return Reason(
        "AGRESSO-IMPORT",
        Text(
            f"Inläsningen {number} sade sig klar ({said}), men verifikatet finns inte.",
            f"The import {number} said that it was done ({said}), but the voucher is not there.",
        ),
        Text("Se inläsningens rapport i Agresso.", "See the import's report in Agresso."),
    )
