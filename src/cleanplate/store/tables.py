"""The tables. Every time is a float of Unix seconds: what `time.time()` gives, the same on every database."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

# Constraints are named by rule, so that a later migration can find them on any database.
metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_of_%(referred_table_name)s",
        "pk": "%(table_name)s_key",
    }
)

Id = String(36)
Time: Double[float] = Double()
# Not JSONB: nothing is looked up inside, and JSONB refuses texts that contain U+0000.
Json = JSON(none_as_null=True)
# SQLite numbers rows by itself only in a column that is INTEGER to the letter.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("unlimited", Boolean, nullable=False),
    Column("balance", BigInteger, nullable=False),  # always the sum of the account's ledger amounts
    Column("used", BigInteger, nullable=False),  # always its units held less those released
    Column("webhook_secret", String(100), nullable=False),
    Column("created_at", Time, nullable=False),
    CheckConstraint("balance >= 0", name="never_in_debt"),
    CheckConstraint("used >= 0", name="used_counts_up"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("prefix", String(16), nullable=False, index=True),
    Column("secret_hash", String(64), nullable=False, unique=True),  # SHA-256, hexadecimal
    Column("admin", Boolean, nullable=False, server_default=false()),
    Column("created_at", Time, nullable=False),
    Column("last_used_at", Time),
    Column("revoked_at", Time),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", String(64), primary_key=True),  # SHA-256 of the cookie, hexadecimal
    Column("token_id", Id, ForeignKey("tokens.id"), nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
)

buckets = Table(
    "buckets",
    metadata,
    Column("id", Id, primary_key=True),  # of a token; of the account, where no token is asked for
    Column("level", Double, nullable=False),  # creates that may come at once
    Column("at", Time, nullable=False),  # when it was at that level
)

presets = Table(
    "presets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("region", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("account_id", "name"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("task_id", Id),  # no foreign key: the ledger outlives the task
    Column("kind", String(8), nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),  # signed change of the balance
    Column("created_at", Time, nullable=False),
    UniqueConstraint("task_id", "kind"),
    CheckConstraint("kind IN ('grant', 'hold', 'capture', 'release')", name="kind_known"),
    CheckConstraint("units > 0", name="units_positive"),
    CheckConstraint("(kind = 'grant') = (task_id IS NULL)", name="task_unless_grant"),
)
# The last line of defence behind the fence: whatever the code does, a task is never settled twice.
Index(
    "ledger_settled_once",
    ledger.c.task_id,
    unique=True,
    sqlite_where=text("kind IN ('capture', 'release')"),
    postgresql_where=text("kind IN ('capture', 'release')"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("pictures", Integer, nullable=False),
    Column("webhook", Text),
    Column("base_url", Text, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("state", String(8), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("turn", BigInteger, nullable=False, server_default=text("0")),  # see task.turns
    Column("attempt", Integer, nullable=False),  # the fence
    Column("losses", Integer, nullable=False),
    Column("worker", Text),
    Column("lease_until", Time),
    Column("created_at", Time, nullable=False),
    Column("started_at", Time),
    Column("finished_at", Time),
    Column("expires_at", Time, nullable=False, index=True),
    Column("request", Json, nullable=False),
    Column("outcome", Json),
    Column("failure", Json),
    Column("setbacks", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Time),  # of a queued one that rests after a setback
    Column("batch_id", Id),  # no foreign key: SQLite could not add one to a table that is there
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state_known"),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease_while_running"),
    CheckConstraint("(state IN ('done', 'failed')) = (finished_at IS NOT NULL)", name="final_when_finished"),
    CheckConstraint("(state = 'done') = (outcome IS NOT NULL)", name="outcome_when_done"),
    CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name="failure_when_failed"),
    Index(None, "state", "lease_until"),
    Index(None, "account_id", "created_at"),
    Index(None, "state", "turn"),
    Index(None, "state", "finished_at"),
    Index(None, "batch_id", "turn"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("key", String(255), primary_key=True),  # chosen by the caller
    Column("fingerprint", String(64), nullable=False),  # SHA-256 of what was asked for, hexadecimal
    Column("subject_id", Id, nullable=False),  # of what it made
    Column("expires_at", Time, nullable=False, index=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task_id", Id, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Time, nullable=False),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("created_at", Time, nullable=False),
    CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state_known"),
    Index(None, "state", "next_at"),
)

tries = Table(
    "tries",
    metadata,
    Column("delivery_id", Id, ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Time, nullable=False),
    Column("status", Integer),
    Column("error", Text),
)

audit = Table(
    "audit",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("at", Time, nullable=False, index=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("token_id", Id),
    Column("task_id", Id, nullable=False),  # no foreign key: the trail outlives the task
    Column("dialect", String(20), nullable=False),
    Column("operation", String(50), nullable=False),
    Column("source", String(4), nullable=False),  # blob: the bytes were hashed; url: the URL was
    Column("sha256", String(64), nullable=False),
    Column("request_id", String(100), nullable=False),
    Column("client", String(64)),  # the address it came from, or a keyed hash of it
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("created_at", Time, nullable=False),
)

compatibility = Table(
    "compatibility",
    metadata,
    Column("oldest", String(32), primary_key=True),  # one row: the lowest level that may work on these tables
)
