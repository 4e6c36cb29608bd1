"""An order knows which pull brought what it says now; hours are found by connection and day."""

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


def downgrade() -> None:
    """Step back."""
    op.drop_index("ix_hours_connection_day", table_name="hours")
    op.drop_column("orders", "version_pull")
