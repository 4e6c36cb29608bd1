"""The stand-in's SOAP services: QueryEngine in both its versions, ImportService and Timesheet.

Credentials stand in the body. A template's result is XML inside a string, with rows of totals among the others. An
import takes its XML only as a CDATA section, as milestone 7 and later demand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from hub_agresso.standin.city import COMPANY
from hub_agresso.standin.filters import value_at
from hub_agresso.standin.web_api import SALES_ORDER, Agresso, Asked, Reply, listed, stands

BASE = "http://services.agresso.com/"
QUERY, OLD_QUERY = "QueryEngineService/QueryEngineV201101", "QueryEngineService/QueryEngineV200606DotNet"
IMPORT, TIMESHEET = "ImportService/ImportV200606", "TimesheetService/TimesheetV201205"
SERVICES = (QUERY, OLD_QUERY, IMPORT, TIMESHEET)
ORDER_TEMPLATE, SUPPLIER_TEMPLATE, LEDGER_TEMPLATE, IMPORTS_TEMPLATE, SALES_TEMPLATE = range(11176, 11181)
PROCESSES = ("LG04", "GL07", "CS15")
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_NEWER = "http://www.w3.org/2003/05/soap-envelope"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, strip_cdata=False)

_ALL = 10_000_000
Element = etree._Element
Columns = tuple[tuple[str, str, int], ...]
"""The columns of a template: its name, where the web API has the same, and its data type (10 text, 3 and 21 numbers,
8 date)."""

_ORDER_COLUMNS: Columns = (
    ("client", "companyId", 10),
    ("order_id", "orderNumber", 21),
    ("apar_id", "supplierId", 10),
    ("status", "orderStatus", 10),
    ("order_date", "orderDate", 8),
    ("currency", "currencyCode", 10),
    ("responsible", "responsible", 10),
    ("ext_ord_ref", "externalReference", 10),
    ("contract_id", "contractId", 10),
    ("last_update", "lastUpdated/updatedAt", 8),
    ("line_no", "lineNumber", 21),
    ("article", "productId", 10),
    ("art_descr", "productDescription", 10),
    ("quantity", "quantity", 3),
    ("unit_code", "unit", 10),
    ("unit_price", "unitPrice", 3),
    ("amount", "amount", 3),
    ("rev_quantity", "originalQuantity", 3),
    ("del_quantity", "deliveredNumber", 3),
    ("deliv_date", "deliveryDate", 8),
    ("account", "account", 10),
    ("tax_code", "taxCode", 10),
    ("line_status", "lineStatus", 10),
    ("line_contract", "lineContractId", 10),
    ("dim_a7", "dimA7", 10),
)
_SUPPLIER_COLUMNS: Columns = (
    ("client", "companyId", 10),
    ("apar_id", "supplierId", 10),
    ("apar_name", "supplierName", 10),
    ("comp_reg_no", "companyRegistrationNumber", 10),
    ("status", "status", 10),
    ("country_code", "countryCode", 10),
    ("currency", "currencyCode", 10),
    ("ext_apar_ref", "externalReference", 10),
    ("last_update", "lastUpdated/updatedAt", 8),
)
_LEDGER_COLUMNS: Columns = (
    ("client", "companyId", 10),
    ("buyer_id", "buyerId", 10),
    ("buyer", "buyer", 10),
    ("voucher_no", "voucherNumber", 10),
    ("apar_name", "supplierName", 10),
    ("comp_reg_no", "companyRegistrationNumber", 10),
    ("account", "account", 10),
    ("xaccount", "accountDescription", 10),
    ("amount", "amount", 3),
    ("voucher_date", "voucherDate", 8),
    ("unit", "unit", 10),
    ("ext_inv_ref", "invoiceNumber", 10),
    ("contract_id", "contractId", 10),
    ("sequence_no", "sequenceNumber", 21),
    ("last_update", "lastUpdated/updatedAt", 8),
)
_SALES_COLUMNS: Columns = (
    ("client", "companyId", 10),
    ("order_id", "orderNumber", 21),
    ("ext_ord_ref", "ExtOrderRef", 10),
    ("orig_ord_ref", "OrigOrderRef", 10),
    ("order_date", "OrderDate", 8),
    ("apar_id", "BuyerNo", 10),
    ("responsible", "Responsible", 10),
    ("article", "SellerProductCode", 10),
    ("art_descr", "SellerProductDescr", 10),
    ("quantity", "Quantity", 3),
    ("unit_price", "Price", 3),
    ("dim_c1", "C1", 10),
    ("dim_b0", "B0", 10),
)


TEMPLATES: dict[int, tuple[str, Columns, str]] = {
    ORDER_TEMPLATE: ("Inköpsorder per rad", _ORDER_COLUMNS, "purchase-order-lines"),
    SUPPLIER_TEMPLATE: ("Leverantörer", _SUPPLIER_COLUMNS, "suppliers"),
    LEDGER_TEMPLATE: ("Leverantörsreskontra", _LEDGER_COLUMNS, "ledger-transactions"),
    IMPORTS_TEMPLATE: ("Inlästa verifikat", (("batch_id", "batch", 10), ("voucher_no", "voucher", 10)), "imported"),
    SALES_TEMPLATE: ("Kundorder", _SALES_COLUMNS, "sales-orders"),
}


class Fault(Exception):
    """A SOAP fault: what is said of it."""


def answer(agresso: Agresso, asked: Asked) -> Reply:
    """Answer a SOAP request; which service it is for stands in the query, which operation in the body."""
    service = asked.query.partition("&")[0]
    if service not in SERVICES:
        return Reply(404, b"no such service")
    try:
        operation = _operation(asked.body)
        name = etree.QName(operation)
        if name.namespace != BASE + service:
            raise Fault(f"The operation is not of {service}.")
        if not _action(asked).endswith(f"{service}/{name.localname}"):
            raise Fault("The SOAPAction does not name the operation.")
        answered = _OPERATIONS[name.localname](agresso, operation)
    except Fault as fault:
        return _fault(agresso, str(fault))
    except (etree.XMLSyntaxError, KeyError, ValueError) as error:
        return _fault(agresso, f"{type(error).__name__}")
    body = f'<{name.localname}Response xmlns="{BASE}{service}">{answered}</{name.localname}Response>'
    return Reply(200, _enveloped(body), {"Content-Type": "text/xml; charset=utf-8"})


def _action(asked: Asked) -> str:
    """The SOAPAction; public clients send it with https: as well, and are answered."""
    return asked.headers.get("soapaction", "").strip('"').replace("https://", "http://")


def _operation(content: bytes) -> Element:
    body = etree.fromstring(content, _PARSER).find(f"{{{_ENVELOPE}}}Body")
    if body is None or len(body) != 1:
        raise Fault("The envelope holds no operation.")
    return body[0]


def _known(agresso: Agresso, operation: Element) -> None:
    user, password, client = (_text(operation, name) for name in ("Username", "Password", "Client"))
    if agresso.users.get(user) != password or agresso.faults.homeless:
        raise Fault("Login failed. Unauthorized.")
    if client != COMPANY:
        raise Fault(f"Client '{client}' is not valid.")


def _text(operation: Element, name: str) -> str:
    found = operation.find(f".//{{*}}{name}")
    return (found.text or "").strip() if found is not None else ""


def _about(_agresso: Agresso, _operation: Element) -> str:
    return "<AboutResult>Stand-in of QueryEngineService</AboutResult>"


def _template_list(agresso: Agresso, operation: Element) -> str:
    _known(agresso, operation)
    each = "".join(
        f"<TemplateHeader><TplId>{number}</TplId><Name>{escape(name)}</Name></TemplateHeader>"
        for number, (name, _, _) in TEMPLATES.items()
    )
    told = f"<TemplateHeaderList>{each}</TemplateHeaderList>"
    return f"<GetTemplateListResult><ReturnCode>0</ReturnCode>{told}</GetTemplateListResult>"


def _columns(agresso: Agresso, operation: Element) -> str:
    _known(agresso, operation)
    _, columns, _ = _template(operation)
    each = "".join(
        f"<SearchCriteriaProperties><ColumnName>{name}</ColumnName><Description>{name}</Description>"
        f"<RestrictionType>=</RestrictionType><FromValue/><ToValue/><DataType>{kind}</DataType>"
        "<DataLength>25</DataLength></SearchCriteriaProperties>"
        for name, _, kind in columns
    )
    told = f"<SearchCriteriaPropertiesList>{each}</SearchCriteriaPropertiesList>"
    return f"<GetSearchCriteriaResult><ReturnCode>0</ReturnCode>{told}</GetSearchCriteriaResult>"


def _template(operation: Element) -> tuple[str, Columns, str]:
    number = int(_text(operation, "TemplateId") or 0)
    if number not in TEMPLATES:
        raise Fault(f"Template {number} does not exist.")
    return TEMPLATES[number]


def _result(agresso: Agresso, operation: Element) -> str:
    _known(agresso, operation)
    _, columns, name = _template(operation)
    tests = [_criterion(each, columns) for each in operation.iter("{*}SearchCriteriaProperties")]
    if agresso.faults.sick:
        told = f"<TemplateResult>{escape('<Agresso/>')}</TemplateResult>"
        return f"<GetTemplateResultAsXMLResult>{_sick(agresso)}{told}</GetTemplateResultAsXMLResult>"
    first, last = int(_text(operation, "FirstRecord") or 1), int(_text(operation, "LastRecord") or _ALL)
    test = (lambda row: all(each(row) for each in tests)) if tests else None
    page = listed(agresso, name, test, first - 1, last - first + 1)
    inside = "".join(_row(row, columns, first + at) for at, row in enumerate(page))
    ending = f"<_recno>{first + len(page)}</_recno><_section>T</_section><tab>A</tab>"
    total = f"<AgressoQE><amount>0</amount>{ending}</AgressoQE>"
    result = escape(f"<Agresso>{inside}{total if page else ''}</Agresso>")
    return (
        "<GetTemplateResultAsXMLResult><ReturnCode>0</ReturnCode><Status>OK</Status>"
        f"<TemplateResult>{result}</TemplateResult></GetTemplateResultAsXMLResult>"
    )


def _sick(agresso: Agresso) -> str:
    return f"<ReturnCode>120</ReturnCode><Status>{escape(agresso.faults.sick)}</Status>"


def _row(row: Mapping[str, Any], columns: Columns, number: int) -> str:
    cells = "".join(f"<{name}>{escape(_told(value_at(row, path)))}</{name}>" for name, path, _ in columns)
    return f"<AgressoQE>{cells}<_recno>{number}</_recno><_section>D</_section><tab>B</tab></AgressoQE>"


def _told(value: Any) -> str:
    return "" if value is None else str(value)


def _criterion(stated: Element, columns: Columns) -> Callable[[Mapping[str, Any]], bool]:
    known = {name: (path, kind) for name, path, kind in columns}
    name, relation = _text(stated, "ColumnName"), _text(stated, "RestrictionType") or "="
    if name not in known:
        raise Fault(f"The column '{name}' is not in the template.")
    if relation not in _RELATIONS:
        raise Fault(f"The restriction '{relation}' is unknown.")
    path, kind = known[name]
    wanted, compare = _comparable(_text(stated, "FromValue"), kind), _RELATIONS[relation]
    return lambda row: compare(_comparable(_told(value_at(row, path)), kind), wanted)


def _comparable(value: str, kind: int) -> Any:
    return float(value or 0) if kind in {3, 21} else value


_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda held, wanted: bool(held == wanted),
    "<>": lambda held, wanted: bool(held != wanted),
    ">=": lambda held, wanted: bool(held >= wanted),
    "<=": lambda held, wanted: bool(held <= wanted),
    ">": lambda held, wanted: bool(held > wanted),
    "<": lambda held, wanted: bool(held < wanted),
    "!()": lambda held, wanted: bool(held != wanted),
}


def _execute(agresso: Agresso, operation: Element) -> str:
    _known(agresso, operation)
    process, document = _text(operation, "ServerProcessId"), operation.find(".//{*}Xml")
    if process not in PROCESSES:
        raise Fault(f"The server process '{process}' does not exist.")
    if document is None or not _is_cdata(document):
        raise Fault("The XML must be a CDATA section.")
    number = 7001 + len(agresso.imports)
    verdict = _verdict(process, (document.text or "").encode())
    if process == "CS15" and not verdict:
        _change_supplier(agresso, document.text or "")
    agresso.imports.append(
        {
            "order": number,
            "process": process,
            "xml": document.text or "",
            "looks": 0,
            "verdict": verdict,
            "stands_at": time.monotonic() + agresso.faults.importing,
        }
    )
    return (
        "<ExecuteServerProcessAsynchronouslyResult><ReturnCode>0</ReturnCode><Status>OK</Status>"
        f"<OrderNumber>{number}</OrderNumber></ExecuteServerProcessAsynchronouslyResult>"
    )


def _change_supplier(agresso: Agresso, document: str) -> None:
    root = etree.fromstring(document.encode(), _PARSER)
    agresso.city.references[_text(root, "ApArNo")] = _text(root, "ExtApArRef")


def _is_cdata(element: Element) -> bool:
    return b"<![CDATA[" in etree.tostring(element)


_ROOTS = {"LG04": "ABWOrder", "GL07": "ABWTransaction", "CS15": "ABWSupplierCustomer"}


def _verdict(process: str, content: bytes) -> str:
    try:
        document = etree.fromstring(content, _PARSER)
    except etree.XMLSyntaxError as error:
        return f"The XML is not well-formed: {error.msg}"
    root = etree.QName(document).localname
    if root != _ROOTS[process]:
        return f"{process} takes {_ROOTS[process]}, not {root}."
    is_sale = _text(document, "TransType") == SALES_ORDER
    return "The sales order has no customer." if is_sale and not _text(document, "BuyerNo") else ""


def _get_result(agresso: Agresso, operation: Element) -> str:
    """The first look finds it still at work; what was wrong with it is told in the end."""
    _known(agresso, operation)
    number = int(_text(operation, "OrderNumber") or 0)
    found = next((each for each in agresso.imports if each["order"] == number), None)
    if found is None:
        raise Fault(f"There is no order {number}.")
    found["looks"] += 1
    running = found["looks"] < 2 or not stands(found)
    code, said = (1, "Running") if running else _ended(found["verdict"])
    return f"<GetResultResult><ReturnCode>{code}</ReturnCode><Status>{escape(said)}</Status></GetResultResult>"


def _ended(verdict: str) -> tuple[int, str]:
    return (2, verdict) if verdict else (0, "Finished")


def _timesheet(agresso: Agresso, operation: Element) -> str:
    _known(agresso, operation)
    if agresso.faults.sick:
        return f"<GetTimesheetResult>{_sick(agresso)}</GetTimesheetResult>"
    begins, ends = _text(operation, "FromDate"), _text(operation, "ToDate")
    rows = (agresso.city.hours(index) for index in range(agresso.hour_rows))
    each = "".join(_worked(row) for row in rows if begins <= row["Day"] <= (ends or "9999"))
    return f"<GetTimesheetResult><ReturnCode>0</ReturnCode><Rows>{each}</Rows></GetTimesheetResult>"


def _worked(row: Mapping[str, str]) -> str:
    head = "".join(f"<{name}>{row[name]}</{name}>" for name in ("ResourceId", "TimeCode", "Project", "Activity"))
    day = f"<WorkDay><Day>{row['Day']}</Day><HoursWorked>{row['HoursWorked']}</HoursWorked></WorkDay>"
    return f"<TimesheetRow>{head}<WorkDays>{day}</WorkDays></TimesheetRow>"


_OPERATIONS: dict[str, Callable[[Agresso, Element], str]] = {
    "About": _about,
    "GetTemplateList": _template_list,
    "GetSearchCriteria": _columns,
    "GetTemplateResultAsXML": _result,
    "ExecuteServerProcessAsynchronously": _execute,
    "GetResult": _get_result,
    "GetTimesheet": _timesheet,
}


def _fault(agresso: Agresso, said: str) -> Reply:
    told = f"<faultcode>soap:Client</faultcode><faultstring>{escape(said)}</faultstring>"
    if agresso.faults.newer:
        reason = f'<soap:Reason><soap:Text xml:lang="en">{escape(said)}</soap:Text></soap:Reason>'
        told = f"<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>{reason}"
    envelope = _enveloped(f"<soap:Fault>{told}</soap:Fault>", _NEWER if agresso.faults.newer else _ENVELOPE)
    return Reply(200 if agresso.faults.polite else 500, envelope, {"Content-Type": "text/xml; charset=utf-8"})


def _enveloped(body: str, namespace: str = _ENVELOPE) -> bytes:
    envelope = f'<soap:Envelope xmlns:soap="{namespace}"><soap:Body>{body}</soap:Body></soap:Envelope>'
    return f'<?xml version="1.0"?>{envelope}'.encode()
