"""Contract references on purchase orders and suppliers: what a list of them says, carried into Agresso.

An order or a line is patched by the place its line has in the order at that moment, so it is read, patched, read
again and compared; the one line that was hit in its stead is put back as it was, and the change is tried again. What
others changed meanwhile is left alone. What is written stands where the settings look for it first (`contract_in`):
the order's own field, the line's or one of its dimensions. A supplier is changed by a CS15 import.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.ports import Fitted, Flaw, Holding
from hub_agresso.feeds import ORDERS, SUPPLIERS, TemplateFeed, WebApiFeed, demanded_template
from hub_agresso.lists import as_written, begins_with, read_list
from hub_agresso.rows import BROWSER, Row
from hub_agresso.settings import SoapSettings, WebApiSettings
from hub_agresso.soap import Criterion, Services, rows_of
from hub_agresso.web_api import WebApi
from hub_agresso.writing import demand, demand_asked

ORDER_REFERENCES, SUPPLIER_REFERENCES = "order-references", "supplier-references"
_HEAD = ("number", "line", "contract")
_FIELD = "contract"
_ORDER, _LINE = re.compile(r"[1-9][0-9]{0,14}", re.ASCII), re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_SUPPLIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,24}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ContractReference:
    """The contract that an order (or one of its lines), or a supplier, is to name. `line` 0 is the order itself."""

    number: str
    line: int
    contract: str

    @property
    def address(self) -> str:
        """Where it stands."""
        return f"{self.number}/{self.line}" if self.line else self.number


class ReferenceList:
    """A list of references as CSV: `number;line;contract`, ended by `#ROWS;n`. See `hub.plugin.ports.Extract`."""

    def __init__(self, noun: str) -> None:
        self.noun, self.name = noun, f"agresso.{noun}"

    def recognise(self, head: bytes, name: str) -> bool:
        """By its first line, and its name."""
        return name.startswith(self.noun) and begins_with(head, _HEAD)

    def read(self, stream: BinaryIO) -> Iterator[Any]:
        """The references one by one; see `Extract.read`."""
        return read_list(stream, self._reference, self._address)

    def _reference(self, row: Sequence[str]) -> ContractReference | Flaw:
        place, contract = self._place(row), row[-1].strip() if row else ""
        if place is None or len(row) != len(_HEAD) or not contract:
            return Flaw(self._address(row), as_written(row), (_UNREADABLE,))
        return ContractReference(*place, contract)

    def _address(self, row: Sequence[str]) -> str | None:
        place = self._place(row)
        return ContractReference(*place, "").address if place else None

    def _place(self, row: Sequence[str]) -> tuple[str, int] | None:
        """The number and the line, where they can be some; a supplier has no lines."""
        number, line = (*(each.strip() for each in row), "", "")[:2]
        if self.noun == SUPPLIER_REFERENCES:
            return (number, 0) if _SUPPLIER.fullmatch(number) and not line else None
        return (number, int(line or 0)) if _ORDER.fullmatch(number) and (not line or _LINE.fullmatch(line)) else None


@dataclass(frozen=True, slots=True)
class _Places:
    """Where references stand in an order: in its own field or not at all, and `line` or a dimension of each line."""

    head: bool
    line: str

    def head_of(self, row: Row) -> str:
        """The order's own reference in a listed row."""
        return row.text("head_contract") if self.head else ""

    def line_of(self, row: Row) -> str:
        """The line's reference in a listed row."""
        if not self.line:
            return ""
        return row.text("line_contract") if self.line == "line" else row.dimension(self.line)

    def held(self, order: Mapping[str, Any], line: int) -> str | None:
        """The reference at that place of an order; None where there is no such line."""
        if not line:
            return str(order.get("contractId") or "")
        found = next((each for each in _lines(order) if each.get("lineNumber") == line), None)
        if found is None:
            return None
        if self.line == "line":
            return str(found.get("contractId") or "")
        return str((found.get(self._dimension(found)) or {}).get("dimValue") or "").strip()

    def path(self, order: Mapping[str, Any], line: int) -> str:
        """The path by which it is patched. Raises Rejected for a line that lacks the dimension."""
        if not line:
            return "/contractId"
        index, found = next((at, each) for at, each in enumerate(_lines(order)) if each.get("lineNumber") == line)
        if self.line == "line":
            return f"/orderLineInformation/{index}/contractId"
        dimension = self._dimension(found)
        if not dimension:
            raise Rejected((_no_dimension(line, self.line),))
        return f"/orderLineInformation/{index}/{dimension}/dimValue"

    def _dimension(self, line: Mapping[str, Any]) -> str:
        """Which of a line's seven dimensions is ours; empty where none is."""
        names = (f"lineDimension{number}" for number in range(1, 8))
        return next((name for name in names if (line.get(name) or {}).get("attributeId") == self.line), "")


