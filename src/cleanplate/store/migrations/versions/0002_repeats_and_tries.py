"""Idempotency keys, the log of each callback's tries, and listing an account's tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.String(36)
TIME: sa.Double[float] = sa.Double()


def upgrade() -> None:
    op.create_index(op.f("tasks_account_id_created_at"), "tasks", ["account_id", "created_at"])
    op.create_table(
        "idempotency",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("idempotency_account_id_of_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("idempotency_key")),
    )
    op.create_index(op.f("idempotency_expires_at"), "idempotency", ["expires_at"])
    op.create_table(
        "tries",
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name=op.f("tries_delivery_id_of_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("tries_key")),
    )


def downgrade() -> None:
    op.drop_table("tries")
    op.drop_table("idempotency")
    op.drop_index("tasks_account_id_created_at", "tasks")
