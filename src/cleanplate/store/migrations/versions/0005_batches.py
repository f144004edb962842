"""Batches: many pictures that were asked for together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.String(36)
TIME: sa.Double[float] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("webhook", sa.Text()),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("batches_account_id_of_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("batches_key")),
    )
    op.create_index(op.f("batches_account_id"), "batches", ["account_id"])
    op.create_index(op.f("batches_expires_at"), "batches", ["expires_at"])
    op.add_column("tasks", sa.Column("batch_id", ID))
    op.create_index(op.f("tasks_batch_id_turn"), "tasks", ["batch_id", "turn"])


def downgrade() -> None:
    op.drop_index("tasks_batch_id_turn", "tasks")
    op.drop_column("tasks", "batch_id")
    op.drop_table("batches")