def _places(settings: WebApiSettings) -> _Places:
    """The first place of each kind; that it is not free text the settings have seen to."""
    lines = [each for each in settings.contract_in if each not in {"head", "text"}]
    return _Places("head" in settings.contract_in, lines[0] if lines else "")


class OrderReferences:
    """Contract references of purchase orders, over the web API. See `hub.plugin.ports.Register`."""

    def __init__(self, settings: WebApiSettings, api: WebApi | None = None) -> None:
        self._settings, self._api = settings, api or WebApi(settings)
        self._places = _places(settings)

    def fit(self, record: ContractReference) -> Fitted:
        """The reference as the order or the line holds it."""
        if not (self._places.line if record.line else self._places.head):
            raise Rejected((_no_place(record.address),), record.address)
        return _fitted(record.address, record.contract)

    def holdings(self) -> Iterator[Holding]:
        """Every reference that stands on an order or a line."""
        told: set[str] = set()
        feed = WebApiFeed(ORDERS, self._settings.orders_object, self._settings, self._api)
        for row in feed.everything():
            order, line = row.text("order"), row.text("line")
            places = {order: self._places.head_of(row), f"{order}/{line}": self._places.line_of(row)}
            for address, contract in places.items():
                if contract and address not in told:
                    told.add(address)
                    yield Holding(address, {_FIELD: contract})

    def existing(self, change: Change) -> Receipt | None:
        """A receipt when the reference stands there as the change wants it."""
        number, line = _place(change.address)
        order = self._api.order(number)
        if order is None or self._places.held(order, line) != _wanted(change):
            return None
        return _receipt(change)

    def apply(self, change: Change) -> Receipt:
        """Read, patch, read again and compare."""
        demand(self._settings, "orders")
        number, line = _place(change.address)
        before = self._order(number)
        held = self._places.held(before, line)
        if held is None:
            raise Rejected((_no_such_line(change.address),))
        _must_be_as_planned(change, held)
        self._api.patch(number, [_replace(self._places.path(before, line), _wanted(change))])
        self._compare(number, before, change, line)
        return _receipt(change)

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()

    def _order(self, number: str) -> dict[str, Any]:
        order = self._api.order(number)
        if order is None:
            raise Rejected((_no_such_line(number),))
        return order

    def _compare(self, number: str, before: Mapping[str, Any], change: Change, line: int) -> None:
        """See that the right place was changed; the one that was hit in its stead is put back. Raises Unavailable.

        One patch hits one place: where the right one has it, whatever else differs is somebody else's doing. Raises
        Rejected when nobody but a person can tell what was hit, or what stood there.
        """
        after, at, wanted = self._order(number), self._places, _wanted(change)
        if at.held(after, line) == wanted:
            return
        hit = [each for each in _references(after) if at.held(before, each) != wanted == at.held(after, each)]
        hit = [each for each in hit if wanted or at.held(before, each)]
        if not hit:
            raise Unavailable(_not_seen(change.address))
        stood = at.held(before, hit[0])
        if len(hit) > 1 or stood is None:
            raise Rejected((_strayed(change.address, hit),))
        self._api.patch(number, [_replace(at.path(after, hit[0]), stood)])
        if at.held(self._order(number), hit[0]) != stood:
            raise Rejected((_strayed(change.address, hit),))
        raise Unavailable(_moved(change.address))


