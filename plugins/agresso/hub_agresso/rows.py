"""Rows of orders, suppliers, ledger and hours, whatever interface they came over, read into the hub's own values.

Each interface has its own names for the same columns: `WEB_API` those of the web API's objects, `BROWSER` those of the
SOAP templates and of extracts as files. A row that cannot be read is a flaw with its reason; the others are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from hub.domain.hours import Hours
from hub.domain.identifiers import NotAnIdentifier, OrganisationNumber
from hub.domain.ledger import LedgerRow
from hub.domain.orders import OrderHead, OrderLine, OrderRow, OrderStatus
from hub.domain.suppliers import Supplier
from hub.domain.texts import Reason, Text
from hub.plugin.ports import Flaw
from hub_agresso.settings import Reading

Names: TypeAlias = Mapping[str, str]
_NO_DATES = ("1900-01-01", "0001-01-01")
_FIELDS = frozenset({"line", "head", "text"})
_STATUSES = {"O": OrderStatus.OPEN, "F": OrderStatus.FINISHED, "N": OrderStatus.OPEN, "T": OrderStatus.STOPPED}

WEB_API: Names = {
    "company": "companyId",
    "order": "orderNumber",
    "supplier": "supplierId",
    "order_status": "orderStatus",
    "ordered_on": "orderDate",
    "currency": "currencyCode",
    "responsible": "responsible",
    "external_reference": "externalReference",
    "head_contract": "contractId",
    "updated_at": "lastUpdated/updatedAt",
    "line": "lineNumber",
    "product": "productId",
    "description": "productDescription",
    "quantity": "quantity",
    "unit": "unit",
    "unit_price": "unitPrice",
    "amount": "amount",
    "invoiced": "originalQuantity",
    "delivered": "deliveredNumber",
    "delivery_date": "deliveryDate",
    "account": "account",
    "tax_code": "taxCode",
    "line_status": "lineStatus",
    "line_contract": "lineContractId",
    "dimension": "dim{}",
    "name": "supplierName",
    "organisation_number": "companyRegistrationNumber",
    "status": "status",
    "country": "countryCode",
    "buyer_id": "buyerId",
    "buyer": "buyer",
    "voucher": "voucherNumber",
    "account_name": "accountDescription",
    "booked_on": "voucherDate",
    "organisation_unit": "unit",
    "invoice_number": "invoiceNumber",
    "sequence": "sequenceNumber",
}
BROWSER: Names = {
    "company": "client",
    "order": "order_id",
    "supplier": "apar_id",
    "order_status": "status",
    "ordered_on": "order_date",
    "currency": "currency",
    "responsible": "responsible",
    "external_reference": "ext_ord_ref",
    "head_contract": "contract_id",
    "updated_at": "last_update",
    "line": "line_no",
    "product": "article",
    "description": "art_descr",
    "quantity": "quantity",
    "unit": "unit_code",
    "unit_price": "unit_price",
    "amount": "amount",
    "invoiced": "rev_quantity",
    "delivered": "del_quantity",
    "delivery_date": "deliv_date",
    "account": "account",
    "tax_code": "tax_code",
    "line_status": "line_status",
    "line_contract": "line_contract",
    "dimension": "dim_{}",
    "name": "apar_name",
    "organisation_number": "comp_reg_no",
    "status": "status",
    "country": "country_code",
    "buyer_id": "buyer_id",
    "buyer": "buyer",
    "voucher": "voucher_no",
    "account_name": "xaccount",
    "booked_on": "voucher_date",
    "organisation_unit": "unit",
    "invoice_number": "ext_inv_ref",
    "sequence": "sequence_no",
}

ORDER_COLUMNS = (
    "company",
    "order",
    "supplier",
    "order_status",
    "ordered_on",
    "currency",
    "responsible",
    "external_reference",
    "head_contract",
    "updated_at",
    "line",
    "product",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "amount",
    "invoiced",
    "delivered",
    "delivery_date",
    "account",
    "tax_code",
    "line_status",
    "line_contract",
)
SUPPLIER_COLUMNS = (
    "company",
    "supplier",
    "name",
    "organisation_number",
    "status",
    "country",
    "currency",
    "external_reference",
    "updated_at",
)
LEDGER_COLUMNS = (
    "company",
    "buyer_id",
    "buyer",
    "voucher",
    "name",
    "organisation_number",
    "account",
    "account_name",
    "amount",
    "booked_on",
    "organisation_unit",
    "invoice_number",
    "head_contract",
    "sequence",
    "updated_at",
)

LONGEST: Mapping[str, int] = {
    "company": 25,
    "order": 25,
    "supplier": 25,
    "currency": 25,
    "responsible": 100,
    "product": 255,
    "description": 500,
    "unit": 25,
    "account": 25,
    "tax_code": 25,
    "organisation_number": 50,
    "country": 25,
    "buyer_id": 25,
    "voucher": 50,
    "invoice_number": 100,
    "ResourceId": 50,
    "Project": 50,
    "Activity": 50,
    "TimeCode": 25,
}
"""The most characters that the hub has room for, by our name for the column: `_LONGEST` where none stands here."""
_LONGEST = 255
_GREATEST = 2**31 - 1
_FINEST = -30
_SHOWN = 100
UNFIT = "\ufdd0"
"""What stands in a text in the place of a character that XML does not have; never a character of anybody's."""
_UNFIT = re.compile(rf"[\x00\ud800-\udfff{UNFIT}]")


