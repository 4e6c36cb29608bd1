"""Plans, limits, incidents, replays: what nothing-lost and nothing-twice stand on."""

import sqlalchemy as sa
from alembic import op

from hub.store import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


_TALLYING = {
    "sqlite": (
        "CREATE TRIGGER tally_arrived AFTER INSERT ON documents BEGIN INSERT INTO tallies (noun, state, "
        "number) VALUES (NEW.noun, NEW.state, 1); END",
        "CREATE TRIGGER tally_moved AFTER UPDATE OF noun, state ON documents WHEN OLD.state <> NEW.state"
        " OR OLD.noun <> NEW.noun BEGIN INSERT INTO tallies (noun, state, number) VALUES (OLD.noun, "
        "OLD.state, -1), (NEW.noun, NEW.state, 1); END",
        "CREATE TRIGGER tally_gone AFTER DELETE ON documents BEGIN INSERT INTO tallies (noun, state, "
        "number) VALUES (OLD.noun, OLD.state, -1); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION hub_tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = "
        "'UPDATE' AND OLD.state = NEW.state AND OLD.noun = NEW.noun THEN RETURN NULL; END IF; IF TG_OP "
        "<> 'INSERT' THEN INSERT INTO tallies (noun, state, number) VALUES (OLD.noun, OLD.state, -1); "
        "END IF; IF TG_OP <> 'DELETE' THEN INSERT INTO tallies (noun, state, number) VALUES (NEW.noun, "
        "NEW.state, 1); END IF; RETURN NULL; END $$",
        "CREATE TRIGGER tally AFTER INSERT OR DELETE OR UPDATE OF noun, state ON documents FOR EACH ROW "
        "EXECUTE FUNCTION hub_tally()",
    ),
}
_SEED = "INSERT INTO tallies (noun, state, number) SELECT noun, state, count(*) FROM documents GROUP BY noun, state"
_FORGET = {
    "sqlite": ("DROP TRIGGER tally_arrived", "DROP TRIGGER tally_moved", "DROP TRIGGER tally_gone"),
    "postgresql": ("DROP TRIGGER tally ON documents", "DROP FUNCTION hub_tally"),
}


