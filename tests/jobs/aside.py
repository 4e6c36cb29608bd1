"""A record that is no invoice, set aside as a pull sets it aside."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

from hub.domain.documents import Arrival, RetentionClass
from hub.jobs import handling
from hub.store import blobs, documents
from hub.store.database import Database
from tests.store.rows import ARRIVED, a_reason


def a_record_aside(database: Database) -> int:
    """The id of a record that was set aside for one of its fields."""
    arrival = Arrival("webb", "orders/record/ST-7/1", "ST/7", "0" * 64, 4, ARRIVED, noun="orders")
    reason = replace(a_reason("AGRESSO-VALUE"), location="quantity", value="1,5")
    with database.write() as connection:
        blobs.keep(connection, "0" * 64, 4, blobs.packed(BytesIO(b"ST/7")), RetentionClass.ACCOUNTING)
        document = documents.arrive(connection, arrival)[0]
        handling.set_aside(connection, document, "record", [reason])
    return document
