"""What this plugin can speak to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.plugin.demonstration import Demonstration
from hub.plugin.files import check_place, open_inbox
from hub.plugin.ports import Check, Feed, Source
from hub_agresso.billing import BILLING
from hub_agresso.billing.dropping import open_billing_drop
from hub_agresso.billing.importing import BillingImport
from hub_agresso.extracts import ExtractFeed
from hub_agresso.feeds import (
    LEDGER,
    ORDERS,
    SUPPLIERS,
    Noun,
    TemplateFeed,
    TimesheetFeed,
    WebApiFeed,
    demanded_template,
)
from hub_agresso.imports import InvoiceImport
from hub_agresso.invoices import open_invoice_drop
from hub_agresso.purchase_orders import PURCHASE_ORDERS, PurchaseOrders
from hub_agresso.references import ORDER_REFERENCES, SUPPLIER_REFERENCES, OrderReferences, SupplierReferences
from hub_agresso.settings import ExtractSettings, FileDropSettings, SoapSettings, WebApiSettings
from hub_agresso.soap import Services
from hub_agresso.standin.imports import fetch_deliveries, open_drop_folder
from hub_agresso.standin.stage import open_web_api
from hub_agresso.web_api import WebApi


def check_file_drop(settings: FileDropSettings) -> Iterator[Check]:
    """Try the drop folder without touching what lies there."""
    yield from check_place(settings, read=False)


def check_web_api(settings: WebApiSettings) -> Iterator[Check]:
    """Ask for one row of each object."""
    with closing(WebApi(settings)) as api:
        for name in (settings.orders_object, settings.suppliers_object, settings.ledger_object):
            api.page(name, limit=1)
            yield Check(Text(f"Objektet {name}", f"The object {name}"), True, Text("svarar", "answers"))


def check_soap(settings: SoapSettings) -> Iterator[Check]:
    """Log in and look for the templates that the settings name."""
    with closing(Services(settings)) as services:
        there = services.templates()
    yield Check(Text("Inloggning", "Login"), True, Text(f"{len(there)} mallar", f"{len(there)} templates"))
    for number in _templates(settings):
        if number:
            yield _template(number, there.get(number))


def _templates(settings: SoapSettings) -> tuple[int, ...]:
    pulled = (settings.orders_template, settings.suppliers_template, settings.ledger_template)
    return (*pulled, settings.imports_template, settings.billing_template)


def _template(number: int, name: str | None) -> Check:
    missing = Text("finns inte för den här användaren", "is not there for this user")
    return Check(Text(f"Mall {number}", f"Template {number}"), name is not None, Text(name, name) if name else missing)


def check_extracts(settings: ExtractSettings) -> Iterator[Check]:
    """Try the folder without touching what lies there."""
    yield from check_place(settings)


def _by_template(noun: Noun, setting: str) -> Callable[[SoapSettings], Feed[Any]]:
    """What pulls that noun by the template that the setting names. Raises Refused when it names none."""

    def opened(settings: SoapSettings) -> TemplateFeed:
        return TemplateFeed(noun, demanded_template(getattr(settings, setting), setting), settings)

    return opened


def _lists(noun: str) -> Callable[[ExtractSettings], Source]:
    """What fetches the lists of that noun: the files whose names begin with it."""
    return lambda settings: open_inbox(settings, lambda name: name.startswith(noun))


FILE_DROP = Connector(
    name="agresso.filedrop",
    title=Text("Agresso: filer till en mapp eller över SFTP", "Agresso: files to a folder or over SFTP"),
    settings=FileDropSettings,
    check=check_file_drop,
    targets={"invoices": open_invoice_drop},
    registers={BILLING: open_billing_drop},
)

WEB_API = Connector(
    name="agresso.web",
    title=Text("Agresso: webb-API (REST)", "Agresso: web API (REST)"),
    settings=WebApiSettings,
    check=check_web_api,
    feeds={
        "orders": lambda settings: WebApiFeed(ORDERS, settings.orders_object, settings),
        "suppliers": lambda settings: WebApiFeed(SUPPLIERS, settings.suppliers_object, settings),
        "ledger": lambda settings: WebApiFeed(LEDGER, settings.ledger_object, settings),
    },
    registers={ORDER_REFERENCES: OrderReferences, PURCHASE_ORDERS: PurchaseOrders},
    every=timedelta(minutes=10),
)

SOAP = Connector(
    name="agresso.soap",
    title=Text("Agresso: SOAP (QueryEngine, Timesheet)", "Agresso: SOAP (QueryEngine, Timesheet)"),
    settings=SoapSettings,
    check=check_soap,
    feeds={
        "orders": _by_template(ORDERS, "orders_template"),
        "suppliers": _by_template(SUPPLIERS, "suppliers_template"),
        "ledger": _by_template(LEDGER, "ledger_template"),
        "hours": TimesheetFeed,
    },
    targets={"invoices": InvoiceImport},
    registers={SUPPLIER_REFERENCES: SupplierReferences, BILLING: BillingImport},
    every=timedelta(minutes=10),
)

EXTRACTS = Connector(
    name="agresso.extracts",
    title=Text("Agresso: utdrag som filer", "Agresso: extracts as files"),
    settings=ExtractSettings,
    check=check_extracts,
    feeds={
        "orders": lambda settings: ExtractFeed(ORDERS, "orders", settings),
        "suppliers": lambda settings: ExtractFeed(SUPPLIERS, "suppliers", settings),
        "ledger": lambda settings: ExtractFeed(LEDGER, "ledger", settings),
    },
    sources={noun: _lists(noun) for noun in (ORDER_REFERENCES, SUPPLIER_REFERENCES, BILLING, PURCHASE_ORDERS)},
    every=timedelta(minutes=10),
)

CONNECTORS = (FILE_DROP, WEB_API, SOAP, EXTRACTS)

DEMONSTRATION = Demonstration(
    name=Text("Agressos filmapp", "Agresso's file drop"),
    open=open_drop_folder,
    play=fetch_deliveries,
)

PURCHASING = Demonstration(
    name=Text("Agressos webb-API", "Agresso's web API"),
    open=open_web_api,
)
