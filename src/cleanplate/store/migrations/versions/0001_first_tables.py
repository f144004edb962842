"""First tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(36)
TIME: sa.Double[float] = sa.Double()
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    _accounts()
    _tokens()
    _ledger()
    _tasks()
    _deliveries()
    _secrets()


def downgrade() -> None:
    for table in ("secrets", "deliveries", "tasks", "ledger", "tokens", "accounts"):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("unlimited", sa.Boolean(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("webhook_secret", sa.String(100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("accounts_never_in_debt")),
        sa.CheckConstraint("used >= 0", name=op.f("accounts_used_counts_up")),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_key")),
        sa.UniqueConstraint("name", name=op.f("accounts_name_unique")),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("admin", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("tokens_account_id_of_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("tokens_key")),
        sa.UniqueConstraint("secret_hash", name=op.f("tokens_secret_hash_unique")),
    )
    op.create_index(op.f("tokens_account_id"), "tokens", ["account_id"])
    op.create_index(op.f("tokens_prefix"), "tokens", ["prefix"])


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("task_id", ID),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('grant', 'hold', 'capture', 'release')", name=op.f("ledger_kind_known")),
        sa.CheckConstraint("units > 0", name=op.f("ledger_units_positive")),
        sa.CheckConstraint("(kind = 'grant') = (task_id IS NULL)", name=op.f("ledger_task_unless_grant")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("ledger_account_id_of_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_key")),
        sa.UniqueConstraint("task_id", "kind", name=op.f("ledger_task_id_kind_unique")),
    )
    op.create_index(op.f("ledger_account_id"), "ledger", ["account_id"])
    settled = sa.text("kind IN ('capture', 'release')")
    op.create_index(
        "ledger_settled_once",
        "ledger",
        ["task_id"],
        unique=True,
        sqlite_where=settled,
        postgresql_where=settled,
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("finished_at", TIME),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("request", JSON, nullable=False),
        sa.Column("outcome", JSON),
        sa.Column("failure", JSON),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed')", name=op.f("tasks_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'running') = (lease_until IS NOT NULL)", name=op.f("tasks_lease_while_running")
        ),
        sa.CheckConstraint(
            "(state IN ('done', 'failed')) = (finished_at IS NOT NULL)",
            name=op.f("tasks_final_when_finished"),
        ),
        sa.CheckConstraint("(state = 'done') = (outcome IS NOT NULL)", name=op.f("tasks_outcome_when_done")),
        sa.CheckConstraint(
            "(state = 'failed') = (failure IS NOT NULL)", name=op.f("tasks_failure_when_failed")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("tasks_account_id_of_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("tasks_key")),
    )
    op.create_index(op.f("tasks_expires_at"), "tasks", ["expires_at"])
    op.create_index(op.f("tasks_state_lease_until"), "tasks", ["state", "lease_until"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", TIME, nullable=False),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed')", name=op.f("deliveries_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("deliveries_task_id_of_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("deliveries_key")),
        sa.UniqueConstraint("task_id", name=op.f("deliveries_task_id_unique")),
    )
    op.create_index(op.f("deliveries_state_next_at"), "deliveries", ["state", "next_at"])


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("secrets_key")),
    )