def selected(columns: Sequence[str], reading: Reading) -> str:
    """What a listing of the web API is asked for, when no more than what is read is to come."""
    dimensions = [each for each in reading.contract_in if each not in _FIELDS]
    return ",".join([*(WEB_API[name] for name in columns), *(WEB_API["dimension"].format(each) for each in dimensions)])


class Unreadable(Exception):
    """A value of a row that cannot be read, and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.problem.en)
        self.reason = reason


class Row:
    """One row, asked for its values by our names for them."""

    def __init__(self, values: Mapping[str, Any], names: Names, reading: Reading, decimals: str = ".") -> None:
        self.values, self._names, self._reading, self._decimals = values, names, reading, decimals

    def told(self, name: str) -> str:
        """Whatever stands there, to tell the row by; nothing is refused."""
        value = _at(self.values, self._names.get(name, name))
        return "" if value is None else str(value).strip()

    def text(self, name: str, *, demanded: bool = False) -> str:
        """The value as text, without white space around it; empty where nothing stands."""
        column = self._names.get(name, name)
        value = _at(self.values, column)
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise Unreadable(_no_text(column))
        text = "" if value is None else str(value).strip()
        if demanded and not text:
            raise Unreadable(_missing(column))
        _demand_fit(column, text, LONGEST.get(name, _LONGEST))
        return text

    def number(self, name: str, *, demanded: bool = False) -> Decimal:
        """The value as an exact number; 0 where nothing stands, unless it is demanded."""
        text = self._figures(name)
        if demanded and not text:
            raise Unreadable(_missing(self._names[name]))
        if self._decimals != ".":
            text = text.replace(".", "!").replace(self._decimals, ".")
        try:
            value = Decimal(text or "0")
        except InvalidOperation:
            raise Unreadable(_no_number(self._names[name], text)) from None
        if not value.is_finite() or abs(value) >= 10**15 or int(value.as_tuple().exponent) < _FINEST:
            raise Unreadable(_no_number(self._names[name], text))
        return value

    def _figures(self, name: str) -> str:
        value = _at(self.values, self._names[name])
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float | Decimal)):
            raise Unreadable(_no_number(self._names[name], str(value)))
        return "" if value is None else str(value).strip()

    def whole(self, name: str) -> int:
        """The value, which is demanded, as a whole number that the hub has room for."""
        value = self.number(name, demanded=True)
        if value != value.to_integral_value():
            raise Unreadable(_no_number(self._names[name], str(value)))
        if abs(value) > _GREATEST:
            raise Unreadable(_too_great(self._names[name], str(value)))
        return int(value)

    def day(self, name: str) -> date | None:
        """The value as a day; None where none is set."""
        text = self.text(name)[:10]
        if not text or text in _NO_DATES:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Unreadable(_no_date(self._names[name], text)) from None

    def demanded_day(self, name: str) -> date:
        """The value as a day. Raises Unreadable where none is set."""
        day = self.day(name)
        if day is None:
            raise Unreadable(_missing(self._names[name]))
        return day

    def moment(self, name: str) -> datetime | None:
        """The value as a point in time, told in the zone of the installation."""
        text = self.text(name)
        if not text or text.startswith(_NO_DATES):
            return None
        try:
            stated = datetime.fromisoformat(text)
            aware = stated if stated.tzinfo else stated.replace(tzinfo=ZoneInfo(self._reading.zone))
            return aware.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unreadable(_no_date(self._names[name], text)) from None

    def order_contract(self) -> str:
        """The order's own contract reference, at the first of the stated places where one stands.

        A row's dimensions are its line's: what one line names is not said of the others.
        """
        places = {"head": self.text("head_contract"), "text": self.in_text(self.text("external_reference"))}
        return self._first(lambda place: places.get(place, ""))

    def line_contract(self) -> str:
        """The line's own contract reference, in its field or in one of its dimensions."""
        places = {"line": self.text("line_contract"), "head": "", "text": ""}
        return self._first(lambda place: places[place] if place in places else self.dimension(place))

    def _first(self, look: Callable[[str], str]) -> str:
        return next((found for place in self._reading.contract_in if (found := look(place))), "")

    def dimension(self, attribute: str) -> str:
        """The city's own code for that attribute; Agresso pads what is empty with blanks."""
        pattern = self._names["dimension"]
        return self.text(pattern.format(attribute)) or self.text(pattern.format(attribute.lower()))

    def demand(self, *names: str) -> None:
        """Raises Unreadable when one of the columns is not there at all: nothing would be taken for nought."""
        for name in names:
            if _at(self.values, self._names[name]) is None:
                raise Unreadable(_missing(self._names[name]))

    def in_our_company(self) -> str:
        """The company. Raises Unreadable when it is another than ours."""
        company = self.text("company", demanded=True)
        if self._reading.company and company != self._reading.company:
            raise Unreadable(_not_ours(company, self._reading.company))
        return company

    def in_text(self, text: str) -> str:
        """The contract number in free text."""
        pattern = self._reading.contract_pattern
        if not pattern:
            return text
        found = re.search(pattern, text)
        return found.group(0) if found else ""


