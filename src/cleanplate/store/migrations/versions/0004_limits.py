"""Rates of tokens, and turns that are shared between accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DOUBLE: sa.Double[float] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "buckets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("level", DOUBLE, nullable=False),
        sa.Column("at", DOUBLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("buckets_key")),
    )
    # Not by making the table anew, as SQLite otherwise does: dropping the old one would drop its deliveries.
    op.add_column("tasks", sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index(op.f("tasks_state_turn"), "tasks", ["state", "turn"])


def downgrade() -> None:
    op.drop_index("tasks_state_turn", "tasks")
    op.drop_column("tasks", "turn")
    op.drop_table("buckets")
