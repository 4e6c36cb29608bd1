"""Agresso (Unit4 ERP): the plugin presents itself. What is pulled from it, and what is written to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from hub.plugin import hookimpl
from hub.plugin.connector import Connector
from hub.plugin.demonstration import Demonstration
from hub.plugin.ports import Extract
from hub_agresso.billing.listing import BillingList
from hub_agresso.commands import agresso
from hub_agresso.connectors import CONNECTORS, DEMONSTRATION, PURCHASING
from hub_agresso.purchase_orders import CallOffList
from hub_agresso.references import ORDER_REFERENCES, SUPPLIER_REFERENCES, ReferenceList


@hookimpl
def hub_connectors() -> Iterable[Connector]:
    """The web API, the SOAP services, extracts as files and the file drop."""
    return CONNECTORS


@hookimpl
def hub_commands() -> Iterable[click.Command]:
    """`hub agresso`."""
    return (agresso,)


@hookimpl
def hub_extracts() -> Iterable[Extract[Any]]:
    """Lists of contract references (for orders, for suppliers), of what is to be billed, and of what to order."""
    return (ReferenceList(ORDER_REFERENCES), ReferenceList(SUPPLIER_REFERENCES), BillingList(), CallOffList())


@hookimpl
def hub_demonstration() -> Iterable[Demonstration]:
    """A drop folder with an import that fetches from it, and a web API with the city's orders."""
    return (DEMONSTRATION, PURCHASING)
