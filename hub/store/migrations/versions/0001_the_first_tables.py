"""The first tables."""

import sqlalchemy as sa
from alembic import op

from hub.store import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Step forward."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("details", tables.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_about_id", "audit", ["about", "id"], unique=False)
    op.create_table(
        "blobs",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("retention", sa.String(length=16), nullable=False),
        sa.Column("kept_at", tables.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
    )
    op.create_table(
        "connection_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("details", tables.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_events")),
    )
    op.create_index("ix_connection_events_connection_at", "connection_events", ["connection", "at"], unique=False)
    op.create_table(
        "connection_hours",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("hour", tables.Moment(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "hour", "kind", name=op.f("pk_connection_hours")),
    )
    op.create_table(
        "connections",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("paused_at", tables.Moment(), nullable=True),
        sa.Column("paused_by", sa.String(length=128), nullable=True),
        sa.Column("refused_at", tables.Moment(), nullable=True),
        sa.Column("refused_because", tables.Json, nullable=True),
        sa.Column("failing_since", tables.Moment(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure", tables.Json, nullable=True),
        sa.Column("last_ok_at", tables.Moment(), nullable=True),
        sa.Column("last_moved_at", tables.Moment(), nullable=True),
        sa.Column("last_check_at", tables.Moment(), nullable=True),
        sa.Column("last_check", tables.Json, nullable=True),
        sa.Column("left_items", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connections")),
    )
    op.create_table(
        "lanes",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("held_at", tables.Moment(), nullable=True),
        sa.Column("held_because", sa.String(length=24), nullable=True),
        sa.Column("served_at", tables.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lanes")),
    )
    op.create_table(
        "rule_packs",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("active_from", sa.String(length=10), nullable=True),
        sa.Column("active_to", sa.String(length=10), nullable=True),
        sa.Column("by", sa.String(length=128), nullable=True),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rule_packs")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=True),
        sa.Column("started_at", tables.Moment(), nullable=False),
        sa.Column("ended_at", tables.Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("counts", tables.Json, nullable=False),
        sa.Column("failure", tables.Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_connection_id", "runs", ["connection", "id"], unique=False)
    op.create_index("ix_runs_route_id", "runs", ["route", "id"], unique=False)
    op.create_table(
        "units",
        sa.Column("sth_code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("organisation_number", sa.String(length=10), nullable=False),
        sa.Column("gln", sa.String(length=13), nullable=True),
        sa.Column("peppol_id", sa.String(length=100), nullable=True),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("reference_required", sa.Boolean(), nullable=False),
        sa.Column("reference_pattern", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("sth_code", name=op.f("pk_units")),
        sa.UniqueConstraint("gln", name=op.f("uq_units_gln")),
        sa.UniqueConstraint("peppol_id", name=op.f("uq_units_peppol_id")),
    )
    op.create_index("ix_units_organisation_number", "units", ["organisation_number"], unique=False)
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("password", sa.String(length=300), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", tables.Moment(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", tables.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "work",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("argument", tables.Json, nullable=False),
        sa.Column(
            "key", sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"), nullable=True
        ),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", tables.Moment(), nullable=False),
        sa.Column("enqueued_at", tables.Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", tables.Moment(), nullable=True),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("cancel_asked_at", tables.Moment(), nullable=True),
        sa.Column("ended_at", tables.Moment(), nullable=True),
        sa.Column("failure", tables.Json, nullable=True),
        sa.Column("progress", tables.Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work")),
        sa.UniqueConstraint("key", name=op.f("uq_work_key")),
    )
    op.create_index("ix_work_state_ended_at", "work", ["state", "ended_at"], unique=False)
    op.create_index(
        "ix_work_state_lane_priority_due_at_id",
        "work",
        ["state", "lane", sa.text("priority DESC"), "due_at", "id"],
        unique=False,
    )
    op.create_index("ix_work_state_lease_until", "work", ["state", "lease_until"], unique=False)
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("started_at", tables.Moment(), nullable=False),
        sa.Column("seen_at", tables.Moment(), nullable=False),
        sa.Column("kinds", tables.Json, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=False),
        sa.Column("started_at", tables.Moment(), nullable=False),
        sa.Column("ended_at", tables.Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("failure", tables.Json, nullable=True),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_attempts_work_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("work_id", "number", name=op.f("uq_attempts_work_id_number")),
    )
    op.create_table(
        "blob_chunks",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_blob_chunks_digest"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", "number", name=op.f("pk_blob_chunks")),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("noun", sa.String(length=32), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("arrived_at", tables.Moment(), nullable=False),
        sa.Column("details", tables.Json, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_at", tables.Moment(), nullable=False),
        sa.Column("times_seen", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_documents_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("connection", "external_id", name=op.f("uq_documents_connection_external_id")),
    )
    op.create_index("ix_documents_connection_id", "documents", ["connection", "id"], unique=False)
    op.create_index("ix_documents_digest", "documents", ["digest"], unique=False)
    op.create_index("ix_documents_noun_arrived_at_id", "documents", ["noun", "arrived_at", "id"], unique=False)
    op.create_index("ix_documents_noun_state_id", "documents", ["noun", "state", "id"], unique=False)
    op.create_index("ix_documents_unit_id", "documents", ["unit", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("created_at", tables.Moment(), nullable=False),
        sa.Column("seen_at", tables.Moment(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_sessions_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_table(
        "claims",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_claims_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_claims")),
    )
    op.create_index("ix_claims_document_id", "claims", ["document_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("plan_digest", sa.String(length=64), nullable=False),
        sa.Column("change", tables.Json, nullable=False),
        sa.Column("intended_at", tables.Moment(), nullable=False),
        sa.Column("attempted_at", tables.Moment(), nullable=True),
        sa.Column("delivered_at", tables.Moment(), nullable=True),
        sa.Column("withdrawn_at", tables.Moment(), nullable=True),
        sa.Column("receipt", tables.Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_deliveries_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index("ix_deliveries_connection_delivered_at", "deliveries", ["connection", "delivered_at"], unique=False)
    op.create_index("ix_deliveries_document_id", "deliveries", ["document_id"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("issue_date", sa.String(length=10), nullable=False),
        sa.Column("due_date", sa.String(length=10), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payable", tables.Amount(), nullable=False),
        sa.Column("seller_key", sa.String(length=200), nullable=False),
        sa.Column("seller_name", sa.String(length=300), nullable=False),
        sa.Column("seller_id", sa.String(length=64), nullable=False),
        sa.Column("buyer_name", sa.String(length=300), nullable=False),
        sa.Column("buyer_id", sa.String(length=64), nullable=False),
        sa.Column("buyer_reference", sa.String(length=200), nullable=False),
        sa.Column("order_reference", sa.String(length=200), nullable=False),
        sa.Column("contract_reference", sa.String(length=200), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_invoices_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_invoices")),
    )
    op.create_index("ix_invoices_number", "invoices", ["number"], unique=False)
    op.create_index("ix_invoices_order_reference", "invoices", ["order_reference"], unique=False)
    op.create_index("ix_invoices_seller_key", "invoices", ["seller_key"], unique=False)
    op.create_table(
        "journey",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("step", sa.String(length=24), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=128), nullable=True),
        sa.Column("details", tables.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_journey_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey")),
    )
    op.create_index("ix_journey_document_id_id", "journey", ["document_id", "id"], unique=False)
    op.create_table(
        "judgements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=False),
        sa.Column("pack", sa.String(length=128), nullable=False),
        sa.Column("pack_digest", sa.String(length=64), nullable=False),
        sa.Column("pack_superseded", sa.Boolean(), nullable=False),
        sa.Column("layers", tables.Json, nullable=False),
        sa.Column("findings", tables.Json, nullable=False),
        sa.Column("findings_total", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_judgements_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgements")),
    )
    op.create_index("ix_judgements_document_id_id", "judgements", ["document_id", "id"], unique=False)
    op.create_table(
        "set_asides",
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("reasons", tables.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_set_asides_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_set_asides")),
    )
    op.create_index("ix_set_asides_at", "set_asides", ["at"], unique=False)
    op.create_index("ix_set_asides_fingerprint_at", "set_asides", ["fingerprint", "at"], unique=False)
    op.create_table(
        "terms",
        sa.Column(
            "term", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_terms_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("term", "document_id", name=op.f("pk_terms")),
    )
    op.create_index("ix_terms_document_id", "terms", ["document_id"], unique=False)


def downgrade() -> None:
    """Step back."""
    op.drop_index("ix_terms_document_id", table_name="terms")
    op.drop_table("terms")
    op.drop_index("ix_set_asides_fingerprint_at", table_name="set_asides")
    op.drop_index("ix_set_asides_at", table_name="set_asides")
    op.drop_table("set_asides")
    op.drop_index("ix_judgements_document_id_id", table_name="judgements")
    op.drop_table("judgements")
    op.drop_index("ix_journey_document_id_id", table_name="journey")
    op.drop_table("journey")
    op.drop_index("ix_invoices_seller_key", table_name="invoices")
    op.drop_index("ix_invoices_order_reference", table_name="invoices")
    op.drop_index("ix_invoices_number", table_name="invoices")
    op.drop_table("invoices")
    op.drop_index("ix_deliveries_document_id", table_name="deliveries")
    op.drop_index("ix_deliveries_connection_delivered_at", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index("ix_claims_document_id", table_name="claims")
    op.drop_table("claims")
    op.drop_table("sessions")
    op.drop_index("ix_documents_unit_id", table_name="documents")
    op.drop_index("ix_documents_noun_state_id", table_name="documents")
    op.drop_index("ix_documents_noun_arrived_at_id", table_name="documents")
    op.drop_index("ix_documents_digest", table_name="documents")
    op.drop_index("ix_documents_connection_id", table_name="documents")
    op.drop_table("documents")
    op.drop_table("blob_chunks")
    op.drop_table("attempts")
    op.drop_table("workers")
    op.drop_index("ix_work_state_lease_until", table_name="work")
    op.drop_index("ix_work_state_ended_at", table_name="work")
    op.drop_table("work")
    op.drop_table("users")
    op.drop_index("ix_units_organisation_number", table_name="units")
    op.drop_table("units")
    op.drop_index("ix_runs_route_id", table_name="runs")
    op.drop_index("ix_runs_connection_id", table_name="runs")
    op.drop_table("runs")
    op.drop_table("rule_packs")
    op.drop_table("lanes")
    op.drop_table("connections")
    op.drop_table("connection_hours")
    op.drop_index("ix_connection_events_connection_at", table_name="connection_events")
    op.drop_table("connection_events")
    op.drop_table("blobs")
    op.drop_index("ix_audit_about_id", table_name="audit")
    op.drop_table("audit")
