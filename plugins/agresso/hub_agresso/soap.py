"""Agresso's SOAP services: envelopes written here, answers parsed safely, and their failures in our words.

The password stands in the body of every call, so no body of ours is ever told. A template's result is XML within a
string: it is parsed twice, never mended as text.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias
from xml.sax.saxutils import escape

from lxml import etree
from xmlrules import Limits, Unsafe, parse

from hub.domain.masking import masked_text
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.http import Http
from hub_agresso.rows import UNFIT, shown
from hub_agresso.settings import SoapSettings
from hub_agresso.web_api import LARGEST_PAGE

Element: TypeAlias = etree._Element
BASE = "http://services.agresso.com/"
IMPORT, TIMESHEET = "ImportService/ImportV200606", "TimesheetService/TimesheetV201205"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_LIMITS = Limits(max_bytes=LARGEST_PAGE, max_depth=60, allow_mixed=True)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_FAULT = re.compile(rb"<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?Fault[\s>]")
_ENVELOPE_HEAD = 16_384
_REFERENCE = re.compile(rb"&#(?:[xX](?P<hex>[0-9a-fA-F]{1,8})|(?P<number>[0-9]{1,10}));")
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RUNNING, _FINISHED = 1, 0
_FIRST_LOOK, _LONGEST_LOOK = 0.2, 10.0


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on a template's column: `Criterion("last_update", ">=", "2026-06-01T00:00:00", 8)`.

    `kind` is Agresso's data type: 10 text, 3 and 21 numbers, 8 date.
    """

    column: str
    relation: str
    value: str
    kind: int = 10


class Services:
    """The services behind one address. Nothing is asked before the first verb."""

    def __init__(
        self, settings: SoapSettings, http: Http | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._http = http or Http(authorities=settings.authorities or None, secrets=settings.secrets)
        self._sleep = sleep

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def told(self, said: str) -> str:
        """Agresso's own words without what may not be told."""
        return masked_text(self._http.told(said))

    def templates(self) -> dict[int, str]:
        """The templates the user may read, by number."""
        told = self._answer(self._queries, "GetTemplateList", "")
        each = told.iter("{*}TemplateHeader")
        return {int(_text(header, "TplId") or 0): _text(header, "Name") for header in each}

    def columns(self, template: int) -> tuple[str, ...]:
        """The columns that may be searched by in a template."""
        told = self._answer(self._queries, "GetSearchCriteria", f"<q:TemplateId>{template}</q:TemplateId>")
        return tuple(_text(each, "ColumnName") for each in told.iter("{*}SearchCriteriaProperties"))

    def result(self, template: int, first: int, last: int, criteria: Sequence[Criterion] = ()) -> bytes:
        """The rows from the first to the last, counted from 1: the answer as it came; see `rows_of`."""
        options = f"<q:FirstRecord>{first}</q:FirstRecord><q:LastRecord>{last}</q:LastRecord>"
        searched = "".join(_criterion(each) for each in criteria)
        asked = (
            f"<q:input><q:TemplateId>{template}</q:TemplateId>"
            f"<q:TemplateResultOptions><q:ShowDescriptions>true</q:ShowDescriptions>{options}</q:TemplateResultOptions>"
            f"<q:SearchCriteriaPropertiesList>{searched}</q:SearchCriteriaPropertiesList></q:input>"
        )
        return self._called(self._queries, "GetTemplateResultAsXML", asked)

    def start_import(self, process: str, menu: str, variant: int, content: bytes) -> int:
        """Hand a file to a server process (LG04, GL07, CS15); the order number to ask its result by.

        Carried out once: a try whose answer is lost raises Unavailable, and may have come through.
        """
        stated = (
            f"<q:input><q:ServerProcessId>{escape(process)}</q:ServerProcessId><q:MenuId>{escape(menu)}</q:MenuId>"
            f"<q:Variant>{variant}</q:Variant><q:Xml>{_cdata(content)}</q:Xml></q:input>"
        )
        told = self._answer(IMPORT, "ExecuteServerProcessAsynchronously", stated, once=True)
        number = _text(told, "OrderNumber")
        if not number.isdigit():
            raise Unavailable(_NO_ORDER_NUMBER)
        return int(number)

    def import_result(self, number: int) -> str:
        """Wait for an import's end; what it said. Raises Rejected when it failed, and when it goes on for too long:
        what is tried again by itself would be handed in again."""
        ends, pause = time.monotonic() + self._settings.import_patience, _FIRST_LOOK
        while True:
            told = self._result_of(number)
            code, said = _text(told, "ReturnCode"), _text(told, "Status")
            if code == str(_FINISHED):
                return said
            if code not in {str(_RUNNING), ""}:  # what does not say how it went has not ended
                raise Rejected((_import_failed(number, said),))
            if time.monotonic() + pause > ends:
                raise Rejected((_still_running(number),), uncertain=True)
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_LOOK)

    def _result_of(self, number: int) -> Element:
        try:
            return _body(self._called(IMPORT, "GetResult", f"<q:OrderNumber>{number}</q:OrderNumber>"))
        except Rejected as fault:  # of the question: the import was handed in, and goes on by itself
            raise Rejected(fault.reasons, uncertain=True) from fault

    def timesheet(self, begins: date, ends: date) -> bytes:
        """What was worked in those days: the answer as it came; see `worked_in`."""
        asked = f"<q:FromDate>{begins.isoformat()}</q:FromDate><q:ToDate>{ends.isoformat()}</q:ToDate>"
        return self._called(TIMESHEET, "GetTimesheet", asked)

    @property
    def _queries(self) -> str:
        return f"QueryEngineService/QueryEngine{self._settings.query_engine}"

    def _answer(self, service: str, operation: str, asked: str, once: bool = False) -> Element:
        body = _body(self._called(service, operation, asked, once))
        if _text(body, "ReturnCode"):  # lists and imports may say nothing of it
            _demand_success(body, self.told)
        return body

    def _called(self, service: str, operation: str, asked: str, once: bool = False) -> bytes:
        settings = self._settings
        credentials = (
            f"<q:credentials><q:Username>{escape(settings.user)}</q:Username>"
            f"<q:Client>{escape(settings.company)}</q:Client>"
            f"<q:Password>{escape(settings.password.get_secret_value())}</q:Password></q:credentials>"
        )
        body = f'<q:{operation} xmlns:q="{BASE}{service}">{asked}{credentials}</q:{operation}>'
        answer = self._http.call(
            "POST",
            f"{settings.address}?{service}",
            headers={
                "Content-Type": "text/xml;charset=UTF-8",
                "SOAPAction": f'"{BASE}{service}/{operation}"',
            },
            content=f'<s:Envelope xmlns:s="{_ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>'.encode(),
            timeout=settings.timeout,
            once=once,
            allow={500},
            largest=LARGEST_PAGE,
        )
        if answer.status == 500 or _FAULT.search(answer.content[:_ENVELOPE_HEAD]):
            raise _failure(answer.content, operation, self.told)
        return answer.content


