"""The audit trail also tells where a request came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("client", sa.String(64)))


def downgrade() -> None:
    op.drop_column("audit", "client")
