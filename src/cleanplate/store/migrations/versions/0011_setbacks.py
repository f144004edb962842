"""What the server itself kept from being done is counted apart, and rests before it is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

DOUBLE: sa.Double[float] = sa.Double()


def upgrade() -> None:
    # Processes of the version before leave both alone: they claim what rests at once, and count no setback.
    op.add_column("tasks", sa.Column("setbacks", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("tasks", sa.Column("next_at", DOUBLE))


def downgrade() -> None:
    op.drop_column("tasks", "next_at")
    op.drop_column("tasks", "setbacks")