def upgrade() -> None:
    """Step forward."""
    op.create_table(
        "hours",
        sa.Column("company", sa.String(length=25), nullable=False),
        sa.Column("resource", sa.String(length=50), nullable=False),
        sa.Column("project", sa.String(length=50), nullable=False),
        sa.Column("activity", sa.String(length=50), nullable=False),
        sa.Column("time_code", sa.String(length=25), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("hours", tables.Amount(), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint(
            "company", "resource", "project", "activity", "time_code", "day", name=op.f("pk_hours")
        ),
    )
    op.create_index("ix_hours_project_day", "hours", ["project", "day"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("open_key", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("title", tables.Json, nullable=False),
        sa.Column("scope", tables.Json, nullable=False),
        sa.Column("since", tables.Moment(), nullable=False),
        sa.Column("opened_at", tables.Moment(), nullable=False),
        sa.Column("seen_at", tables.Moment(), nullable=False),
        sa.Column("closed_at", tables.Moment(), nullable=True),
        sa.Column("closed_by", sa.String(length=128), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("open_key", name=op.f("uq_incidents_open_key")),
    )
    op.create_index("ix_incidents_closed_at_id", "incidents", ["closed_at", "id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("buyer_id", sa.String(length=25), nullable=False),
        sa.Column("voucher", sa.String(length=50), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=25), nullable=False),
        sa.Column("account_name", sa.String(length=255), nullable=False),
        sa.Column("buyer", sa.String(length=255), nullable=False),
        sa.Column("supplier", sa.String(length=255), nullable=False),
        sa.Column("supplier_id", sa.String(length=50), nullable=False),
        sa.Column("amount", tables.Amount(), nullable=False),
        sa.Column("booked_on", sa.String(length=10), nullable=False),
        sa.Column("unit", sa.String(length=255), nullable=False),
        sa.Column("invoice_number", sa.String(length=100), nullable=False),
        sa.Column("ground", sa.String(length=255), nullable=False),
        sa.Column("contract", sa.String(length=255), nullable=False),
        sa.Column("municipality", sa.String(length=10), nullable=False),
        sa.Column("s_code", sa.String(length=50), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("buyer_id", "voucher", "row", "account", name=op.f("pk_ledger")),
    )
    op.create_index("ix_ledger_booked_on", "ledger", ["booked_on"], unique=False)
    op.create_index("ix_ledger_contract", "ledger", ["contract"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "key",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("body", tables.Json, nullable=False),
        sa.Column("made_at", tables.Moment(), nullable=False),
        sa.Column("due_at", tables.Moment(), nullable=False),
        sa.Column("sent_at", tables.Moment(), nullable=True),
        sa.Column("digest_of", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_messages_key")),
    )
    op.create_index("ix_messages_incident_id", "messages", ["incident_id"], unique=False)
    op.create_index("ix_messages_sent_at_due_at", "messages", ["sent_at", "due_at"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column(
            "company",
            sa.String(length=25).with_variant(sa.String(length=25, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "number",
            sa.String(length=25).with_variant(sa.String(length=25, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("quantity", tables.Amount(), nullable=False),
        sa.Column("unit", sa.String(length=25), nullable=False),
        sa.Column("unit_price", tables.Amount(), nullable=False),
        sa.Column("amount", tables.Amount(), nullable=False),
        sa.Column("invoiced", tables.Amount(), nullable=False),
        sa.Column("delivered", tables.Amount(), nullable=False),
        sa.Column("delivery_date", sa.String(length=10), nullable=True),
        sa.Column("account", sa.String(length=25), nullable=False),
        sa.Column("tax_code", sa.String(length=25), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column(
            "contract",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("pull", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company", "number", "line", name=op.f("pk_order_lines")),
    )
    op.create_index("ix_order_lines_contract", "order_lines", ["contract"], unique=False)
    op.create_table(
        "order_versions",
        sa.Column("company", sa.String(length=25), nullable=False),
        sa.Column("number", sa.String(length=25), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaced_at", tables.Moment(), nullable=False),
        sa.Column("body", tables.Json, nullable=False),
        sa.PrimaryKeyConstraint("company", "number", "version", name=op.f("pk_order_versions")),
    )
    op.create_table(
        "orders",
        sa.Column(
            "company",
            sa.String(length=25).with_variant(sa.String(length=25, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "number",
            sa.String(length=25).with_variant(sa.String(length=25, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "supplier",
            sa.String(length=25).with_variant(sa.String(length=25, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("ordered_on", sa.String(length=10), nullable=True),
        sa.Column("currency", sa.String(length=25), nullable=False),
        sa.Column("responsible", sa.String(length=100), nullable=False),
        sa.Column(
            "external_reference",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "contract",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("updated_at", tables.Moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("pull", sa.Integer(), nullable=False),
        sa.Column("seen_at", tables.Moment(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("bare", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company", "number", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_bare",
        "orders",
        ["company", "number"],
        unique=False,
        sqlite_where=sa.text("bare > 0"),
        postgresql_where=sa.text("bare > 0"),
    )
    op.create_index("ix_orders_connection_pull", "orders", ["connection", "pull"], unique=False)
    op.create_index("ix_orders_contract", "orders", ["contract"], unique=False)
    op.create_index("ix_orders_counted", "orders", ["lines", "bare"], unique=False)
    op.create_index("ix_orders_external_reference", "orders", ["external_reference"], unique=False)
    op.create_index("ix_orders_number", "orders", ["number"], unique=False)
    op.create_index("ix_orders_supplier", "orders", ["supplier"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("slot", tables.Moment(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "place", name=op.f("pk_outcomes")),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("noun", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("document_id", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.String(length=128), nullable=True),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_at", tables.Moment(), nullable=False),
        sa.Column("made_at", tables.Moment(), nullable=False),
        sa.Column("creates", sa.Integer(), nullable=False),
        sa.Column("updates", sa.Integer(), nullable=False),
        sa.Column("removals", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("figures", tables.Json, nullable=False),
        sa.Column("stops", tables.Json, nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("why", tables.Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_digest", "plans", ["digest"], unique=False)
    op.create_index("ix_plans_route_id", "plans", ["route", "id"], unique=False)
    op.create_index("ix_plans_state_id", "plans", ["state", "id"], unique=False)
    op.create_table(
        "pulls",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("noun", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("mark", sa.String(length=300), nullable=False),
        sa.Column("cursor", sa.String(length=300), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("counts", tables.Json, nullable=False),
        sa.Column("ended_at", tables.Moment(), nullable=True),
        sa.Column("complete_at", tables.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "noun", name=op.f("pk_pulls")),
    )
    op.create_table(
        "replays",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("chosen", tables.Json, nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("gathered_at", tables.Moment(), nullable=True),
        sa.Column("failure", tables.Json, nullable=True),
        sa.Column("counts", tables.Json, nullable=True),
        sa.Column("ended_at", tables.Moment(), nullable=True),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_index("ix_replays_ended_at_id", "replays", ["ended_at", "id"], unique=False)
    op.create_index("ix_replays_incident_id", "replays", ["incident_id"], unique=False)
    op.create_table(
        "schedules",
        sa.Column(
            "key",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("since", tables.Moment(), nullable=False),
        sa.Column("slot", tables.Moment(), nullable=True),
        sa.Column("passed_over", sa.Integer(), nullable=False),
        sa.Column("passed_at", tables.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_schedules")),
    )
    op.create_table(
        "set_aside_groups",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_set_aside_groups")),
    )
    op.create_table(
        "suppliers",
        sa.Column("company", sa.String(length=25), nullable=False),
        sa.Column("number", sa.String(length=25), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("organisation_number", sa.String(length=10), nullable=False),
        sa.Column("stated_number", sa.String(length=50), nullable=False),
        sa.Column("usable", sa.Boolean(), nullable=False),
        sa.Column("country", sa.String(length=25), nullable=False),
        sa.Column("currency", sa.String(length=25), nullable=False),
        sa.Column("contract", sa.String(length=255), nullable=False),
        sa.Column("updated_at", tables.Moment(), nullable=True),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("seen_at", tables.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("company", "number", name=op.f("pk_suppliers")),
    )
    op.create_index("ix_suppliers_organisation_number", "suppliers", ["organisation_number"], unique=False)
    op.create_table(
        "tallies",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("noun", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallies")),
    )
    op.create_table(
        "volumes",
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("removals", sa.Float(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("hours", tables.Json, nullable=False),
        sa.Column("suspicions", tables.Json, nullable=True),
        sa.Column("normal_by", sa.String(length=128), nullable=True),
        sa.Column("normal_at", tables.Moment(), nullable=True),
        sa.Column("reconciled_at", tables.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("route", "connection", "day", name=op.f("pk_volumes")),
    )
    op.create_index("ix_volumes_day", "volumes", ["day"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_approvals_plan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("plan_id", "by", name=op.f("uq_approvals_plan_id_by")),
    )
    op.create_table(
        "incident_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("incident_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=True),
        sa.Column("details", tables.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_events_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_events")),
    )
    op.create_index(
        "ix_incident_events_connection_incident_id", "incident_events", ["connection", "incident_id"], unique=False
    )
    op.create_index("ix_incident_events_incident_id_id", "incident_events", ["incident_id", "id"], unique=False)
    op.create_table(
        "plan_changes",
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("fields", tables.Json, nullable=False),
        sa.Column("before", tables.Json, nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=True),
        sa.Column("attempted_at", tables.Moment(), nullable=True),
        sa.Column("checked_at", tables.Moment(), nullable=True),
        sa.Column("ended_at", tables.Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("receipt", tables.Json, nullable=True),
        sa.Column("reasons", tables.Json, nullable=True),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_changes_plan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "number", name=op.f("pk_plan_changes")),
    )
    op.create_index("ix_plan_changes_document_id", "plan_changes", ["document_id"], unique=False)
    op.create_index("ix_plan_changes_plan_id_address", "plan_changes", ["plan_id", "address"], unique=False)
    op.create_index("ix_plan_changes_plan_id_kind_number", "plan_changes", ["plan_id", "kind", "number"], unique=False)
    op.create_index(
        "ix_plan_changes_plan_id_outcome_number", "plan_changes", ["plan_id", "outcome", "number"], unique=False
    )
    op.create_table(
        "staged",
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "address",
            sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("met", sa.Boolean(), nullable=False),
        sa.Column("fields", tables.Json, nullable=False),
        sa.Column("before", tables.Json, nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_staged_plan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "address", name=op.f("pk_staged")),
    )
    op.create_index("ix_staged_plan_id_kind_address", "staged", ["plan_id", "kind", "address"], unique=False)
    op.create_table(
        "matches",
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("company", sa.String(length=25), nullable=False),
        sa.Column("order", sa.String(length=25), nullable=False),
        sa.Column("contract", sa.String(length=255), nullable=False),
        sa.Column("reasons", tables.Json, nullable=False),
        sa.Column("lines", tables.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_matches_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_matches")),
    )
    op.create_index("ix_matches_order", "matches", ["order", "company"], unique=False)
    op.create_index("ix_matches_outcome_document_id", "matches", ["outcome", "document_id"], unique=False)
    op.create_table(
        "replay_items",
        sa.Column("replay_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("codes", tables.Json, nullable=True),
        sa.Column("target", sa.String(length=64), nullable=True),
        sa.Column("at", tables.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_replay_items_document_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replay_id"], ["replays.id"], name=op.f("fk_replay_items_replay_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("replay_id", "document_id", name=op.f("pk_replay_items")),
    )
    op.create_index("ix_replay_items_document_id", "replay_items", ["document_id"], unique=False)
    op.create_index("ix_replay_items_replay_id_outcome", "replay_items", ["replay_id", "outcome"], unique=False)
    op.create_index("ix_connection_hours_hour", "connection_hours", ["hour"], unique=False)
    op.create_index("ix_deliveries_connection_id", "deliveries", ["connection", "id"], unique=False)
    op.create_index("ix_documents_noun_id", "documents", ["noun", "id"], unique=False)
    op.create_index("ix_documents_verdict_id", "documents", ["verdict", "id"], unique=False)
    op.create_index("ix_invoices_kind_document_id", "invoices", ["kind", "document_id"], unique=False)
    op.add_column("connection_events", sa.Column("about", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_connection_events_about",
        "connection_events",
        ["about"],
        unique=False,
        sqlite_where=sa.text("about IS NOT NULL"),
        postgresql_where=sa.text("about IS NOT NULL"),
    )
    op.add_column("lanes", sa.Column("released_at", tables.Moment(), nullable=True))
    op.add_column("lanes", sa.Column("rate", sa.Float(), nullable=True))
    op.add_column("lanes", sa.Column("burst", sa.Integer(), nullable=True))
    op.add_column("lanes", sa.Column("tokens", sa.Float(), nullable=True))
    op.add_column("lanes", sa.Column("tokens_at", tables.Moment(), nullable=True))
    op.add_column("lanes", sa.Column("breaker", sa.String(length=8), server_default="closed", nullable=False))
    op.add_column("lanes", sa.Column("open_until", tables.Moment(), nullable=True))
    op.add_column("lanes", sa.Column("opened_at", tables.Moment(), nullable=True))
    op.add_column("lanes", sa.Column("trips", sa.Integer(), server_default="0", nullable=False))
    op.add_column("lanes", sa.Column("probe", sa.BigInteger(), nullable=True))
    op.add_column("lanes", sa.Column("probe_token", sa.BigInteger(), nullable=True))
    op.add_column("rule_packs", sa.Column("archive", sa.String(length=64), nullable=True))
    op.add_column("runs", sa.Column("rehearsal", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("runs", sa.Column("stage", sa.String(length=16), nullable=True))
    op.add_column("runs", sa.Column("document_id", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("plan_id", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("work_id", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("suspicions", tables.Json, nullable=True))
    op.add_column("runs", sa.Column("normal_by", sa.String(length=128), nullable=True))
    op.add_column("runs", sa.Column("normal_at", tables.Moment(), nullable=True))
    op.create_index("ix_runs_cause_id", "runs", ["cause", "id"], unique=False)
    op.create_index("ix_runs_connection_started_at", "runs", ["connection", "started_at"], unique=False)
    op.create_index("ix_runs_outcome_id", "runs", ["outcome", "id"], unique=False)
    op.create_index("ix_runs_started_at", "runs", ["started_at"], unique=False)
    op.create_index("ix_runs_work_id", "runs", ["work_id"], unique=False)
    op.add_column("set_asides", sa.Column("since", tables.Moment(), nullable=True))
    op.add_column("set_asides", sa.Column("arrived_at", tables.Moment(), nullable=True))
    op.add_column("set_asides", sa.Column("source", sa.String(length=64), nullable=True))
    op.add_column("set_asides", sa.Column("target", sa.String(length=64), nullable=True))
    op.add_column("set_asides", sa.Column("unit", sa.String(length=64), nullable=True))
    op.add_column("set_asides", sa.Column("seller", sa.String(length=200), nullable=True))
    op.add_column("set_asides", sa.Column("currency", sa.String(length=3), nullable=True))
    op.add_column("set_asides", sa.Column("hundredths", sa.BigInteger(), nullable=True))
    op.add_column("set_asides", sa.Column("inexact", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("set_asides", sa.Column("due_date", sa.String(length=10), nullable=True))
    op.drop_index(op.f("ix_set_asides_fingerprint_at"), table_name="set_asides")
    op.create_index("ix_set_asides_code", "set_asides", ["code"], unique=False)
    op.create_index(
        "ix_set_asides_facts",
        "set_asides",
        [
            "fingerprint",
            "currency",
            "hundredths",
            "inexact",
            "due_date",
            "since",
            "source",
            "target",
            "code",
            "stage",
            "unit",
            "arrived_at",
            "at",
            "seller",
            "document_id",
        ],
        unique=False,
    )
    op.create_index("ix_set_asides_fingerprint_document_id", "set_asides", ["fingerprint", "document_id"], unique=False)
    op.create_index("ix_set_asides_inexact_document_id", "set_asides", ["inexact", "document_id"], unique=False)
    op.add_column(
        "work",
        sa.Column(
            "order_key",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=True,
        ),
    )
    op.drop_index(op.f("ix_work_state_lane_priority_due_at_id"), table_name="work")
    op.create_index(
        "ix_work_order_key_lane_state_id",
        "work",
        ["order_key", "lane", "state", "id"],
        unique=False,
        sqlite_where=sa.text("order_key IS NOT NULL"),
        postgresql_where=sa.text("order_key IS NOT NULL"),
    )
    op.create_index(
        "ix_work_state_lane_kind_priority_due_at_id",
        "work",
        ["state", "lane", "kind", "priority", "due_at", "id"],
        unique=False,
    )
    for column in ("lease_until", "ended_at"):
        op.drop_index(op.f(f"ix_work_state_{column}"), table_name="work")
        op.create_index(
            f"ix_work_state_{column}",
            "work",
            ["state", column],
            unique=False,
            sqlite_where=sa.text(f"{column} IS NOT NULL"),
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.add_column("workers", sa.Column("host", sa.String(length=128), server_default="", nullable=False))
    op.add_column("workers", sa.Column("places", sa.Integer(), server_default="0", nullable=False))
    op.add_column("workers", sa.Column("judges", sa.Integer(), server_default="0", nullable=False))
    op.add_column("workers", sa.Column("version", sa.String(length=32), server_default="", nullable=False))
    op.add_column("workers", sa.Column("executor", sa.String(length=16), server_default="local", nullable=False))

    _copy_facts_of_what_is_set_aside()
    _begin_to_tally()


def _copy_facts_of_what_is_set_aside() -> None:
    op.execute(
        """UPDATE set_asides SET
          since = at,
          arrived_at = (SELECT arrived_at FROM documents WHERE id = document_id),
          source = (SELECT connection FROM documents WHERE id = document_id),
          unit = (SELECT unit FROM documents WHERE id = document_id)"""
    )
    op.execute(
        """UPDATE set_asides SET
          inexact = TRUE,
          (seller, currency, due_date, hundredths) = (
            SELECT substr(lower(' ' || seller_key || ' ' || seller_name), 1, 200), currency, due_date,
              CASE WHEN CAST(payable AS NUMERIC) > 10000000000 THEN 1000000000000
                   WHEN CAST(payable AS NUMERIC) < -10000000000 THEN -1000000000000
                   ELSE CAST(CAST(payable AS NUMERIC) * 100 AS BIGINT) END
            FROM invoices WHERE invoices.document_id = set_asides.document_id)
        WHERE document_id IN (SELECT document_id FROM invoices)"""
    )


def _begin_to_tally() -> None:
    for statement in (*_TALLYING[op.get_bind().dialect.name], _SEED):
        op.execute(statement)


def downgrade() -> None:
    """Step back."""
    for statement in _FORGET[op.get_bind().dialect.name]:
        op.execute(statement)
    op.drop_column("workers", "executor")
    op.drop_column("workers", "version")
    op.drop_column("workers", "judges")
    op.drop_column("workers", "places")
    op.drop_column("workers", "host")
    for column in ("lease_until", "ended_at"):
        op.drop_index(f"ix_work_state_{column}", table_name="work")
        op.create_index(op.f(f"ix_work_state_{column}"), "work", ["state", column], unique=False)
    op.drop_index("ix_work_state_lane_kind_priority_due_at_id", table_name="work")
    op.drop_index(
        "ix_work_order_key_lane_state_id",
        table_name="work",
        sqlite_where=sa.text("order_key IS NOT NULL"),
        postgresql_where=sa.text("order_key IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_work_state_lane_priority_due_at_id"),
        "work",
        ["state", "lane", sa.text("priority DESC"), "due_at", "id"],
        unique=False,
    )
    op.drop_column("work", "order_key")
    op.drop_index("ix_set_asides_inexact_document_id", table_name="set_asides")
    op.drop_index("ix_set_asides_fingerprint_document_id", table_name="set_asides")
    op.drop_index("ix_set_asides_facts", table_name="set_asides")
    op.drop_index("ix_set_asides_code", table_name="set_asides")
    op.create_index(op.f("ix_set_asides_fingerprint_at"), "set_asides", ["fingerprint", "at"], unique=False)
    op.drop_column("set_asides", "due_date")
    op.drop_column("set_asides", "inexact")
    op.drop_column("set_asides", "hundredths")
    op.drop_column("set_asides", "currency")
    op.drop_column("set_asides", "seller")
    op.drop_column("set_asides", "unit")
    op.drop_column("set_asides", "target")
    op.drop_column("set_asides", "source")
    op.drop_column("set_asides", "arrived_at")
    op.drop_column("set_asides", "since")
    op.drop_index("ix_runs_work_id", table_name="runs")
    op.drop_index("ix_runs_started_at", table_name="runs")
    op.drop_index("ix_runs_outcome_id", table_name="runs")
    op.drop_index("ix_runs_connection_started_at", table_name="runs")
    op.drop_index("ix_runs_cause_id", table_name="runs")
    op.drop_column("runs", "normal_at")
    op.drop_column("runs", "normal_by")
    op.drop_column("runs", "suspicions")
    op.drop_column("runs", "work_id")
    op.drop_column("runs", "plan_id")
    op.drop_column("runs", "document_id")
    op.drop_column("runs", "stage")
    op.drop_column("runs", "rehearsal")
    op.drop_column("rule_packs", "archive")
    op.drop_column("lanes", "probe_token")
    op.drop_column("lanes", "probe")
    op.drop_column("lanes", "trips")
    op.drop_column("lanes", "opened_at")
    op.drop_column("lanes", "open_until")
    op.drop_column("lanes", "breaker")
    op.drop_column("lanes", "tokens_at")
    op.drop_column("lanes", "tokens")
    op.drop_column("lanes", "burst")
    op.drop_column("lanes", "rate")
    op.drop_column("lanes", "released_at")
    op.drop_index(
        "ix_connection_events_about",
        table_name="connection_events",
        sqlite_where=sa.text("about IS NOT NULL"),
        postgresql_where=sa.text("about IS NOT NULL"),
    )
    op.drop_column("connection_events", "about")
    op.drop_index("ix_invoices_kind_document_id", table_name="invoices")
    op.drop_index("ix_documents_verdict_id", table_name="documents")
    op.drop_index("ix_documents_noun_id", table_name="documents")
    op.drop_index("ix_deliveries_connection_id", table_name="deliveries")
    op.drop_index("ix_connection_hours_hour", table_name="connection_hours")
    op.drop_index("ix_replay_items_replay_id_outcome", table_name="replay_items")
    op.drop_index("ix_replay_items_document_id", table_name="replay_items")
    op.drop_table("replay_items")
    op.drop_index("ix_matches_outcome_document_id", table_name="matches")
    op.drop_index("ix_matches_order", table_name="matches")
    op.drop_table("matches")
    op.drop_index("ix_staged_plan_id_kind_address", table_name="staged")
    op.drop_table("staged")
    op.drop_index("ix_plan_changes_plan_id_outcome_number", table_name="plan_changes")
    op.drop_index("ix_plan_changes_plan_id_kind_number", table_name="plan_changes")
    op.drop_index("ix_plan_changes_plan_id_address", table_name="plan_changes")
    op.drop_index("ix_plan_changes_document_id", table_name="plan_changes")
    op.drop_table("plan_changes")
    op.drop_index("ix_incident_events_incident_id_id", table_name="incident_events")
    op.drop_index("ix_incident_events_connection_incident_id", table_name="incident_events")
    op.drop_table("incident_events")
    op.drop_table("approvals")
    op.drop_index("ix_volumes_day", table_name="volumes")
    op.drop_table("volumes")
    op.drop_table("tallies")
    op.drop_index("ix_suppliers_organisation_number", table_name="suppliers")
    op.drop_table("suppliers")
    op.drop_table("set_aside_groups")
    op.drop_table("schedules")
    op.drop_index("ix_replays_incident_id", table_name="replays")
    op.drop_index("ix_replays_ended_at_id", table_name="replays")
    op.drop_table("replays")
    op.drop_table("pulls")
    op.drop_index("ix_plans_state_id", table_name="plans")
    op.drop_index("ix_plans_route_id", table_name="plans")
    op.drop_index("ix_plans_digest", table_name="plans")
    op.drop_table("plans")
    op.drop_table("outcomes")
    op.drop_index("ix_orders_supplier", table_name="orders")
    op.drop_index("ix_orders_number", table_name="orders")
    op.drop_index("ix_orders_external_reference", table_name="orders")
    op.drop_index("ix_orders_counted", table_name="orders")
    op.drop_index("ix_orders_contract", table_name="orders")
    op.drop_index("ix_orders_connection_pull", table_name="orders")
    op.drop_index(
        "ix_orders_bare", table_name="orders", sqlite_where=sa.text("bare > 0"), postgresql_where=sa.text("bare > 0")
    )
    op.drop_table("orders")
    op.drop_table("order_versions")
    op.drop_index("ix_order_lines_contract", table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index("ix_messages_sent_at_due_at", table_name="messages")
    op.drop_index("ix_messages_incident_id", table_name="messages")
    op.drop_table("messages")
    op.drop_index("ix_ledger_contract", table_name="ledger")
    op.drop_index("ix_ledger_booked_on", table_name="ledger")
    op.drop_table("ledger")
    op.drop_index("ix_incidents_closed_at_id", table_name="incidents")
    op.drop_table("incidents")
    op.drop_index("ix_hours_project_day", table_name="hours")
    op.drop_table("hours")
