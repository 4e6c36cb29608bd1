"""Events as sales orders, by ImportService."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hub.domain.billing import Billable
from hub.domain.changes import Change, Receipt
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Fitted, Holding
from hub_agresso.billing import BILLING
from hub_agresso.billing.rules import demand_corrected, fitted, is_new, is_ours, receipt_of, stands
from hub_agresso.feeds import Noun, TemplateFeed, demanded_template
from hub_agresso.sales_orders import COLUMNS, ELEMENTS, named, shown, written
from hub_agresso.settings import SoapSettings
from hub_agresso.soap import Criterion, Services, rows_of
from hub_agresso.writing import Patience, demand, demand_asked


def columns_of(settings: SoapSettings) -> dict[str, str]:
    """What the template's columns are called there."""
    return named(settings.billing_columns, COLUMNS)


class BillingImport:
    """Events as sales orders, by LG04 imports; `billing_template` shows them. See `hub.plugin.ports.Register`."""

    def __init__(
        self,
        settings: SoapSettings,
        services: Services | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._services = settings, services or Services(settings, sleep=sleep)
        self._columns = columns_of(settings)
        self._patience = Patience(settings.import_patience, sleep)

    def fit(self, record: Billable) -> Fitted:
        """The event as the sales order holds it."""
        return fitted(self._settings, record)

    def holdings(self) -> Iterator[Holding]:
        """Every order that bears our mark."""
        template = demanded_template(self._settings.billing_template, "billing_template")
        told: set[str] = set()
        for row in self._listing(template).everything():
            reference, held = self._understood(row.values)
            if reference.startswith(self._mark) and reference not in told and is_ours(self._settings, held):
                told.add(reference)
                yield Holding(reference.removeprefix(self._mark), held)

    def existing(self, change: Change) -> Receipt | None:
        """The order, if an earlier try came through; one that may be under way is waited for.

        Raises Refused while nothing may be billed.
        """
        demand(self._settings, BILLING)
        reference = self._mark + change.address
        return self._patience.find(change, reference, lambda: self._standing(change), lambda: self._before(change))

    def apply(self, change: Change) -> Receipt:
        """Hand it in, wait for its end, and see that it stands."""
        demand(self._settings, BILLING)
        before = None if self._patience.just_missed(change) else self._before(change)
        if before is not None:
            return before
        details = {"import": str(self._handed_in(change))}
        found = self._patience.watch(lambda: self._shown(change, details))
        if found is None:
            raise Rejected((_not_there(change),), uncertain=True)
        return found

    def close(self) -> None:
        """Let go of connections."""
        self._services.close()

    def _before(self, change: Change) -> Receipt | None:
        """The order that stands; None for one that is still to be handed in, and may be. Raises Rejected."""
        row = self._row(self._mark + change.address)
        held = None if row is None else self._understood(row)[1]
        if not is_new(change, held) and row is not None:
            return self._receipt(change, row, {})
        corrects = change.fields.get("corrects", "")
        if corrects:
            demand_corrected(change, self._held(corrects))
        return None

    def _handed_in(self, change: Change) -> int:
        """Hand the event in and wait for the import's end; its number."""
        content = written(self._mark + change.address, change.fields, named(self._settings.billing_elements, ELEMENTS))
        settings = self._settings
        number = self._services.start_import("LG04", settings.billing_menu, settings.billing_variant, content)
        self._services.import_result(number)
        return number

    @property
    def _mark(self) -> str:
        return self._settings.billing_mark

    def _listing(self, template: int) -> TemplateFeed:
        by_reference = Noun(lambda row: row, (self._columns["reference"],))
        return TemplateFeed(by_reference, template, self._settings, self._services)

    def _understood(self, values: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """A row's reference, and what else it says of the order."""
        said = shown(values, self._columns)
        said.pop("order", None)
        return said.pop("reference", ""), said

    def _row(self, reference: str) -> Mapping[str, str] | None:
        criterion = Criterion(self._columns["reference"], "=", reference)
        found = list(rows_of(self._services.result(self._settings.billing_template, 1, 2, (criterion,))))
        for row in found:
            demand_asked(criterion.column, reference, row.get(criterion.column, ""))
        return found[0] if found else None

    def _held(self, reference: str) -> dict[str, str] | None:
        row = self._row(reference)
        return None if row is None else self._understood(row)[1]

    def _standing(self, change: Change) -> Receipt | None:
        row = self._row(self._mark + change.address)
        if row is None or not stands(change, self._understood(row)[1]):
            return None
        return self._receipt(change, row, {})

    def _shown(self, change: Change, details: Mapping[str, str]) -> Receipt | None:
        """The receipt of the order that bears the reference, whatever it says."""
        row = self._row(self._mark + change.address)
        return None if row is None else self._receipt(change, row, details)

    def _receipt(self, change: Change, row: Mapping[str, str], details: Mapping[str, str]) -> Receipt:
        return receipt_of(change, row.get(self._columns["order"], "") or change.address, details)


def _not_there(change: Change) -> Reason:
    problem = Text(
        "Inläsningen sade sig klar, men ordern finns inte i billing_template.",
        "The import said that it was done, but the order is not in billing_template.",
    )
    remedy = Text(
        "Se inläsningens rapport i Agresso, och att mallen visar kolumnen med vår referens. Finns ordern inte: kör "
        "igen, så lämnas den in. Finns den: avskriv den här, så lämnas den aldrig in på nytt.",
        "See the import's report in Agresso, and that the template shows the column with our reference. If the order "
        "is not there: replay it, and it is handed in. If it is: dismiss it here, and it is never handed in again.",
    )
    return Reason("BILLING-NOT-THERE", problem, remedy, value=change.address)