class AsItStands(Row):
    """A row that is looked at and never kept: no text of it is refused for what the hub has room for."""

    def text(self, name: str, *, demanded: bool = False) -> str:
        """The value as text, whatever it is."""
        text = self.told(name)
        if demanded and not text:
            raise Unreadable(_missing(self._names.get(name, name)))
        return text


def order_row(row: Row) -> OrderRow:
    """One order line with its order. Raises Unreadable."""
    company = row.in_our_company()
    head = OrderHead(
        company=company,
        number=row.text("order", demanded=True),
        supplier=row.text("supplier", demanded=True),
        status=_status(row.text("order_status")),
        ordered_on=row.day("ordered_on"),
        currency=row.text("currency"),
        responsible=row.text("responsible"),
        external_reference=row.text("external_reference"),
        contract=row.order_contract(),
        updated_at=row.moment("updated_at"),
    )
    if not row.text("line"):
        raise Unreadable(_no_lines(head.number))
    return OrderRow(head, _line(row))


def _line(row: Row) -> OrderLine:
    return OrderLine(
        number=row.whole("line"),
        product=row.text("product"),
        description=row.text("description"),
        quantity=row.number("quantity", demanded=True),
        unit=row.text("unit"),
        unit_price=row.number("unit_price", demanded=True),
        amount=row.number("amount", demanded=True),
        invoiced=row.number("invoiced"),
        delivered=row.number("delivered"),
        delivery_date=row.day("delivery_date"),
        account=row.text("account"),
        tax_code=row.text("tax_code"),
        status=_status(row.text("line_status")),
        contract=row.line_contract(),
    )


def supplier(row: Row) -> Supplier:
    """One supplier. A wrong organisation number is kept as it stood. Raises Unreadable."""
    row.demand("name", "organisation_number", "status")
    stated = row.text("organisation_number")
    reference = row.text("external_reference") or row.text("ext_apar_ref")
    return Supplier(
        company=row.in_our_company(),
        number=row.text("supplier", demanded=True),
        name=row.text("name"),
        organisation_number=_organisation(stated),
        stated_number=stated,
        usable=row.text("status") == "N",
        country=row.text("country"),
        currency=row.text("currency"),
        contract=row.in_text(reference),
        updated_at=row.moment("updated_at"),
    )


def ledger_row(row: Row) -> LedgerRow:
    """One posting. Raises Unreadable."""
    row.in_our_company()
    return LedgerRow(
        buyer_id=row.text("buyer_id"),
        buyer=row.text("buyer"),
        voucher=row.text("voucher", demanded=True),
        supplier=row.text("name"),
        supplier_id=row.text("organisation_number"),
        account=row.text("account", demanded=True),
        account_name=row.text("account_name"),
        amount=row.number("amount", demanded=True),
        booked_on=row.demanded_day("booked_on"),
        unit=row.text("organisation_unit"),
        invoice_number=row.text("invoice_number"),
        contract=row.text("head_contract"),
        number=row.whole("sequence"),
    )


def hours(company: str, values: Mapping[str, str]) -> Hours:
    """A day's hours out of a timesheet row; absence is hours of no project. Raises Unreadable."""
    row = Row(values, _TIMESHEET, Reading())
    return Hours(
        company=company,
        resource=row.text("ResourceId"),
        project=row.text("Project"),
        activity=row.text("Activity"),
        time_code=row.text("TimeCode"),
        day=row.demanded_day("Day"),
        hours=row.number("HoursWorked", demanded=True),
    )


