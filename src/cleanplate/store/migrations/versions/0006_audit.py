"""The audit trail: who asked for what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.String(36)
TIME: sa.Double[float] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", TIME, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("token_id", ID),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("dialect", sa.String(20), nullable=False),
        sa.Column("operation", sa.String(50), nullable=False),
        sa.Column("source", sa.String(4), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("audit_account_id_of_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_key")),
    )
    op.create_index(op.f("audit_at"), "audit", ["at"])


def downgrade() -> None:
    op.drop_table("audit")
