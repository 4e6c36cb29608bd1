"""Svefaktura 1.0 and Peppol BIS Billing 3: the plugin presents itself.

`invoices` is the format (with `envelopes`, `ubl`, `basic_invoice`, `values`, `refusals`), `packs` the rules it can
build, `texts` the rules in plain words, `connectors` where invoices come from.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.domain.invoices import Invoice
from hub.domain.texts import Text
from hub.plugin import hookimpl
from hub.plugin.connector import Connector, PackSource
from hub.plugin.demonstration import Demonstration
from hub.plugin.ports import Explanation, Format
from hub_svefaktura.connectors import CONNECTORS, DEMONSTRATION
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.packs import PACKS
from hub_svefaktura.texts import is_known, text_for


@hookimpl
def hub_connectors() -> Iterable[Connector]:
    """Folders and SFTP that are asked, access points that call."""
    return CONNECTORS


@hookimpl
def hub_formats() -> Iterable[Format[Invoice]]:
    """Invoices and credit notes."""
    return (INVOICES,)


@hookimpl
def hub_rule_packs() -> Iterable[PackSource]:
    """The superseded billing rules, and our own for Svefaktura."""
    return PACKS


@hookimpl
def hub_explain(rule: str, official: str, location: str, value: str) -> Explanation | None:
    """The rule in both languages; None for a rule nobody here has written about."""
    if not is_known(rule):
        return None
    sv = text_for(rule, "sv", official=official, location=location, value=value)
    en = text_for(rule, "en", official=official, location=location, value=value)
    return Explanation(Text(sv.problem, en.problem), Text(sv.remedy, en.remedy))


@hookimpl
def hub_demonstration() -> Iterable[Demonstration]:
    """The mail that the demonstration city receives."""
    return (DEMONSTRATION,)
