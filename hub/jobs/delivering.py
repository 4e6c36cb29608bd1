"""Delivering: one planned change is made at its target, and its receipt kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

from sqlalchemy import Connection

from hub.domain.changes import Receipt
from hub.domain.documents import DocumentState, Step
from hub.domain.texts import Text
from hub.flow.apply import KeptBytes, apply
from hub.flow.read import explained
from hub.jobs.handling import set_aside
from hub.jobs.kinds import Job
from hub.jobs.ways import Ways
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.ports import Target
from hub.store import breakers, connections, deliveries, documents, replays
from hub.store.connections import Happening
from hub.store.deliveries import Delivery
from hub.store.documents import Document
from hub.store.replays import Outcome


def perform(ways: Ways, job: Job) -> None:
    """Make the delivery that the job names, unless it was made or withdrawn already."""
    with ways.database.read() as connection:
        delivery = _open(connection, int(job.argument["delivery"]))
        document = documents.get(connection, delivery.document_id) if delivery else None
    if delivery is None or document is None:
        return
    try:
        receipt = _make(ways, job, delivery, document)
    except Rejected as failure:
        _rejected(ways, job, delivery, failure)
    else:
        _delivered(ways, job, delivery, receipt)


def _make(ways: Ways, job: Job, delivery: Delivery, document: Document) -> Receipt:
    opener = _opener(ways, delivery, document.noun)
    content = KeptBytes(ways.database, document.digest, document.size)

    def intend() -> None:
        with ways.database.write() as connection:
            job.hold_in(connection)
            deliveries.attempt(connection, delivery.id)
        job.beat()

    job.beat()
    with closing(opener()) as target:
        return apply(target, delivery.change, content, intend, begun=delivery.attempted_at is not None)


def document_of(connection: Connection, delivery_id: int) -> int | None:
    """The document that a delivery is of."""
    delivery = deliveries.get(connection, delivery_id)
    return None if delivery is None else delivery.document_id


def _open(connection: Connection, delivery_id: int) -> Delivery | None:
    delivery = deliveries.get(connection, delivery_id)
    if delivery is None or delivery.delivered_at or delivery.withdrawn_at:
        return None
    return delivery


def _opener(ways: Ways, delivery: Delivery, noun: str) -> Callable[[], Target[Any]]:
    """What opens the target. Raises Rejected when it left the settings, Unavailable while it cannot be used."""
    name = delivery.connection
    configured = ways.connections.get(name)
    if configured is None:
        said = f"{name}: there is no such connection any more"
        raise Rejected((explained(ways.plugins, "CITY-TARGET", said, value=name),))
    connector, settings = configured.connector, configured.settings
    if connector is None or noun not in connector.targets:
        why = configured.broken or Text("tar inte emot sådana dokument", "takes no such documents")
        raise Unavailable(Text(f"Kopplingen {name}: {why.sv}", f"The connection {name}: {why.en}"))
    return lambda: connector.targets[noun](settings)


def _delivered(ways: Ways, job: Job, delivery: Delivery, receipt: Receipt) -> None:
    with ways.database.write() as connection:
        job.complete_in(connection)
        deliveries.receive(connection, delivery.id, receipt)
        documents.move(connection, delivery.document_id, DocumentState.DELIVERED)
        replays.mark(connection, delivery.document_id, Outcome.RECOVERED)
        details = {"reference": receipt.reference, **receipt.details}
        documents.note(
            connection, delivery.document_id, Step.DELIVERED, connection_name=delivery.connection, details=details
        )
        connections.succeeded(connection, delivery.connection, Happening.DELIVERED)


def _rejected(ways: Ways, job: Job, delivery: Delivery, failure: Rejected) -> None:
    with ways.database.write() as connection:
        job.complete_in(connection)
        if failure.uncertain:
            deliveries.doubt(connection, delivery.id)
        elif delivery.attempted_at is None or delivery.connection in ways.connections:
            deliveries.withdraw(connection, delivery.id)
        if delivery.connection in ways.connections:
            breakers.note(connection, delivery.connection, succeeded=True)  # who rejects a document has answered
        set_aside(connection, delivery.document_id, "target", failure.reasons, delivery.connection)