class SupplierReferences:
    """Contract references of suppliers, by CS15 imports. See `hub.plugin.ports.Register`."""

    def __init__(
        self,
        settings: SoapSettings,
        services: Services | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._services = settings, services or Services(settings, sleep=sleep)

    def fit(self, record: ContractReference) -> Fitted:
        """The reference as the supplier holds it."""
        return _fitted(record.number, record.contract)

    def holdings(self) -> Iterator[Holding]:
        """Every supplier that names a contract."""
        template = demanded_template(self._settings.suppliers_template, "suppliers_template")
        told: set[str] = set()
        feed = TemplateFeed(SUPPLIERS, template, self._settings, self._services)
        for row in feed.everything():
            number, contract = row.text("supplier"), row.text("ext_apar_ref")
            if contract and number not in told:
                told.add(number)
                yield Holding(number, {_FIELD: contract})

    def existing(self, change: Change) -> Receipt | None:
        """A receipt when the supplier names the contract already. Raises Refused while suppliers may not be written."""
        demand(self._settings, "suppliers")
        return _receipt(change) if self._now(change.address) == _wanted(change) else None

    def apply(self, change: Change) -> Receipt:
        """Import the supplier with its reference, and see that it stands."""
        demand(self._settings, "suppliers")
        held = self._now(change.address)
        if held is None:
            raise Rejected((_no_such_line(change.address),))
        _must_be_as_planned(change, held)
        number = self._services.start_import("CS15", "BI192", 1, self._document(change))
        self._services.import_result(number)
        if self._now(change.address) != _wanted(change):
            raise Unavailable(_not_seen(change.address))
        return _receipt(change)

    def close(self) -> None:
        """Let go of connections."""
        self._services.close()

    def _now(self, supplier: str) -> str | None:
        """The reference that stands on the supplier; None where there is no such supplier."""
        criterion = Criterion(BROWSER["supplier"], "=", supplier)
        template = self._settings.suppliers_template
        found = list(rows_of(self._services.result(template, 1, 2, (criterion,))))
        for row in found:
            demand_asked(criterion.column, supplier, row.get(criterion.column, ""))
        return found[0].get("ext_apar_ref", "").strip() if found else None

    def _document(self, change: Change) -> bytes:
        return (
            f'<ABWSupplierCustomer xmlns="{SCHEMAS}/ABWSupplierCustomer/2014/06/30">'
            f"<MasterFile><ApArType>P</ApArType><ApArNo>{escape(change.address)}</ApArNo>"
            f"<CompanyCode>{escape(self._settings.company)}</CompanyCode>"
            f"<SupplierCustomer><ExtApArRef>{escape(_wanted(change))}</ExtApArRef></SupplierCustomer></MasterFile>"
            "</ABWSupplierCustomer>"
        ).encode()


SCHEMAS = "http://services.agresso.com/schema"
_LONGEST = 25


def _fitted(address: str, contract: str) -> Fitted:
    """The reference as Agresso holds it: 25 characters at most. Raises Rejected."""
    if len(contract) > _LONGEST:
        raise Rejected((_too_long(contract),), address)
    return Fitted(address, {_FIELD: contract})


def _wanted(change: Change) -> str:
    return "" if change.kind is ChangeKind.REMOVE else change.fields.get(_FIELD, "")


def _must_be_as_planned(change: Change, held: str) -> None:
    """What stands there is what the plan saw, or what it wants. Raises Rejected."""
    seen = change.before.get(_FIELD, "" if change.kind is ChangeKind.CREATE else None)
    if seen is not None and held not in {seen, _wanted(change)}:
        raise Rejected((_changed_meanwhile(change.address, held),))


def _receipt(change: Change) -> Receipt:
    return Receipt(datetime.now(UTC), change.address, {"contract": _wanted(change)})


def _place(address: str) -> tuple[str, int]:
    number, _, line = address.partition("/")
    return number, int(line or 0)


def _lines(order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(order.get("orderLineInformation") or [])


def _references(order: Mapping[str, Any]) -> list[int]:
    """Every place of the order: 0 for itself, and the numbers of its lines."""
    return [0, *(int(each["lineNumber"]) for each in _lines(order))]


def _replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


_SEE_AGRESSO = Text(
    "Se efter i Agresso och rätta listan eller ordern, och kör sedan igen.",
    "Look in Agresso, mend the list or the order, and run again.",
)
_UNREADABLE = Reason(
    "REFERENCE-UNREADABLE",
    Text(
        "Raden är inte nummer;rad;avtal, med orderns nummer och dess rad i siffror (ingen rad för en leverantör).",
        "The row is not number;line;contract, with the order's number and its line in digits (no line for a supplier).",
    ),
    Text("Rätta raden i listan och lämna den igen.", "Mend the row in the list and leave it again."),
)


def _too_long(contract: str) -> Reason:
    problem = Text(
        f"Avtalsreferensen är längre än {_LONGEST} tecken.", f"The reference is longer than {_LONGEST} characters."
    )
    return Reason("REFERENCE-LONG", problem, _SEE_AGRESSO, value=contract)


def _no_place(address: str) -> Reason:
    problem = Text(
        "Inställningen contract_in har ingen plats för en sådan referens (head för ordern; line eller ett begrepp för "
        "en rad).",
        "The setting contract_in has no place for such a reference (head for the order; line or a dimension for a "
        "line).",
    )
    return Reason("REFERENCE-NO-PLACE", problem, _SEE_AGRESSO, value=address)


def _no_dimension(line: int, code: str) -> Reason:
    problem = Text(f"Orderns rad {line} har inte begreppet {code}.", f"The order's line {line} lacks dimension {code}.")
    return Reason("REFERENCE-NO-DIMENSION", problem, _SEE_AGRESSO, location=str(line), value=code)


def _no_such_line(address: str) -> Reason:
    problem = Text("Ordern, raden eller leverantören finns inte.", "There is no such order, line or supplier.")
    return Reason("REFERENCE-UNKNOWN", problem, _SEE_AGRESSO, value=address)


def _changed_meanwhile(address: str, held: str) -> Reason:
    problem = Text("Någon har ändrat referensen sedan planen gjordes.", "Somebody changed it after the plan was made.")
    return Reason("REFERENCE-CHANGED", problem, _SEE_AGRESSO, location=address, value=held)


def _moved(address: str) -> Text:
    return Text(
        f"{address}: orderns rader flyttades medan den ändrades. Det som träffades i stället är återställt, och hubben "
        "försöker igen.",
        f"{address}: the order's lines moved while it was changed. What was hit in its stead is put back, and the hub "
        "tries again.",
    )


def _not_seen(address: str) -> Text:
    return Text(
        f"{address}: referensen skrevs men står inte där. Hubben försöker igen.",
        f"{address}: the reference was written and does not stand there. The hub tries again.",
    )


def _strayed(address: str, hit: Sequence[int]) -> Reason:
    lines = ", ".join(map(str, hit))
    problem = Text(
        f"Orderns rader flyttades medan {address} ändrades, och referensen står nu på rad {lines} i stället. Vad som "
        "stod där förut kan hubben inte återställa.",
        f"The order's lines moved while {address} was changed, and the reference stands at line {lines} in its stead. "
        "What stood there before the hub cannot put back.",
    )
    remedy = Text("Rätta raderna i Agresso, och kör sedan igen.", "Mend the lines in Agresso, and then replay it.")
    return Reason("REFERENCE-STRAYED", problem, remedy, location=address, value=lines)
