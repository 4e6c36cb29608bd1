"""What connecting local contracts is billed for: a list of events, carried into Agresso as sales orders.

Each event is one order, known in Agresso by the mark and the event's own reference; that reference is asked for
before anything is handed in, so that none is billed twice. What stands billed is never changed and never removed:
a correction is an event of its own.

What an earlier try began is waited for as `hub_agresso.writing` tells, and never handed in again in the same plan.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from hub.domain.billing import Billable, NotBillable
from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.money import Money
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.files import open_place
from hub.plugin.ports import Fitted, Flaw, Holding
from hub_agresso.client import KEPT_MARKERS, Drop, Pair
from hub_agresso.feeds import Noun, TemplateFeed
from hub_agresso.invoices import mark_of, plain_name
from hub_agresso.lists import begins_with, read_list
from hub_agresso.sales_orders import COLUMNS, DIMENSION, ELEMENTS, named, shown, written
from hub_agresso.settings import Billing, FileDropSettings, SoapSettings
from hub_agresso.soap import Criterion, Services, rows_of
from hub_agresso.writing import demand, demand_template, wait_for

BILLING = "billing"
COLUMN_NAMES = (
    "case",
    "correction",
    "customer",
    "buyer_reference",
    "date",
    "article",
    "description",
    "quantity",
    "price",
    "dimensions",
)
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIMENSION = re.compile(r"([A-Za-z0-9]{1,10})=(\S{1,25})", re.ASCII)
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ufffd-\uffff]")
"""Control characters, and what stands for bytes that are no UTF-8."""
_LONGEST = 25


# --- the list


class BillingList:
    """A list of events to bill, as CSV. See `hub.plugin.ports.Extract`, and the README for its columns."""

    noun, name = BILLING, f"agresso.{BILLING}"

    def recognise(self, head: bytes, name: str) -> bool:
        """By its first line, and its name."""
        return name.startswith(BILLING) and begins_with(head, COLUMN_NAMES)

    def read(self, stream: BinaryIO) -> Iterator[Any]:
        """The events one by one; see `Extract.read`."""
        return read_list(stream, _event)


class _Wrong(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.problem.en)
        self.reason = reason


def _event(row: Sequence[str]) -> Billable | Flaw:
    values = dict(zip(COLUMN_NAMES, (each.strip() for each in row), strict=False))
    try:
        if len(row) != len(COLUMN_NAMES):
            raise _Wrong(_OTHER_WIDTH)
        return _understood(values)
    except _Wrong as wrong:
        return Flaw(_address(values), ";".join(row).encode(), (wrong.reason,))
    except NotBillable as wrong:
        reason = Reason("BILLING-FIELD", wrong.text, _MEND, location=wrong.field, value=values.get(wrong.field, ""))
        return Flaw(_address(values), ";".join(row).encode(), (reason,))


def _understood(values: Mapping[str, str]) -> Billable:
    for name, value in values.items():
        if _NO_TEXT.search(value):
            raise _Wrong(_wrong("BILLING-TEXT", name, "", _NO_UTF_8))
    return Billable(
        case=values["case"],
        customer=values["customer"],
        buyer_reference=values["buyer_reference"],
        on=_day(values["date"]),
        article=values["article"],
        description=values["description"],
        quantity=_number("quantity", values["quantity"]),
        price=_number("price", values["price"]),
        dimensions=_dimensions(values["dimensions"]),
        correction=int(_number("correction", values["correction"] or "0")),
    )


def _address(values: Mapping[str, str]) -> str | None:
    """The reference of an event that cannot be read otherwise: what stands billed of it is left alone."""
    case, correction = values.get("case", ""), values.get("correction", "")
    if not case or _NO_TEXT.search(case):
        return None
    return f"{case}-K{correction}" if correction.strip("0") else case


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Wrong(_wrong("BILLING-DATE", "date", text, _NO_DATE))


def _number(name: str, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or (name == "correction" and "." in text):
        raise _Wrong(_wrong("BILLING-NUMBER", name, text, _NO_DECIMAL))
    return Decimal(text)


def _dimensions(text: str) -> tuple[tuple[str, str], ...]:
    found = [_DIMENSION.fullmatch(each) for each in text.split()]
    if None in found:
        raise _Wrong(_wrong("BILLING-DIMENSION", "dimensions", text, _NO_DIMENSION))
    return tuple((each[1].upper(), each[2]) for each in found if each)


# --- what both ways of handing in have in common


def _fitted(settings: Billing, event: Billable) -> Fitted:
    """The event as a sales order holds it. Raises Rejected."""
    if settings.billing_from and event.on < settings.billing_from:
        raise Rejected((_too_old(event, settings.billing_from),), event.reference)
    if len(settings.billing_mark + event.reference) > _LONGEST:
        raise Rejected((_too_long(event),), event.reference)
    fields = {
        "corrects": settings.billing_mark + event.corrects if event.corrects else "",
        "customer": event.customer,
        "buyer_reference": event.buyer_reference,
        "date": event.on.isoformat(),
        "article": event.article,
        "description": event.description,
        "quantity": Money(event.quantity, "SEK").plain,
        "price": Money(event.price, "SEK").plain,
        **{f"{DIMENSION}{code.lower()}": value for code, value in event.dimensions},
    }
    return Fitted(event.reference, {name: value for name, value in fields.items() if value})


def _is_ours(settings: Billing, fields: Mapping[str, str]) -> bool:
    """Whether the order is so late that it belongs to the list."""
    return settings.billing_from is None or fields.get("date", "") >= settings.billing_from.isoformat()


def _is_new(change: Change, held: Mapping[str, str] | None) -> bool:
    """Whether the event is still to be billed. Raises Rejected for what would change what stands billed."""
    if change.kind is ChangeKind.REMOVE:
        raise Rejected((_not_listed(change.address),))
    if held is None and change.kind is ChangeKind.CREATE:
        return True
    if held is None or not _stands(change, held):
        raise Rejected((_billed_otherwise(change),))
    return False


def _stands(change: Change, held: Mapping[str, str]) -> bool:
    return change.kind is ChangeKind.CREATE and dict(change.fields) == dict(held)


def _demand_corrected(change: Change, corrected: Mapping[str, str] | None) -> None:
    """See that what is corrected is billed, and that no more is credited than was. Raises Rejected."""
    if corrected is None:
        raise Rejected((_corrects_nothing(change),))
    if _amount(change.fields) + _amount(corrected) < 0:
        raise Rejected((_credits_too_much(change),))


def _amount(fields: Mapping[str, str]) -> Decimal:
    return Decimal(fields["quantity"]) * Decimal(fields["price"])


def _receipt(change: Change, reference: str, details: Mapping[str, str]) -> Receipt:
    return Receipt(datetime.now(UTC), reference, {"event": change.address, **details})


# --- over ImportService


def columns_of(settings: SoapSettings) -> dict[str, str]:
    """What the template's columns are called there."""
    return named(settings.billing_columns, COLUMNS)


