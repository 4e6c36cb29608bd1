"""A read-only look at a real installation: everything the hub relies on, tried one by one, with what to do about it.

Nothing is written, nothing secret is told, and one thing that fails does not keep the others from being tried; a login
that is refused does, since accounts are locked after a few.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel

from hub.domain.texts import Text
from hub.plugin.errors import Failure, Refused, Unavailable
from hub.plugin.files import FilePlace, check_place
from hub.plugin.http import Answer, Http
from hub.plugin.ports import Check
from hub_agresso.billing import BILLING
from hub_agresso.billing.importing import columns_of
from hub_agresso.feeds import LEDGER, ORDERS, SUPPLIERS, Noun
from hub_agresso.imports import IMPORT_COLUMNS
from hub_agresso.rows import BROWSER, WEB_API, Row, Unreadable
from hub_agresso.settings import DateForm, Remote, SoapSettings, WebApiSettings
from hub_agresso.soap import Services, rows_of, worked_in
from hub_agresso.web_api import WebApi, literal

_FEW_DAYS = 30
_DATE_FORMS = Text("Datumets skrivsätt i filter", "The form of dates in filters")
_LONG_AGO, _FAR_OFF = datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
_UNTRIED = Check(
    Text("Det övriga", "The rest"),
    False,
    Text(
        "prövades inte: inloggningen nekades, och fler nekade försök kan låsa kontot. Rätta den och kör igen.",
        "was not tried: the login was refused, and more refused tries might lock the account. Mend it and run again.",
    ),
)
_NEEDED = {
    "orders": ("company", "order", "supplier", "line", "quantity", "unit_price", "amount", "updated_at"),
    "suppliers": ("company", "supplier", "name", "organisation_number", "status", "updated_at"),
    "ledger": ("company", "voucher", "sequence", "account", "amount", "booked_on", "updated_at"),
}


def examine(settings: BaseModel) -> Iterator[Check]:
    """Everything there is to try of a connection with those settings."""
    if isinstance(settings, Remote):
        yield from _door(settings)
    if isinstance(settings, WebApiSettings):
        http = _Watched(settings)
        with closing(WebApi(settings, http)) as api:
            yield from _until(lambda: http.shut_out, _web_api(settings, api))
    elif isinstance(settings, SoapSettings):
        with closing(Services(settings)) as services:
            entry = _Entry()
            yield _tried(Text("Inloggning i QueryEngine", "Login to QueryEngine"), partial(entry.knock, services))
            yield from [_UNTRIED] if entry.refused else _soap(settings, services)
    elif isinstance(settings, FilePlace):
        yield from check_place(settings)


class _Watched(Http):
    """Sees whether the last call was refused a login: by the web API, or by the identity service, which alone is
    posted to."""

    def __init__(self, settings: WebApiSettings) -> None:
        super().__init__(authorities=settings.authorities or None, secrets=settings.secrets)
        self.shut_out = False

    def call(self, method: str, url: str, **stated: Any) -> Answer:
        """See `Http.call`."""
        answer = super().call(method, url, **stated)
        self.shut_out = answer.status == 401 or (method == "POST" and answer.status >= 400)
        return answer


@dataclass(slots=True)
class _Entry:
    """The login to the SOAP services, which stands in each call."""

    refused: bool = False

    def knock(self, services: Services) -> Text:
        """Log in and count the templates. Raises the three failures."""
        try:
            return _counted(len(services.templates()))
        except Refused:
            self.refused = True
            raise


def _until(is_shut_out: Callable[[], bool], checks: Iterator[Check]) -> Iterator[Check]:
    """The checks, up to the first refused login: one more might lock the account."""
    for check in checks:
        yield check
        if is_shut_out():
            yield _UNTRIED
            return


def _door(settings: Remote) -> Iterator[Check]:
    """Whether the server is reached, and how long its certificate lasts."""
    parts = urlsplit(settings.address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = Text(f"{parts.hostname}:{port} nås", f"{parts.hostname}:{port} is reached")
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=10) as reached:
            yield Check(name, True, Text("svarar", "answers"))
            if parts.scheme == "https":
                yield _certificate(reached, parts.hostname or "", settings.authorities)
    except OSError as error:
        said = error.strerror or str(error) or type(error).__name__
        yield Check(name, False, Text(f"nås inte: {said}", f"is not reached: {said}"))


def _certificate(reached: socket.socket, host: str, authorities: str) -> Check:
    name = Text("Certifikatet gäller", "The certificate is valid")
    try:
        context = ssl.create_default_context(cafile=authorities or None)
        with context.wrap_socket(reached, server_hostname=host) as wrapped:
            ends = ssl.cert_time_to_seconds(str((wrapped.getpeercert() or {})["notAfter"]))
    except (OSError, KeyError) as error:
        said = getattr(error, "verify_message", type(error).__name__)
        return Check(name, False, Text(f"går inte att verifiera: {said}", f"cannot be verified: {said}"))
    days = int((ends - datetime.now(UTC).timestamp()) // 86_400)
    return Check(name, days > _FEW_DAYS, Text(f"{days} dygn kvar", f"{days} days left"), days)


def _web_api(settings: WebApiSettings, api: WebApi) -> Iterator[Check]:
    objects = {"orders": settings.orders_object, "suppliers": settings.suppliers_object}
    for noun, name in {**objects, "ledger": settings.ledger_object}.items():
        readable = Text(f"Objektet {name} kan läsas", f"The object {name} can be read")
        yield _tried(readable, partial(_rows, api, name))
        yield _columns(api, noun, name)
    yield from _date_forms(settings, api)
    yield _foreign_company(settings, api)


def _rows(api: WebApi, name: str) -> Text:
    number = len(json.loads(api.page(name, limit=5)))
    return Text(f"{number} rader av högst 5", f"{number} rows of at most 5")


def _columns(api: WebApi, noun: str, name: str) -> Check:
    """Whether the rows of an object have what the hub reads."""

    def look() -> Text:
        rows = json.loads(api.page(name, limit=1))
        if not rows:
            return Text("inga rader att se på", "no rows to look at")
        missing = [WEB_API[each] for each in _NEEDED[noun] if not _has(rows[0], WEB_API[each])]
        if missing:
            raise Unavailable(_lacks(missing))
        return Text("alla kolumner finns", "every column is there")

    return _tried(Text(f"Kolumnerna i {name}", f"The columns of {name}"), look)


def _has(row: object, path: str) -> bool:
    found = row
    for part in path.split("/"):
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return True


def _date_forms(settings: WebApiSettings, api: WebApi) -> Iterator[Check]:
    """Each way of writing a date in a filter, tried: which this installation takes is not known beforehand.

    One that tells rows changed long from now was let in and left alone: it filters nothing.
    """
    taken: dict[str, bool] = {}
    for form in get_args(DateForm):
        try:
            _changed_since(settings, api, _LONG_AGO, form)
            taken[form] = not _changed_since(settings, api, _FAR_OFF, form)
        except (Unavailable, Refused) as failure:
            yield Check(_DATE_FORMS, False, _told(failure))
            return
        except (Failure, ValueError):
            continue
    understood = ", ".join(form for form, filters in taken.items() if filters) or "–"
    ignored = ", ".join(form for form, filters in taken.items() if not filters)
    told = Text(
        f"tas emot: {understood}; inställt: {settings.date_form}", f"taken: {understood}; set: {settings.date_form}"
    )
    left = (
        Text(f"; filtret följs inte: {ignored}", f"; the filter is not heeded: {ignored}") if ignored else Text("", "")
    )
    yield Check(_DATE_FORMS, taken.get(settings.date_form, False), Text(told.sv + left.sv, told.en + left.en))


def _changed_since(settings: WebApiSettings, api: WebApi, since: datetime, form: DateForm) -> list[Any]:
    where = f"{WEB_API['updated_at']} ge {literal(since, form)}"
    told = json.loads(api.page(settings.orders_object, where=where, limit=1))
    return told if isinstance(told, list) else []


def _foreign_company(settings: WebApiSettings, api: WebApi) -> Check:
    """Whether the rows are of the company that is set."""

    def look() -> Text:
        rows = json.loads(api.page(settings.orders_object, limit=5))
        companies = {Row(row, WEB_API, settings).told("company") for row in rows}
        if settings.company and companies - {settings.company, ""}:
            raise Unavailable(_other_company(", ".join(sorted(companies))))
        return Text(", ".join(sorted(companies)) or "–", ", ".join(sorted(companies)) or "–")

    return _tried(Text("Företaget är vårt", "The company is ours"), look)


def _soap(settings: SoapSettings, services: Services) -> Iterator[Check]:
    templates = {
        "orders": (ORDERS, settings.orders_template),
        "suppliers": (SUPPLIERS, settings.suppliers_template),
        "ledger": (LEDGER, settings.ledger_template),
    }
    for noun, (_, number) in templates.items():
        if number:
            yield _template(services, noun, number, [BROWSER[each] for each in _NEEDED[noun]])
    if settings.imports_template:
        yield _template(services, "imports", settings.imports_template, IMPORT_COLUMNS)
    if settings.billing_template:
        billed = {name: column for name, column in columns_of(settings).items() if name != "dimension"}
        yield _template(services, BILLING, settings.billing_template, list(billed.values()))
    yield _hours(settings, services)
    for noun, (understood, number) in templates.items():
        if number:
            yield _sample(settings, services, noun, understood, number)


def _counted(number: int) -> Text:
    return Text(f"{number} mallar för användaren", f"{number} templates for the user")


def _hours(settings: SoapSettings, services: Services) -> Check:
    def look() -> Text:
        today = settings.today()
        number = sum(1 for _ in worked_in(services.timesheet(today, today), services.told))
        return Text(f"svarar ({number} rader i dag)", f"answers ({number} rows today)")

    return _tried(Text("Tidtjänsten (Timesheet)", "The Timesheet service"), look)


def _template(services: Services, noun: str, number: int, needed: Sequence[str]) -> Check:
    def look() -> Text:
        there = set(services.columns(number))
        missing = [each for each in needed if each not in there]
        if missing:
            raise Unavailable(_lacks(missing))
        return Text(f"{len(there)} kolumner", f"{len(there)} columns")

    return _tried(Text(f"Mall {number} ({noun}) har kolumnerna", f"Template {number} ({noun}) has its columns"), look)


def _sample(settings: SoapSettings, services: Services, noun: str, understood: Noun, number: int) -> Check:
    def look() -> Text:
        rows = list(rows_of(services.result(number, 1, 5)))
        for values in rows:
            understood.understand(Row(values, BROWSER, settings))
        return Text(f"{len(rows)} rader lästa", f"{len(rows)} rows read")

    return _tried(Text(f"Mall {number} ({noun}) kan läsas", f"Template {number} ({noun}) can be read"), look)


def _tried(name: Text, look: Callable[[], Text]) -> Check:
    try:
        return Check(name, True, look())
    except Unavailable as failure:
        return Check(name, False, _told(failure))
    except Failure as failure:
        return Check(name, False, failure.text)
    except Unreadable as unreadable:
        return Check(name, False, unreadable.reason.problem)
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if error.args else type(error).__name__
        return Check(name, False, Text(f"oväntat svar: {said[:200]}", f"an unexpected answer: {said[:200]}"))


def _told(failure: Unavailable | Refused) -> Text:
    """Why it does not answer, and how long it wishes to be left alone."""
    wished = failure.retry_after if isinstance(failure, Unavailable) else None
    limit = f" (Retry-After {wished.total_seconds():.0f} s)" if wished else ""
    return Text(failure.text.sv + limit, failure.text.en + limit)


def _lacks(missing: list[str]) -> Text:
    told = ", ".join(missing)
    return Text(f"saknar {told}; lägg till kolumnerna", f"lacks {told}; add the columns")


def _other_company(companies: str) -> Text:
    return Text(f"rader hör till {companies}; begränsa objektet", f"rows are of {companies}; limit the object")
