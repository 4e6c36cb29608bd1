"""An order knows which pull brought what it says now, and the invoices with a line of it; hours are found by day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Step forward."""
    op.add_column("orders", sa.Column("version_pull", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_hours_connection_day", "hours", ["connection", "day"], unique=False)
    op.create_table(
        "match_orders",
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("company", sa.String(length=25), nullable=False),
        sa.Column("order", sa.String(length=25), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_match_orders_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "company", "order", name=op.f("pk_match_orders")),
    )
    op.create_index("ix_match_orders_order", "match_orders", ["order", "company"], unique=False)


def downgrade() -> None:
    """Step back."""
    op.drop_index("ix_match_orders_order", table_name="match_orders")
    op.drop_table("match_orders")
    op.drop_index("ix_hours_connection_day", table_name="hours")
    op.drop_column("orders", "version_pull")