class BillingImport:
    """Events as sales orders, by LG04 imports; `billing_template` shows them. See `hub.plugin.ports.Register`."""

    def __init__(
        self,
        settings: SoapSettings,
        services: Services | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._services, self._sleep = settings, services or Services(settings, sleep=sleep), sleep
        self._columns = columns_of(settings)
        self._asked: set[str] = set()

    def fit(self, record: Billable) -> Fitted:
        """The event as the sales order holds it."""
        return _fitted(self._settings, record)

    def holdings(self) -> Iterator[Holding]:
        """Every order that bears our mark."""
        demand_template(self._settings.billing_template, "billing_template")
        told: set[str] = set()
        for row in self._listing().everything():
            reference, held = self._understood(row.values)
            if reference.startswith(self._mark) and reference not in told and _is_ours(self._settings, held):
                told.add(reference)
                yield Holding(reference.removeprefix(self._mark), held)

    def existing(self, change: Change) -> Receipt | None:
        """The order, if an earlier try came through; one that may be under way is waited for.

        Raises Refused while nothing may be billed.
        """
        demand(self._settings, BILLING)
        demand_template(self._settings.billing_template, "billing_template")
        found = self._standing(change)
        if found is None and change.key in self._asked:
            patience = self._settings.import_patience
            return wait_for(lambda: self._standing(change), self._mark + change.address, patience, self._sleep)
        self._asked.add(change.key)
        return found

    def apply(self, change: Change) -> Receipt:
        """Hand it in, wait for its end, and see that it stands."""
        demand(self._settings, BILLING)
        demand_template(self._settings.billing_template, "billing_template")
        if not _is_new(change, self._held(self._mark + change.address)):
            return self._seen(change, {})
        corrects = change.fields.get("corrects", "")
        if corrects:
            _demand_corrected(change, self._held(corrects))
        content = written(self._mark + change.address, change.fields, named(self._settings.billing_elements, ELEMENTS))
        settings = self._settings
        number = self._services.start_import("LG04", settings.billing_menu, settings.billing_variant, content)
        self._services.import_result(number)
        return self._seen(change, {"import": str(number)})

    def close(self) -> None:
        """Let go of connections."""
        self._services.close()

    @property
    def _mark(self) -> str:
        return self._settings.billing_mark

    def _listing(self) -> TemplateFeed:
        by_reference = Noun(lambda row: row, (self._columns["reference"],))
        return TemplateFeed(by_reference, self._settings.billing_template, self._settings, self._services)

    def _understood(self, values: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """A row's reference, and what else it says of the order."""
        said = shown(values, self._columns)
        said.pop("order", None)
        return said.pop("reference", ""), said

    def _rows(self, reference: str) -> list[Mapping[str, str]]:
        criterion = Criterion(self._columns["reference"], "=", reference)
        return list(rows_of(self._services.result(self._settings.billing_template, 1, 2, (criterion,))))

    def _held(self, reference: str) -> dict[str, str] | None:
        rows = self._rows(reference)
        return self._understood(rows[0])[1] if rows else None

    def _standing(self, change: Change) -> Receipt | None:
        held = self._held(self._mark + change.address)
        return None if held is None or not _stands(change, held) else self._seen(change, {})

    def _seen(self, change: Change, details: Mapping[str, str]) -> Receipt:
        rows = self._rows(self._mark + change.address)
        if not rows:
            raise Rejected((_not_there(change),))
        return _receipt(change, rows[0].get(self._columns["order"], "") or change.address, details)


# --- to the file drop


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
        return _fitted(self._settings, record)

    def holdings(self) -> Iterator[Holding]:
        """Every event that was handed in from here."""
        demand(self._settings, BILLING)
        for memory in self._drop.kept():
            held = {name: value for name, value in memory.items() if name != "event"}
            if "event" in memory and _is_ours(self._settings, held):
                yield Holding(memory["event"], held)

    def existing(self, change: Change) -> Receipt | None:
        """The receipt of what was handed in; also finishes what a crash left half renamed."""
        held = self._held(change.address)
        return self._handed_in(change) if held is not None and _stands(change, held) else None

    def apply(self, change: Change) -> Receipt:
        """Leave the file and its manifest."""
        demand(self._settings, BILLING)
        if _is_new(change, self._held(change.address)) and change.fields.get("corrects"):
            corrected = change.fields["corrects"].removeprefix(self._settings.billing_mark)
            _demand_corrected(change, self._held(corrected))
        return self._handed_in(change)

    def close(self) -> None:
        """Let go of the drop folder."""
        self._drop.close()

    def _handed_in(self, change: Change) -> Receipt:
        document = self._document(change)
        pair = self._pair(change.address, change.fields, document)
        self._drop.deliver(pair, document)
        return _receipt(change, pair.name, {"sha256": document.digest})

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


_MANIFEST = "billing-1"


# --- words

_MEND = Text(
    "Rätta raden i listan och lämna hela listan igen.", "Mend the row in the list and leave the whole list again."
)
_CORRECT = Text(
    "Det som är fakturerat ändras inte. Lägg till en rättelse i listan (correction 1, 2 …), och låt händelsen stå kvar "
    "som den var.",
    "What is billed is not changed. Add a correction to the list (correction 1, 2 …), and let the event stand there as "
    "it was.",
)
_NO_UTF_8 = Text(
    "Texten har styrtecken, eller är inte skriven i UTF-8.", "The text has control characters, or is not in UTF-8."
)
_NO_DATE = Text("Datumet är inget datum som 2026-11-22.", "The date is no date like 2026-11-22.")
_NO_DECIMAL = Text(
    "Talet ska skrivas med decimalpunkt och högst två decimaler, som 860 eller 1250.50.",
    "The number is to be written with a decimal point and two decimals at most, as 860 or 1250.50.",
)
_NO_DIMENSION = Text(
    "Begreppen ska skrivas KOD=VÄRDE med mellanslag mellan, som C1=4711 B0=90.",
    "Dimensions are to be written CODE=VALUE with spaces between, as C1=4711 B0=90.",
)
_OTHER_WIDTH = Reason(
    "BILLING-COLUMNS",
    Text("Raden har fler eller färre kolumner än rubriken.", "The row has more or fewer columns than the head."),
    Text("Rätta raden: en text med semikolon ska stå inom citattecken.", "Mend the row: quote a text with semicolons."),
)


def _wrong(code: str, field: str, value: str, problem: Text) -> Reason:
    return Reason(code, problem, _MEND, location=field, value=value)


def _too_old(event: Billable, begins: date) -> Reason:
    problem = Text(
        f"Händelsen är från före {begins}, då hubben började fakturera (billing_from).",
        f"The event is from before {begins}, when the hub began to bill (billing_from).",
    )
    remedy = Text(
        "Låt listan börja den dagen, eller fakturera händelsen för hand.",
        "Let the list begin on that day, or bill the event by hand.",
    )
    return Reason("BILLING-OLD", problem, remedy, location="date", value=event.on.isoformat())


def _too_long(event: Billable) -> Reason:
    problem = Text(
        f"Ärendets nummer och märket är tillsammans längre än {_LONGEST} tecken.",
        f"The case's number and the mark together are longer than {_LONGEST} characters.",
    )
    return Reason("BILLING-LONG", problem, _MEND, location="case", value=event.reference)


def _not_listed(event: str) -> Reason:
    problem = Text("Händelsen är fakturerad men finns inte i listan.", "The event is billed but not in the list.")
    return Reason("BILLING-NOT-LISTED", problem, _CORRECT, value=event)


def _billed_otherwise(change: Change) -> Reason:
    problem = Text("Händelsen är redan fakturerad, med andra uppgifter.", "It is billed already, with other values.")
    return Reason(
        "BILLING-OTHERWISE", problem, _CORRECT, location=", ".join(sorted(change.fields)), value=change.address
    )


def _corrects_nothing(change: Change) -> Reason:
    problem = Text("Rättelsen gäller något som inte är fakturerat.", "The correction is of what is not billed.")
    remedy = Text(
        "Lämna listan igen när händelsen är fakturerad.", "Leave the list again once the event itself is billed."
    )
    return Reason("BILLING-CORRECTS-NOTHING", problem, remedy, value=change.fields.get("corrects", ""))


def _credits_too_much(change: Change) -> Reason:
    problem = Text("Rättelsen krediterar mer än vad som fakturerades.", "The correction credits more than was billed.")
    return Reason("BILLING-CREDITS-TOO-MUCH", problem, _MEND, value=change.address)


def _not_there(change: Change) -> Reason:
    problem = Text(
        "Inläsningen sade sig klar, men ordern finns inte i billing_template.",
        "The import said that it was done, but the order is not in billing_template.",
    )
    remedy = Text(
        "Se inläsningens rapport i Agresso, och att mallen visar kolumnen med vår referens.",
        "See the import's report in Agresso, and that the template shows the column with our reference.",
    )
    return Reason("BILLING-NOT-THERE", problem, remedy, value=change.address)