def read(understand: Callable[[Row], Any], values: Mapping[str, Any], row: Row, address: str | None) -> Any:
    """What the row says, or the flaw that it is."""
    try:
        return understand(row)
    except Unreadable as error:
        return Flaw(address and shown(address), kept(values), (error.reason,))


def kept(values: object) -> bytes:
    """What is kept of a row at fault, whatever stands in it."""
    told = dict(values) if isinstance(values, Mapping) else values
    return json.dumps(told, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")


def shown(text: str) -> str:
    """The beginning of a text from outside, fit to be told."""
    return _UNFIT.sub("?", text[:_SHOWN])


def _demand_fit(column: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise Unreadable(_too_long(column, len(text), longest))
    if _UNFIT.search(text):
        raise Unreadable(_no_character(column))


def _at(values: Mapping[str, Any], path: str) -> Any:
    """The value under that name, or at that path with slashes; None where nothing stands."""
    if "/" not in path:
        return values.get(path)
    found: Any = values
    for part in path.split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _status(stated: str) -> OrderStatus:
    return _STATUSES.get(stated, OrderStatus.UNKNOWN)


def _organisation(stated: str) -> OrganisationNumber | None:
    try:
        return OrganisationNumber.parse(stated)
    except NotAnIdentifier:
        return None


_TIMESHEET: Names = {name: name for name in ("ResourceId", "Project", "Activity", "TimeCode", "Day", "HoursWorked")}
_SEE_TEMPLATE = Text(
    "Rätta raden i Agresso, eller mallens kolumner. En rättad rad kommer vid nästa hämtning; efter en rättad mall "
    "hämtas allt på nytt med hub run RUTT --whole.",
    "Mend the row in Agresso, or the template's columns. A mended row comes with the next pull; after a mended "
    "template everything is pulled anew with hub run ROUTE --whole.",
)


def _missing(column: str) -> Reason:
    problem = Text(f"Kolumnen {column} saknas eller är tom.", f"The column {column} is missing or empty.")
    return Reason("AGRESSO-COLUMN", problem, _SEE_TEMPLATE, location=column)


def _no_number(column: str, text: str) -> Reason:
    problem = Text(f"{column} är inget tal.", f"{column} is no number.")
    remedy = Text("Kontrollera decimaltecknet (inställningen decimals).", "Check the decimal sign (setting decimals).")
    return Reason("AGRESSO-NUMBER", problem, remedy, location=column, value=shown(text))


def _no_date(column: str, text: str) -> Reason:
    problem = Text(f"{column} är inget datum som 2026-11-22.", f"{column} is no date like 2026-11-22.")
    return Reason("AGRESSO-DATE", problem, _SEE_TEMPLATE, location=column, value=shown(text))


def _not_ours(company: str, ours: str) -> Reason:
    problem = Text(f"Raden hör till företaget {company}, inte {ours}.", f"The row is of company {company}, not {ours}.")
    remedy = Text("Begränsa mallen eller objektet till vårt företag.", "Limit the template or object to our company.")
    return Reason("AGRESSO-COMPANY", problem, remedy, value=company)


def _no_lines(number: str) -> Reason:
    problem = Text(f"Order {number} har inga rader.", f"Order {number} has no lines.")
    return Reason("AGRESSO-NO-LINES", problem, _SEE_TEMPLATE, value=number)


def no_row() -> Reason:
    """Why what stands in the place of a row is none."""
    problem = Text("I listan står något som inte är en rad.", "Something in the list is no row.")
    return Reason("AGRESSO-ROW", problem, _SEE_TEMPLATE)


def _no_text(column: str) -> Reason:
    problem = Text(f"{column} är varken text eller heltal.", f"{column} is neither text nor a whole number.")
    return Reason("AGRESSO-TEXT", problem, _SEE_TEMPLATE, location=column)


def _too_long(column: str, length: int, longest: int) -> Reason:
    problem = Text(
        f"{column} har {length} tecken; hubben har plats för {longest}.",
        f"{column} has {length} characters; the hub has room for {longest}.",
    )
    return Reason("AGRESSO-LENGTH", problem, _SEE_TEMPLATE, location=column)


def _no_character(column: str) -> Reason:
    problem = Text(
        f"{column} har ett tecken som inte kan sparas (styrtecken eller ett halvt tecken).",
        f"{column} has a character that cannot be kept (a control character, or half of one).",
    )
    return Reason("AGRESSO-CHARACTER", problem, _SEE_TEMPLATE, location=column)


def _too_great(column: str, text: str) -> Reason:
    problem = Text(
        f"{column} är större än hubben har plats för ({_GREATEST}).",
        f"{column} is greater than the hub has room for ({_GREATEST}).",
    )
    return Reason("AGRESSO-NUMBER", problem, _SEE_TEMPLATE, location=column, value=shown(text))
