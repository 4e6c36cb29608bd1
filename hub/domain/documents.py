"""Documents: bytes that arrived, where they stand, and what has happened to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DocumentState(StrEnum):
    """Where a document stands. Every document ends delivered, set aside or dismissed by a person.

    arrived    its bytes are kept, nobody has judged it yet
    routed     judged, its target decided, the delivery on its way
    delivered  the target has it and we hold the receipt
    set_aside  stopped by its own fault or the register's; waits for somebody to mend and replay
    dismissed  a named person decided that it shall not be delivered
    """

    ARRIVED = "arrived"
    ROUTED = "routed"
    DELIVERED = "delivered"
    SET_ASIDE = "set_aside"
    DISMISSED = "dismissed"


class RetentionClass(StrEnum):
    """How long bytes are kept.

    accounting  seven years after the calendar year (lag 2018:597 om kommunal bokföring och
                redovisning, 3 kap.; for the companies bokföringslagen 1999:1078, 7 kap. 2 §)
    technical   rule packs, reports and other things that can be made or fetched again
    """

    ACCOUNTING = "accounting"
    TECHNICAL = "technical"


class Step(StrEnum):
    """The steps of a document's journey, in the order they normally happen."""

    ARRIVED = "arrived"
    SEEN_AGAIN = "seen_again"
    JUDGED = "judged"
    READ = "read"
    ROUTED = "routed"
    DELIVERING = "delivering"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    SET_ASIDE = "set_aside"
    REPLAYED = "replayed"
    DISMISSED = "dismissed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document as it arrived: `external_id` is the source's own name for the message, unique per connection."""

    connection: str
    external_id: str
    name: str
    digest: str
    size: int
    arrived_at: datetime
    noun: str = "invoices"
    details: dict[str, str] = field(default_factory=dict)
