"""Which versions may work beside the one that made the tables: for upgrades while everything runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    compatibility = op.create_table(
        "compatibility",
        sa.Column("oldest", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name=op.f("compatibility_key")),
    )
    op.bulk_insert(compatibility, [{"oldest": "0008"}])


def downgrade() -> None:
    op.drop_table("compatibility")
