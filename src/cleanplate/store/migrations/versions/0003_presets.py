"""Presets: named regions of an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(36)
TIME: sa.Double[float] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "presets",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("region", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("presets_account_id_of_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("presets_key")),
        sa.UniqueConstraint("account_id", "name", name=op.f("presets_account_id_name_unique")),
    )


def downgrade() -> None:
    op.drop_table("presets")
