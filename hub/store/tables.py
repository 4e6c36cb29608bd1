"""The tables. A change here is a migration in `migrations/versions`, written in the same commit.

Times are aware and in UTC. Bytes lie apart from everything that is listed or searched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware point in time, kept and returned in UTC; SQLite keeps it as fixed-width text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.isoformat(timespec="microseconds") if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


Id = BigInteger().with_variant(Integer, "sqlite")
ByteOrdered = String(200).with_variant(String(200, collation="C"), "postgresql")
ShortOrdered = String(25).with_variant(String(25, collation="C"), "postgresql")
LongOrdered = String(255).with_variant(String(255, collation="C"), "postgresql")
Json = JSON().with_variant(JSONB(), "postgresql")


class Amount(TypeDecorator[Any]):
    """An exact amount; SQLite, which has no decimals, keeps it as text."""

    impl = Numeric(24, 6)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String(40) if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return Decimal(value) if value is not None else None


blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("retention", String(16), nullable=False),
    Column("kept_at", Moment, nullable=False),
)

blob_chunks = Table(
    "blob_chunks",
    metadata,
    Column("digest", ForeignKey("blobs.digest", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("noun", String(32), nullable=False),
    Column("connection", String(64), nullable=False),
    Column("external_id", String(300), nullable=False),
    Column("name", String(300), nullable=False),
    Column("digest", ForeignKey("blobs.digest"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("arrived_at", Moment, nullable=False),
    Column("details", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_at", Moment, nullable=False),
    Column("times_seen", Integer, nullable=False, default=1),
    Column("format", String(64)),
    Column("verdict", String(16)),
    Column("unit", String(64)),
    UniqueConstraint("connection", "external_id"),
    Index("ix_documents_digest", "digest"),
    Index("ix_documents_noun_id", "noun", "id"),
    Index("ix_documents_noun_state_id", "noun", "state", "id"),
    Index("ix_documents_noun_arrived_at_id", "noun", "arrived_at", "id"),
    Index("ix_documents_connection_id", "connection", "id"),
    Index("ix_documents_unit_id", "unit", "id"),
    Index("ix_documents_verdict_id", "verdict", "id"),
)

journey = Table(
    "journey",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("step", String(24), nullable=False),
    Column("connection", String(64)),
    Column("by", String(128)),
    Column("details", Json, nullable=False),
    Index("ix_journey_document_id_id", "document_id", "id"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("format", String(64), nullable=False),
    Column("pack", String(128), nullable=False),
    Column("pack_digest", String(64), nullable=False),
    Column("pack_superseded", Boolean, nullable=False),
    Column("layers", Json, nullable=False),
    Column("findings", Json, nullable=False),
    Column("findings_total", Integer, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Index("ix_judgements_document_id_id", "document_id", "id"),
)

invoices = Table(
    "invoices",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("number", String(200), nullable=False),
    Column("issue_date", String(10), nullable=False),
    Column("due_date", String(10)),
    Column("currency", String(3), nullable=False),
    Column("payable", Amount, nullable=False),
    Column("seller_key", String(200), nullable=False),
    Column("seller_name", String(300), nullable=False),
    Column("seller_id", String(64), nullable=False),
    Column("buyer_name", String(300), nullable=False),
    Column("buyer_id", String(64), nullable=False),
    Column("buyer_reference", String(200), nullable=False),
    Column("order_reference", String(200), nullable=False),
    Column("contract_reference", String(200), nullable=False),
    Column("lines", Integer, nullable=False),
    Index("ix_invoices_number", "number"),
    Index("ix_invoices_order_reference", "order_reference"),
    Index("ix_invoices_seller_key", "seller_key"),
    Index("ix_invoices_kind_document_id", "kind", "document_id"),
)

terms = Table(
    "terms",
    metadata,
    Column("term", String(64).with_variant(String(64, collation="C"), "postgresql"), primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_terms_document_id", "document_id"),
)

claims = Table(
    "claims",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_claims_document_id", "document_id"),
)

set_asides = Table(
    "set_asides",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("reasons", Json, nullable=False),
    # What groups and filters ask of the document and its invoice, copied here: a million others are left alone.
    Column("since", Moment),
    Column("arrived_at", Moment),
    Column("source", String(64)),
    Column("target", String(64)),
    Column("unit", String(64)),
    Column("seller", String(200)),
    Column("currency", String(3)),
    Column("hundredths", BigInteger),
    Column("inexact", Boolean, nullable=False, default=False, server_default=false()),
    Column("due_date", String(10)),
    Index("ix_set_asides_at", "at"),
    Index("ix_set_asides_code", "code"),
    Index("ix_set_asides_inexact_document_id", "inexact", "document_id"),
    Index("ix_set_asides_fingerprint_document_id", "fingerprint", "document_id"),
    Index(
        "ix_set_asides_facts",
        *("fingerprint", "currency", "hundredths", "inexact", "due_date", "since", "source", "target"),
        *("code", "stage", "unit", "arrived_at", "at", "seller", "document_id"),
    ),
)

units = Table(
    "units",
    metadata,
    Column("sth_code", String(64), primary_key=True),
    Column("name", String(300), nullable=False),
    Column("organisation_number", String(10), nullable=False),
    Column("gln", String(13), unique=True),
    Column("peppol_id", String(100), unique=True),
    Column("target", String(64), nullable=False),
    Column("reference_required", Boolean, nullable=False),
    Column("reference_pattern", String(200), nullable=False),
    Index("ix_units_organisation_number", "organisation_number"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("route", String(64), nullable=False),
    Column("connection", String(64), nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    Column("plan_digest", String(64), nullable=False),
    Column("change", Json, nullable=False),
    Column("intended_at", Moment, nullable=False),
    Column("attempted_at", Moment),
    Column("delivered_at", Moment),
    Column("withdrawn_at", Moment),
    Column("receipt", Json),
    Index("ix_deliveries_document_id", "document_id"),
    Index("ix_deliveries_connection_delivered_at", "connection", "delivered_at"),
    Index("ix_deliveries_connection_id", "connection", "id"),
)

connections = Table(
    "connections",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("paused_at", Moment),
    Column("paused_by", String(128)),
    Column("refused_at", Moment),
    Column("refused_because", Json),
    Column("failing_since", Moment),
    Column("failures", Integer, nullable=False, default=0),
    Column("last_failure", Json),
    Column("last_ok_at", Moment),
    Column("last_moved_at", Moment),
    Column("last_check_at", Moment),
    Column("last_check", Json),
    Column("left_items", Integer, nullable=False, default=0, server_default="0"),
)

connection_events = Table(
    "connection_events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("number", Integer, nullable=False, default=1),
    Column("details", Json, nullable=False),
    Column("about", String(64)),
    Index("ix_connection_events_connection_at", "connection", "at"),
    Index(
        "ix_connection_events_about",
        "about",
        sqlite_where=text("about IS NOT NULL"),
        postgresql_where=text("about IS NOT NULL"),
    ),
)

connection_hours = Table(
    "connection_hours",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("hour", Moment, primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("number", Integer, nullable=False),
    Index("ix_connection_hours_hour", "hour"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("route", String(64), nullable=False),
    Column("connection", String(64), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("by", String(128)),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String(24)),
    Column("counts", Json, nullable=False),
    Column("failure", Json),
    Column("rehearsal", Boolean, nullable=False, default=False, server_default=false()),
    Column("stage", String(16)),
    Column("document_id", BigInteger),
    Column("plan_id", BigInteger),
    Column("work_id", BigInteger),
    Column("suspicions", Json),
    Column("normal_by", String(128)),
    Column("normal_at", Moment),
    Index("ix_runs_started_at", "started_at"),
    Index("ix_runs_work_id", "work_id"),
    Index("ix_runs_route_id", "route", "id"),
    Index("ix_runs_connection_id", "connection", "id"),
    Index("ix_runs_connection_started_at", "connection", "started_at"),
    Index("ix_runs_outcome_id", "outcome", "id"),
    Index("ix_runs_cause_id", "cause", "id"),
)

work = Table(
    "work",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("lane", String(64), nullable=False),
    Column("argument", Json, nullable=False),
    Column("key", ByteOrdered, unique=True),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("enqueued_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("lease_until", Moment),
    Column("worker", String(128)),
    Column("cancel_asked_at", Moment),
    Column("ended_at", Moment),
    Column("failure", Json),
    Column("progress", Json),
    Column("order_key", ByteOrdered),
    Index(
        "ix_work_order_key_lane_state_id",
        "order_key",
        "lane",
        "state",
        "id",
        sqlite_where=text("order_key IS NOT NULL"),
        postgresql_where=text("order_key IS NOT NULL"),
    ),
    Index("ix_work_state_lane_kind_priority_due_at_id", "state", "lane", "kind", "priority", "due_at", "id"),
    # What waits is kept out of these: whatever PostgreSQL believes of the queue, it cannot read it through in them.
    Index(
        "ix_work_state_lease_until",
        "state",
        "lease_until",
        sqlite_where=text("lease_until IS NOT NULL"),
        postgresql_where=text("lease_until IS NOT NULL"),
    ),
    Index(
        "ix_work_state_ended_at",
        "state",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("work_id", ForeignKey("work.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("worker", String(128), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String(16)),
    Column("failure", Json),
    UniqueConstraint("work_id", "number"),
)

lanes = Table(
    "lanes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("concurrency", Integer, nullable=False),
    Column("held_at", Moment),
    Column("held_because", String(24)),
    Column("released_at", Moment),
    Column("served_at", Moment),
    Column("rate", Float),
    Column("burst", Integer),
    Column("tokens", Float),
    Column("tokens_at", Moment),
    Column("breaker", String(8), nullable=False, default="closed", server_default="closed"),
    Column("open_until", Moment),
    Column("opened_at", Moment),
    Column("trips", Integer, nullable=False, default=0, server_default="0"),
    Column("probe", BigInteger),
    Column("probe_token", BigInteger),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("lane", String(64), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("slot", Moment, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("kinds", Json, nullable=False),
    Column("host", String(128), nullable=False, default="", server_default=""),
    Column("places", Integer, nullable=False, default=0, server_default="0"),
    Column("judges", Integer, nullable=False, default=0, server_default="0"),
    Column("version", String(32), nullable=False, default="", server_default=""),
    Column("executor", String(16), nullable=False, default="local", server_default="local"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False),
    Column("route", String(64), nullable=False),
    Column("noun", String(32), nullable=False),
    Column("source", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("run_id", BigInteger),
    Column("document_id", BigInteger),
    Column("by", String(128)),
    Column("rehearsal", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_at", Moment, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("creates", Integer, nullable=False),
    Column("updates", Integer, nullable=False),
    Column("removals", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("figures", Json, nullable=False),
    Column("stops", Json, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("why", Json),
    Index("ix_plans_route_id", "route", "id"),
    Index("ix_plans_state_id", "state", "id"),
    Index("ix_plans_digest", "digest"),
)

plan_changes = Table(
    "plan_changes",
    metadata,
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("key", String(200), nullable=False),
    Column("address", String(300), nullable=False),
    Column("fields", Json, nullable=False),
    Column("before", Json, nullable=False),
    Column("version", String(200), nullable=False),
    Column("document_id", BigInteger),
    Column("attempted_at", Moment),
    Column("checked_at", Moment),
    Column("ended_at", Moment),
    Column("outcome", String(16)),
    Column("receipt", Json),
    Column("reasons", Json),
    Index("ix_plan_changes_plan_id_address", "plan_id", "address"),
    Index("ix_plan_changes_plan_id_kind_number", "plan_id", "kind", "number"),
    Index("ix_plan_changes_plan_id_outcome_number", "plan_id", "outcome", "number"),
    Index("ix_plan_changes_document_id", "document_id"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("by", String(128), nullable=False),
    Column("at", Moment, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("plan_id", "by"),
)

staged = Table(
    "staged",
    metadata,
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
    Column("address", String(300).with_variant(String(300, collation="C"), "postgresql"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("met", Boolean, nullable=False),
    Column("fields", Json, nullable=False),
    Column("before", Json, nullable=False),
    Column("version", String(200), nullable=False),
    Index("ix_staged_plan_id_kind_address", "plan_id", "kind", "address"),
)

set_aside_groups = Table(
    "set_aside_groups",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("note", Text, nullable=False),
    Column("by", String(128), nullable=False),
    Column("at", Moment, nullable=False),
)

replays = Table(
    "replays",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("by", String(128), nullable=False),
    Column("at", Moment, nullable=False),
    Column("chosen", Json, nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    Column("number", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("reached", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("gathered_at", Moment),
    Column("failure", Json),
    Column("counts", Json),
    Column("ended_at", Moment),
    Column("incident_id", BigInteger),
    Index("ix_replays_ended_at_id", "ended_at", "id"),
    Index("ix_replays_incident_id", "incident_id"),
)

replay_items = Table(
    "replay_items",
    metadata,
    Column("replay_id", ForeignKey("replays.id", ondelete="CASCADE"), primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("outcome", String(16)),
    Column("codes", Json),
    Column("target", String(64)),
    Column("at", Moment, nullable=False),
    Index("ix_replay_items_document_id", "document_id"),
    Index("ix_replay_items_replay_id_outcome", "replay_id", "outcome"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("fingerprint", String(64), nullable=False),
    Column("open_key", String(64), unique=True),
    Column("kind", String(24), nullable=False),
    Column("title", Json, nullable=False),
    Column("scope", Json, nullable=False),
    Column("since", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String(128)),
    Column("failures", Integer, nullable=False),
    Index("ix_incidents_closed_at_id", "closed_at", "id"),
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("incident_id", ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("connection", String(64)),
    Column("details", Json, nullable=False),
    Index("ix_incident_events_incident_id_id", "incident_id", "id"),
    Index("ix_incident_events_connection_incident_id", "connection", "incident_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", ByteOrdered, nullable=False, unique=True),
    Column("channel", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("incident_id", BigInteger),
    Column("body", Json, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("digest_of", BigInteger),
    Index("ix_messages_sent_at_due_at", "sent_at", "due_at"),
    Index("ix_messages_incident_id", "incident_id"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("key", ByteOrdered, primary_key=True),
    Column("lane", String(64), nullable=False),
    Column("words", String(200), nullable=False),
    Column("since", Moment, nullable=False),
    Column("slot", Moment),
    Column("passed_over", Integer, nullable=False),
    Column("passed_at", Moment),
)

volumes = Table(
    "volumes",
    metadata,
    Column("route", String(64), primary_key=True),
    Column("connection", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("documents", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("removals", Float, nullable=False),
    Column("runs", Integer, nullable=False),
    # How many had come by the end of each hour in the city: 24 figures.
    Column("hours", Json, nullable=False),
    Column("suspicions", Json),
    Column("normal_by", String(128)),
    Column("normal_at", Moment),
    Column("reconciled_at", Moment),
    Index("ix_volumes_day", "day"),
)

# Sums that documents' triggers write down one by one, so that counting a million documents reads a few rows. No row is
# ever changed: writers never wait for one another.
tallies = Table(
    "tallies",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("noun", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),
)

TALLYING: dict[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER tally_arrived AFTER INSERT ON documents BEGIN "
        "INSERT INTO tallies (noun, state, number) VALUES (NEW.noun, NEW.state, 1); END",
        "CREATE TRIGGER tally_moved AFTER UPDATE OF noun, state ON documents "
        "WHEN OLD.state <> NEW.state OR OLD.noun <> NEW.noun BEGIN "
        "INSERT INTO tallies (noun, state, number) VALUES (OLD.noun, OLD.state, -1), (NEW.noun, NEW.state, 1); END",
        "CREATE TRIGGER tally_gone AFTER DELETE ON documents BEGIN "
        "INSERT INTO tallies (noun, state, number) VALUES (OLD.noun, OLD.state, -1); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION hub_tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' AND OLD.state = NEW.state AND OLD.noun = NEW.noun THEN RETURN NULL; END IF; "
        "IF TG_OP <> 'INSERT' THEN INSERT INTO tallies (noun, state, number) VALUES (OLD.noun, OLD.state, -1); END IF; "
        "IF TG_OP <> 'DELETE' THEN INSERT INTO tallies (noun, state, number) VALUES (NEW.noun, NEW.state, 1); END IF; "
        "RETURN NULL; END $$",
        "CREATE TRIGGER tally AFTER INSERT OR DELETE OR UPDATE OF noun, state ON documents "
        "FOR EACH ROW EXECUTE FUNCTION hub_tally()",
    ),
}
for _dialect, _statements in TALLYING.items():
    for _statement in _statements:
        event.listen(metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

rule_packs = Table(
    "rule_packs",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("family", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("active_from", String(10)),
    Column("active_to", String(10)),
    Column("by", String(128)),
    Column("at", Moment, nullable=False),
    Column("archive", String(64)),
)

users = Table(
    "users",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("password", String(300), nullable=False),
    Column("language", String(2), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", Moment),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("csrf", String(64), nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("who", String(128), nullable=False),
    Column("what", String(64), nullable=False),
    Column("about", String(200), nullable=False),
    Column("details", Json, nullable=False),
    Index("ix_audit_about_id", "about", "id"),
)

pulls = Table(
    "pulls",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("noun", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("mark", String(300), nullable=False),
    Column("cursor", String(300), nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("run_id", BigInteger),
    Column("counts", Json, nullable=False),
    Column("ended_at", Moment),
    Column("complete_at", Moment),
)

orders = Table(
    "orders",
    metadata,
    Column("company", ShortOrdered, primary_key=True),
    Column("number", ShortOrdered, primary_key=True),
    Column("supplier", ShortOrdered, nullable=False),
    Column("status", String(16), nullable=False),
    Column("ordered_on", String(10)),
    Column("currency", String(25), nullable=False),
    Column("responsible", String(100), nullable=False),
    Column("external_reference", LongOrdered, nullable=False),
    Column("contract", LongOrdered, nullable=False),
    Column("updated_at", Moment),
    Column("version", Integer, nullable=False),
    # The connection's pull that brought what the order says now; 0 when it was another connection's.
    Column("version_pull", Integer, nullable=False, default=0, server_default="0"),
    Column("connection", String(64), nullable=False),
    Column("pull", Integer, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("bare", Integer, nullable=False),
    Index("ix_orders_number", "number"),
    Index("ix_orders_contract", "contract"),
    Index("ix_orders_counted", "lines", "bare"),
    Index(
        "ix_orders_bare",
        "company",
        "number",
        sqlite_where=text("bare > 0"),
        postgresql_where=text("bare > 0"),
    ),
    Index("ix_orders_supplier", "supplier"),
    Index("ix_orders_external_reference", "external_reference"),
    Index("ix_orders_connection_pull", "connection", "pull"),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("company", ShortOrdered, primary_key=True),
    Column("number", ShortOrdered, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product", String(255), nullable=False),
    Column("description", String(500), nullable=False),
    Column("quantity", Amount, nullable=False),
    Column("unit", String(25), nullable=False),
    Column("unit_price", Amount, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("invoiced", Amount, nullable=False),
    Column("delivered", Amount, nullable=False),
    Column("delivery_date", String(10)),
    Column("account", String(25), nullable=False),
    Column("tax_code", String(25), nullable=False),
    Column("status", String(16), nullable=False),
    Column("contract", LongOrdered, nullable=False),
    Column("pull", Integer, nullable=False),
    Index("ix_order_lines_contract", "contract"),
)

order_versions = Table(
    "order_versions",
    metadata,
    Column("company", String(25), primary_key=True),
    Column("number", String(25), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("replaced_at", Moment, nullable=False),
    Column("body", Json, nullable=False),
)

suppliers = Table(
    "suppliers",
    metadata,
    Column("company", String(25), primary_key=True),
    Column("number", String(25), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("organisation_number", String(10), nullable=False),
    Column("stated_number", String(50), nullable=False),
    Column("usable", Boolean, nullable=False),
    Column("country", String(25), nullable=False),
    Column("currency", String(25), nullable=False),
    Column("contract", String(255), nullable=False),
    Column("updated_at", Moment),
    Column("connection", String(64), nullable=False),
    Column("seen_at", Moment, nullable=False),
    Index("ix_suppliers_organisation_number", "organisation_number"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("buyer_id", String(25), primary_key=True),
    Column("voucher", String(50), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("account", String(25), primary_key=True),
    Column("account_name", String(255), nullable=False),
    Column("buyer", String(255), nullable=False),
    Column("supplier", String(255), nullable=False),
    Column("supplier_id", String(50), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("booked_on", String(10), nullable=False),
    Column("unit", String(255), nullable=False),
    Column("invoice_number", String(100), nullable=False),
    Column("ground", String(255), nullable=False),
    Column("contract", String(255), nullable=False),
    Column("municipality", String(10), nullable=False),
    Column("s_code", String(50), nullable=False),
    Column("connection", String(64), nullable=False),
    Index("ix_ledger_booked_on", "booked_on"),
    Index("ix_ledger_contract", "contract"),
)

hours = Table(
    "hours",
    metadata,
    Column("company", String(25), primary_key=True),
    Column("resource", String(50), primary_key=True),
    Column("project", String(50), primary_key=True),
    Column("activity", String(50), primary_key=True),
    Column("time_code", String(25), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("hours", Amount, nullable=False),
    Column("connection", String(64), nullable=False),
    Index("ix_hours_project_day", "project", "day"),
    Index("ix_hours_connection_day", "connection", "day"),
)

matches = Table(
    "matches",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("company", String(25), nullable=False),
    Column("order", String(25), nullable=False),
    Column("contract", String(255), nullable=False),
    Column("reasons", Json, nullable=False),
    Column("lines", Json, nullable=False),
    Index("ix_matches_outcome_document_id", "outcome", "document_id"),
    Index("ix_matches_order", "order", "company"),
)

# The orders that only lines of an invoice are of: it is found by them beside its own.
match_orders = Table(
    "match_orders",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("company", String(25), primary_key=True),
    Column("order", String(25), primary_key=True),
    Index("ix_match_orders_order", "order", "company"),
)
