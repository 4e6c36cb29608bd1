"""What both ways of handing in have in common: how an event stands as a sales order, and what may become of it.

What stands billed is never changed and never removed: a correction is an event of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from hub.domain.billing import Billable
from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.money import Money
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Fitted
from hub_agresso.sales_orders import DIMENSION
from hub_agresso.settings import Billing

_LONGEST = 25


def fitted(settings: Billing, event: Billable) -> Fitted:
    """The event as a sales order holds it. Raises Rejected."""
    if settings.billing_from and event.on < settings.billing_from:
        raise Rejected((_too_old(event, settings.billing_from),), event.reference)
    if len(settings.billing_mark + event.reference) > _LONGEST:
        raise Rejected((_too_long(event),), event.reference)
    fields = {
        "corrects": settings.billing_mark + event.corrects if event.corrects else "",
        "customer": event.customer,
        "buyer_reference": event.buyer_reference,
        "date": event.on.isoformat(),
        "article": event.article,
        "description": event.description,
        "quantity": Money(event.quantity, "SEK").plain,
        "price": Money(event.price, "SEK").plain,
        **{f"{DIMENSION}{code.lower()}": value for code, value in event.dimensions},
    }
    return Fitted(event.reference, {name: value for name, value in fields.items() if value})


def is_ours(settings: Billing, fields: Mapping[str, str]) -> bool:
    """Whether the order is so late that it belongs to the list."""
    return settings.billing_from is None or fields.get("date", "") >= settings.billing_from.isoformat()


def is_new(change: Change, held: Mapping[str, str] | None) -> bool:
    """Whether the event is still to be billed. Raises Rejected for what would change what stands billed."""
    if change.kind is ChangeKind.REMOVE:
        raise Rejected((_not_listed(change.address),))
    if held is None and change.kind is ChangeKind.CREATE:
        return True
    if held is None or not stands(change, held):
        raise Rejected((_billed_otherwise(change),))
    return False


def stands(change: Change, held: Mapping[str, str]) -> bool:
    """Whether what is held is what the change would create, to the letter."""
    return change.kind is ChangeKind.CREATE and dict(change.fields) == dict(held)


def demand_corrected(change: Change, corrected: Mapping[str, str] | None) -> None:
    """See that what is corrected is billed, and that no more is credited than was. Raises Rejected."""
    if corrected is None:
        raise Rejected((_corrects_nothing(change),))
    if _amount(change.fields) + _amount(corrected) < 0:
        raise Rejected((_credits_too_much(change),))


def _amount(fields: Mapping[str, str]) -> Decimal:
    return Decimal(fields["quantity"]) * Decimal(fields["price"])


def receipt_of(change: Change, reference: str, details: Mapping[str, str]) -> Receipt:
    """That the event is billed, under the reference it has there."""
    return Receipt(datetime.now(UTC), reference, {"event": change.address, **details})


# --- words

MEND = Text(
    "Rätta raden i listan och lämna hela listan igen.", "Mend the row in the list and leave the whole list again."
)
_CORRECT = Text(
    "Det som är fakturerat ändras inte. Lägg till en rättelse i listan (correction 1, 2 …), och låt händelsen stå kvar "
    "som den var.",
    "What is billed is not changed. Add a correction to the list (correction 1, 2 …), and let the event stand there as "
    "it was.",
)


def _too_old(event: Billable, begins: date) -> Reason:
    problem = Text(
        f"Händelsen är från före {begins}, då hubben började fakturera (billing_from).",
        f"The event is from before {begins}, when the hub began to bill (billing_from).",
    )
    remedy = Text(
        "Låt listan börja den dagen, eller fakturera händelsen för hand.",
        "Let the list begin on that day, or bill the event by hand.",
    )
    return Reason("BILLING-OLD", problem, remedy, location="date", value=event.on.isoformat())


def _too_long(event: Billable) -> Reason:
    problem = Text(
        f"Ärendets nummer och märket är tillsammans längre än {_LONGEST} tecken.",
        f"The case's number and the mark together are longer than {_LONGEST} characters.",
    )
    return Reason("BILLING-LONG", problem, MEND, location="case", value=event.reference)


def _not_listed(event: str) -> Reason:
    problem = Text("Händelsen är fakturerad men finns inte i listan.", "The event is billed but not in the list.")
    return Reason("BILLING-NOT-LISTED", problem, _CORRECT, value=event)


def _billed_otherwise(change: Change) -> Reason:
    problem = Text("Händelsen är redan fakturerad, med andra uppgifter.", "It is billed already, with other values.")
    return Reason(
        "BILLING-OTHERWISE", problem, _CORRECT, location=", ".join(sorted(change.fields)), value=change.address
    )


def _corrects_nothing(change: Change) -> Reason:
    problem = Text("Rättelsen gäller något som inte är fakturerat.", "The correction is of what is not billed.")
    remedy = Text(
        "Lämna listan igen när händelsen är fakturerad.", "Leave the list again once the event itself is billed."
    )
    return Reason("BILLING-CORRECTS-NOTHING", problem, remedy, value=change.fields.get("corrects", ""))


def _credits_too_much(change: Change) -> Reason:
    problem = Text("Rättelsen krediterar mer än vad som fakturerades.", "The correction credits more than was billed.")
    return Reason("BILLING-CREDITS-TOO-MUCH", problem, MEND, value=change.address)