def rows_of(answer: bytes) -> Iterator[Mapping[str, str]]:
    """The detail rows in the answer of a template, by column; sums and part sums are left out.

    Raises Unavailable for half an answer, and for one that does not say that the template was read.
    """
    return iter(rows_told(answer)[0])


def rows_told(answer: bytes, told: Callable[[str], str] = masked_text) -> tuple[Sequence[Mapping[str, str]], int]:
    """The detail rows, see `rows_of`, and how many rows there were with the sums.

    `told` takes out of Agresso's own words what may not be told.
    """
    body = _body(answer)
    _demand_success(body, told)
    result = next(body.iter("{*}TemplateResult"), None)
    if result is None:
        raise Unavailable(_NO_RESULT)
    inner = _DECLARATION.sub("", result.text or "").encode()
    each = [_cells(row) for row in _parsed(inner).iter("{*}AgressoQE")] if inner.strip() else []
    return [values for values in each if values.get("tab", "B") == "B" and values.get("_section", "D") == "D"], len(
        each
    )


def _cells(row: Element) -> dict[str, str]:
    return {cell.tag.rpartition("}")[2]: cell.text or "" for cell in row if isinstance(cell.tag, str)}


def _demand_success(body: Element, told: Callable[[str], str]) -> None:
    """Raises Unavailable unless the answer says that all went well: what was not told is not what is not there."""
    code = _text(body, "ReturnCode")
    if code != str(_FINISHED):
        raise Unavailable(_not_carried_out(shown(code), told(_text(body, "Status"))[:300]))


def worked_in(answer: bytes, told: Callable[[str], str] = masked_text) -> Iterator[Mapping[str, str]]:
    """The days worked in a timesheet's answer, each with its project and activity.

    Raises Unavailable for half an answer, and for one that does not say that the timesheets were read.
    """
    body = _body(answer)
    _demand_success(body, told)
    for row in body.iter("{*}TimesheetRow"):
        head = {name: _text(row, name) for name in ("ResourceId", "TimeCode", "Project", "Activity")}
        for day in row.iter("{*}WorkDay"):
            yield {**head, "Day": _text(day, "Day"), "HoursWorked": _text(day, "HoursWorked")}


def _criterion(stated: Criterion) -> str:
    return (
        f"<q:SearchCriteriaProperties><q:ColumnName>{escape(stated.column)}</q:ColumnName>"
        f"<q:RestrictionType>{escape(stated.relation)}</q:RestrictionType>"
        f"<q:FromValue>{escape(stated.value)}</q:FromValue><q:DataType>{stated.kind}</q:DataType>"
        "</q:SearchCriteriaProperties>"
    )


