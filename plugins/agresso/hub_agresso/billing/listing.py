"""A list of events to bill, as CSV: its columns, and what is wrong with a row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO

from hub.domain.billing import Billable, NotBillable
from hub.domain.texts import Reason, Text
from hub.plugin.ports import Flaw
from hub_agresso.billing import BILLING
from hub_agresso.billing.rules import MEND
from hub_agresso.lists import as_written, begins_with, read_list

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


class BillingList:
    """A list of events to bill, as CSV. See `hub.plugin.ports.Extract`, and the README for its columns."""

    noun, name = BILLING, f"agresso.{BILLING}"

    def recognise(self, head: bytes, name: str) -> bool:
        """By its first line, and its name."""
        return name.startswith(BILLING) and begins_with(head, COLUMN_NAMES)

    def read(self, stream: BinaryIO) -> Iterator[Any]:
        """The events one by one; see `Extract.read`."""
        return read_list(stream, _event, lambda row: _address(_values(row)))


class _Wrong(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.problem.en)
        self.reason = reason


def _event(row: Sequence[str]) -> Billable | Flaw:
    values = _values(row)
    try:
        if len(row) != len(COLUMN_NAMES):
            raise _Wrong(_OTHER_WIDTH)
        return _understood(values)
    except _Wrong as wrong:
        return Flaw(_address(values), as_written(row), (wrong.reason,))
    except NotBillable as wrong:
        reason = Reason("BILLING-FIELD", wrong.text, MEND, location=wrong.field, value=values.get(wrong.field, ""))
        return Flaw(_address(values), as_written(row), (reason,))


def _values(row: Sequence[str]) -> dict[str, str]:
    return dict(zip(COLUMN_NAMES, (each.strip() for each in row), strict=False))


def _understood(values: Mapping[str, str]) -> Billable:
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
    if not case:
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


# --- words

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
    return Reason(code, problem, MEND, location=field, value=value)
