"""Delivering: one planned change is made at its target, and its receipt kept."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import Connection

from hub.domain.changes import Receipt
from hub.domain.documents import DocumentState, Step
from hub.flow.apply import KeptBytes, apply
from hub.jobs.handling import set_aside
from hub.jobs.kinds import Job
from hub.jobs.ways import Ways
from hub.plugin.errors import Rejected
from hub.plugin.ports import Target
from hub.store import connections, deliveries, documents
from hub.store.connections import Happening
from hub.store.deliveries import Delivery


def perform(ways: Ways, job: Job) -> None:
    """Make the delivery that the job names, unless it was made or withdrawn already."""
    with ways.database.write() as connection:
        delivery = _open(connection, int(job.argument["delivery"]))
        if delivery is None:
            job.complete_in(connection)
            return
        document = documents.lock(connection, delivery.document_id)
        deliveries.attempt(connection, delivery.id)
    content = KeptBytes(ways.database, document.digest, document.size)
    try:
        with closing(_target(ways, delivery.connection, document.noun)) as target:
            receipt = apply(target, delivery.change, content)
    except Rejected as failure:
        _rejected(ways, job, delivery, failure)
        return
    _delivered(ways, job, delivery, receipt)


def document_of(connection: Connection, delivery_id: int) -> int | None:
    """The document that a delivery is of."""
    delivery = deliveries.get(connection, delivery_id)
    return None if delivery is None else delivery.document_id


def _open(connection: Connection, delivery_id: int) -> Delivery | None:
    delivery = deliveries.get(connection, delivery_id)
    if delivery is None or delivery.delivered_at or delivery.withdrawn_at:
        return None
    return delivery


def _target(ways: Ways, name: str, noun: str) -> Target[Any]:
    configured = ways.connections.get(name)
    if configured is None or configured.connector is None:
        raise LookupError(f"the target {name} cannot be used: {configured.broken if configured else 'not configured'}")
    return configured.connector.targets[noun](configured.settings)


def _delivered(ways: Ways, job: Job, delivery: Delivery, receipt: Receipt) -> None:
    with ways.database.write() as connection:
        job.complete_in(connection)
        deliveries.receive(connection, delivery.id, receipt)
        documents.move(connection, delivery.document_id, DocumentState.DELIVERED)
        details = {"reference": receipt.reference, **receipt.details}
        documents.note(
            connection, delivery.document_id, Step.DELIVERED, connection_name=delivery.connection, details=details
        )
        connections.succeeded(connection, delivery.connection, Happening.DELIVERED)


def _rejected(ways: Ways, job: Job, delivery: Delivery, failure: Rejected) -> None:
    with ways.database.write() as connection:
        job.complete_in(connection)
        deliveries.withdraw(connection, delivery.id)
        set_aside(connection, delivery.document_id, "target", failure.reasons)