def _cdata(content: bytes) -> str:
    """The file as a CDATA section; an end mark within it is spread over two."""
    text = content.decode("utf-8")
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _parsed(content: bytes) -> Element:
    """Agresso writes characters that XML does not have as references: they spoil their own cell, not the page."""
    try:
        return parse(_REFERENCE.sub(_known_character, content), _LIMITS).getroot()
    except Unsafe as error:
        raise Unavailable(_not_xml(error.text)) from error


def _known_character(reference: re.Match[bytes]) -> bytes:
    number = int(reference["hex"], 16) if reference["hex"] else int(reference["number"])
    known = number <= sys.maxunicode and not _NO_CHARACTER.match(chr(number))
    return reference[0] if known else UNFIT.encode()


def _body(content: bytes) -> Element:
    body = _parsed(content).find("{*}Body")
    if body is None:
        raise Unavailable(_not_xml("no Body"))
    return body


def _text(element: Element, name: str) -> str:
    found = element.find(f".//{{*}}{name}")
    return (found.text or "").strip() if found is not None else ""


def _fault_text(fault: Element) -> str:
    """What a fault says, in the words of SOAP 1.1 or of 1.2."""
    reason = fault.find(".//{*}Reason")
    return _text(fault, "faultstring") or ("" if reason is None else _text(reason, "Text"))


def _failure(content: bytes, operation: str, told: Callable[[str], str]) -> Refused | Rejected | Unavailable:
    try:
        said = told(_fault_text(parse(content, _LIMITS).getroot()))
    except Unsafe:
        return Unavailable(_not_xml("HTTP 500"))
    if re.search(r"unauthori[sz]ed|login|password|credential", said, re.IGNORECASE):
        return Refused(_not_let_in(operation, said))
    problem = Text(f"Agresso {operation} svarade med fel: {said}", f"Agresso {operation} answered with a fault: {said}")
    return Rejected((Reason("AGRESSO-FAULT", problem, _SEE_DOCTOR),))


_SEE_DOCTOR = Text(
    "Kontrollera mallens nummer, kolumnerna och företaget; hub agresso doctor prövar dem ett i taget.",
    "Check the template's number, its columns and the company; hub agresso doctor tries them one by one.",
)
_NO_RESULT = Text(
    "Agressos svar saknar resultat. Hubben försöker igen.", "Agresso's answer has no result; tried again."
)
_NO_ORDER_NUMBER = Text(
    "Agresso gav inget ordernummer för inläsningen. Hubben frågar igen innan något skickas om.",
    "Agresso gave no order number for the import. The hub asks again before anything is sent anew.",
)


def _not_let_in(operation: str, said: str) -> Text:
    return Text(
        f"Agresso {operation} släppte inte in oss ({said}). Fel användare, lösenord eller företag, eller så saknar "
        "användaren ett standardföretag (default company).",
        f"Agresso {operation} did not let us in ({said}). A wrong user, password or company, or the user has no "
        "default company.",
    )


def _not_carried_out(code: str, said: str) -> Text:
    sv, en = code or "saknas", code or "missing"
    return Text(
        f"Agresso utförde inte det som begärdes (ReturnCode {sv}): {said}. Inget sparades; hubben försöker igen. Prova "
        "samma mall eller tjänst i Agresso om det består.",
        f"Agresso did not carry out what was asked (ReturnCode {en}): {said}. Nothing was kept; the hub tries again. "
        "Try the same template or service in Agresso if it goes on.",
    )


def _not_xml(said: str) -> Text:
    return Text(
        f"Agresso svarade med något som inte är hel XML ({said}). Hubben försöker igen.",
        f"Agresso answered with what is not whole XML ({said}). The hub tries again.",
    )


def _still_running(number: int) -> Reason:
    problem = Text(f"Agressos inläsning {number} pågår ännu.", f"Agresso's import {number} is still running.")
    remedy = Text(
        "Vänta tills den är klar i Agresso och kör igen: hubben ser då efter om den kom fram. Höj import_patience om "
        "serverns kö är lång.",
        "Wait until it has ended in Agresso and run again: the hub then looks whether it came through. Raise "
        "import_patience if the server's queue is long.",
    )
    return Reason("AGRESSO-STILL-RUNNING", problem, remedy, value=str(number))


def _import_failed(number: int, said: str) -> Reason:
    problem = Text(f"Agressos inläsning {number} misslyckades: {said}", f"Agresso's import {number} failed: {said}")
    remedy = Text(
        "Se inläsningens rapport i Agresso, rätta och kör igen.", "See its report in Agresso, mend, run again."
    )
    return Reason("AGRESSO-IMPORT", problem, remedy, value=str(number))
