"""Agresso (Unit4 ERP): the plugin presents itself. Here: invoices delivered to its file drop."""

from __future__ import annotations

from collections.abc import Iterable

from hub.plugin import hookimpl
from hub.plugin.connector import Connector
from hub.plugin.demonstration import Demonstration
from hub_agresso.connectors import CONNECTORS, DEMONSTRATION


@hookimpl
def hub_connectors() -> Iterable[Connector]:
    """The file drop."""
    return CONNECTORS


@hookimpl
def hub_demonstration() -> Iterable[Demonstration]:
    """A drop folder of the demonstration city, with an import that fetches from it."""
    return (DEMONSTRATION,)
