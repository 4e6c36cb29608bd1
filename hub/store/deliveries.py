"""Deliveries: the intent to change something at a target, and the receipt for it.

A row is written before the target is touched and completed after; whoever finds one without a receipt asks the
target what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from hub.domain.changes import Change, ChangeKind, Plan, Receipt
from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import deliveries


@dataclass(frozen=True, slots=True)
class Delivery:
    """One change on its way to one target. Without `delivered_at` there is no receipt yet."""

    id: int
    document_id: int
    route: str
    connection: str
    plan_digest: str
    change: Change
    intended_at: datetime
    attempted_at: datetime | None
    delivered_at: datetime | None
    withdrawn_at: datetime | None
    receipt: Receipt | None

    @property
    def is_in_doubt(self) -> bool:
        """Whether it was tried and given up, and nobody knows whether it reached the target."""
        return bool(self.withdrawn_at) and _is_unanswered(self)


def intend(connection: Connection, document_id: int, plan: Plan, change: Change) -> int:
    """Write down that the change shall be made; the delivery's id. The same key again is the same delivery.

    One that was in doubt is begun anew: a person has looked.
    """
    doubted = deliveries.c.key == change.key, deliveries.c.withdrawn_at.is_not(None)
    connection.execute(update(deliveries).where(*doubted).values(attempted_at=None))
    row = {
        "document_id": document_id,
        "route": plan.route,
        "connection": plan.target,
        "key": change.key,
        "plan_digest": plan.digest,
        "change": _written(change),
        "intended_at": now(connection),
        "withdrawn_at": None,
    }
    upsert(connection, deliveries, row, ("key",))
    found: int = connection.execute(select(deliveries.c.id).where(deliveries.c.key == change.key)).scalar_one()
    return found


def get(connection: Connection, delivery_id: int) -> Delivery | None:
    """The delivery with that id."""
    row = connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one_or_none()
    return None if row is None else _delivery(row)


def of(connection: Connection, document_id: int) -> list[Delivery]:
    """The deliveries of a document, oldest first."""
    wanted = select(deliveries).where(deliveries.c.document_id == document_id).order_by(deliveries.c.id)
    return [_delivery(row) for row in connection.execute(wanted)]


def latest_to(connection: Connection, connection_name: str, limit: int = 50) -> list[Delivery]:
    """The last deliveries to that connection, the latest intended first."""
    wanted = select(deliveries).where(deliveries.c.connection == connection_name)
    return [_delivery(row) for row in connection.execute(wanted.order_by(deliveries.c.id.desc()).limit(limit))]


def unanswered(connection: Connection, document_id: int) -> Delivery | None:
    """A delivery that was tried, got no receipt and was not given up, or in doubt: nobody knows what became of it."""
    return next((each for each in of(connection, document_id) if _is_unanswered(each)), None)


def attempt(connection: Connection, delivery_id: int) -> None:
    """The target is about to be touched."""
    _set(connection, delivery_id, attempted_at=now(connection))


def receive(connection: Connection, delivery_id: int, receipt: Receipt) -> None:
    """Keep the target's receipt."""
    kept = {"at": receipt.at.isoformat(), "reference": receipt.reference, "details": dict(receipt.details)}
    _set(connection, delivery_id, delivered_at=now(connection), receipt=kept)


def withdraw(connection: Connection, delivery_id: int) -> None:
    """The change was not made and shall not be: the target said so, or a person did. Nothing of the try is left."""
    _set(connection, delivery_id, withdrawn_at=now(connection), attempted_at=None)


def doubt(connection: Connection, delivery_id: int) -> None:
    """The target was touched, and nobody knows what became of it: it is not tried again unless a person says so."""
    _set(connection, delivery_id, withdrawn_at=now(connection))


def _is_unanswered(delivery: Delivery) -> bool:
    return bool(delivery.attempted_at) and not delivery.delivered_at


def _set(connection: Connection, delivery_id: int, **values: Any) -> None:
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))


def _written(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        "key": change.key,
        "address": change.address,
        "fields": dict(change.fields),
        "before": dict(change.before),
    }


def _change(kept: Mapping[str, Any]) -> Change:
    return Change(ChangeKind(kept["kind"]), kept["key"], kept["address"], kept["fields"], kept["before"])


def _receipt(kept: Mapping[str, Any] | None) -> Receipt | None:
    if kept is None:
        return None
    return Receipt(datetime.fromisoformat(kept["at"]), kept["reference"], kept["details"])


def _delivery(row: Row[Any]) -> Delivery:
    values = row._asdict() | {"change": _change(row.change), "receipt": _receipt(row.receipt)}
    return Delivery(**{name: values[name] for name in Delivery.__slots__})
