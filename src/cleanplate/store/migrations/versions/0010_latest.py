"""The tasks that were done last, for how long one takes."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("tasks_state_finished_at"), "tasks", ["state", "finished_at"])


def downgrade() -> None:
    op.drop_index("tasks_state_finished_at", "tasks")
