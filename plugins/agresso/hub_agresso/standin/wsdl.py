"""The WSDL of the stand-in's services, document/literal, as far as their operations are used."""

from __future__ import annotations

from hub_agresso.standin.soap import BASE, IMPORT, OLD_QUERY, QUERY, TIMESHEET

_CREDENTIALS = ("Username", "Client", "Password")
_OPTIONS = ("ShowDescriptions", "Aggregated", "OverrideAggregation", "CalculateFormulas")
_CRITERION = (
    "ColumnName",
    "Description",
    "RestrictionType",
    "FromValue",
    "ToValue",
    "DataType",
    "DataLength",
    "DataCase",
    "IsParameter",
    "IsVisible",
    "IsPrompt",
    "RelDateCrit",
)


def of(service: str, address: str) -> bytes:
    """The WSDL of that service, at that address."""
    operations = _OPERATIONS[service]
    elements = "".join(_elements(name, taken, told) for name, (taken, told) in operations.items())
    messages = "".join(
        f'<message name="{name}{end}"><part name="parameters" element="tns:{name}{tail}"/></message>'
        for name in operations
        for end, tail in (("In", ""), ("Out", "Response"))
    )
    ports = "".join(
        f'<operation name="{name}"><input message="tns:{name}In"/><output message="tns:{name}Out"/></operation>'
        for name in operations
    )
    bindings = "".join(
        f'<operation name="{name}"><soap:operation soapAction="{BASE}{service}/{name}" style="document"/>'
        '<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>'
        for name in operations
    )
    short = service.partition("/")[2]
    return (
        '<?xml version="1.0" encoding="utf-8"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" '
        'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:tns="{BASE}{service}" targetNamespace="{BASE}{service}"><types><xs:schema '
        f'elementFormDefault="qualified" targetNamespace="{BASE}{service}">{elements}{_TYPES}</xs:schema></types>'
        f'{messages}<portType name="{short}Soap">{ports}</portType><binding name="{short}Soap" type="tns:{short}Soap">'
        f'<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>{bindings}</binding><service name="{short}">'
        f'<port name="{short}Soap" binding="tns:{short}Soap"><soap:address location="{address}"/></port></service>'
        "</definitions>"
    ).encode()


def _sequence(names: tuple[str, ...]) -> str:
    return "".join(f'<xs:element name="{name}" type="xs:string" minOccurs="0"/>' for name in names)


def _typed(name: str, inside: str) -> str:
    return f'<xs:complexType name="{name}"><xs:sequence>{inside}</xs:sequence></xs:complexType>'


def _elements(name: str, taken: str, told: str) -> str:
    asked = f"<xs:complexType><xs:sequence>{taken}</xs:sequence></xs:complexType>"
    result = (
        f'<xs:complexType><xs:sequence><xs:element name="{name}Result" type="{told}"/></xs:sequence></xs:complexType>'
    )
    return f'<xs:element name="{name}">{asked}</xs:element><xs:element name="{name}Response">{result}</xs:element>'


def _element(name: str, kind: str, many: bool = False) -> str:
    often = ' maxOccurs="unbounded"' if many else ""
    return f'<xs:element name="{name}" type="{kind}" minOccurs="0"{often}/>'


_TYPES = "".join(
    (
        _typed("Credentials", _sequence(_CREDENTIALS)),
        _typed("Options", _sequence((*_OPTIONS, "FormatAlternativeBreakColumns", "RemoveHiddenColumns", "Filter"))
               + _sequence(("FirstRecord", "LastRecord"))),
        _typed("Criterion", _sequence(_CRITERION)),
        _typed("Criteria", _element("SearchCriteriaProperties", "tns:Criterion", many=True)),
        _typed("Asked", _element("TemplateId", "xs:long") + _element("TemplateResultOptions", "tns:Options")
               + _element("SearchCriteriaPropertiesList", "tns:Criteria")),
        _typed("Result", _element("ReturnCode", "xs:int") + _sequence(("Status", "TemplateResult", "OrderNumber"))),
        _typed("Header", _sequence(("TplId", "Name"))),
        _typed("Headers", _element("TemplateHeader", "tns:Header", many=True)),
        _typed("TemplateList", _element("ReturnCode", "xs:int") + _element("TemplateHeaderList", "tns:Headers")),
        _typed("CriteriaList", _element("ReturnCode", "xs:int")
               + _element("SearchCriteriaPropertiesList", "tns:Criteria")),
        _typed("Process", _sequence(("ServerProcessId", "MenuId", "Variant", "ParameterList", "Xml"))),
        _typed("WorkDay", _sequence(("Day", "HoursWorked"))),
        _typed("WorkDays", _element("WorkDay", "tns:WorkDay", many=True)),
        _typed("TimesheetRow", _sequence(("ResourceId", "TimeCode", "Project", "Activity"))
               + _element("WorkDays", "tns:WorkDays")),
        _typed("Rows", _element("TimesheetRow", "tns:TimesheetRow", many=True)),
        _typed("Timesheet", _element("ReturnCode", "xs:int") + _element("Rows", "tns:Rows")),
    )
)  # fmt: skip
_CREDITED = _element("credentials", "tns:Credentials")
_ASKED = _element("input", "tns:Asked") + _CREDITED
_QUERIES = {
    "About": ("", "xs:string"),
    "GetTemplateList": (_CREDITED, "tns:TemplateList"),
    "GetSearchCriteria": (_sequence(("TemplateId",)) + _CREDITED, "tns:CriteriaList"),
    "GetTemplateResultAsXML": (_ASKED, "tns:Result"),
}
_OPERATIONS: dict[str, dict[str, tuple[str, str]]] = {
    QUERY: _QUERIES,
    OLD_QUERY: _QUERIES,
    IMPORT: {
        "ExecuteServerProcessAsynchronously": (_element("input", "tns:Process") + _CREDITED, "tns:Result"),
        "GetResult": (_sequence(("OrderNumber",)) + _CREDITED, "tns:Result"),
    },
    TIMESHEET: {"GetTimesheet": (_sequence(("ResourceId", "FromDate", "ToDate")) + _CREDITED, "tns:Timesheet")},
}
