"""The database: one writer, many readers, migrations.

SQLite runs in WAL mode with `synchronous=FULL`: a commit returns only after its pages are on disk, because
the answer to a submit, a charge and a fence must survive the loss of power, not only that of the process.
`NORMAL` would leave the last commits in the operating system's memory. It costs about a millisecond a write.
"""

from __future__ import annotations

import asyncio
import functools
import os
import secrets as random
import stat
import time
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cleanplate.store.errors import StorageFailed, StoreUrlInvalid
from cleanplate.store.queries import secrets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4  # connections that read SQLite at the same time; each costs a thread
WAL_BYTES = 64 * 1024 * 1024  # to which the write-ahead file is cut back after a checkpoint
UPGRADE_LOCK = 0x636C6561  # "clea": PostgreSQL's advisory lock around migrations


class Database:
    """SQLAlchemy Core over SQLite (a file) or PostgreSQL.

    On SQLite one connection writes, and `write` takes turns for it, so that no transaction of this process
    ever meets a locked database; other processes (the command line) are waited for up to `busy_seconds`.

    Args:
        url: `sqlite+aiosqlite:////absolute/file.db` or `postgresql+asyncpg://…`.
        busy_seconds: how long SQLite waits for another process that writes.

    Raises:
        StoreUrlInvalid: another kind of database, or SQLite without a file.
    """

    def __init__(self, url: str, busy_seconds: float = 10) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError as error:
            raise StoreUrlInvalid("The database URL cannot be read.", detail=str(error)) from error
        self._turn: AbstractAsyncContextManager[object]
        if self._url.drivername == "sqlite+aiosqlite":
            self._file: Path | None = _file_of(self._url)
            self._turn = asyncio.Lock()
            self._writer = _sqlite(self._url, busy_seconds, connections=1, writes=True)
            self._reader = _sqlite(self._url, busy_seconds, connections=READERS, writes=False)
        elif self._url.drivername == "postgresql+asyncpg":
            self._file = None
            self._turn = nullcontext()
            self._writer = self._reader = create_async_engine(self._url, pool_pre_ping=True)
        else:
            raise StoreUrlInvalid(
                "The database URL must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://."
            )

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction that may write; durable when the block has been left without an error.

        Keep the block short and free of anything but queries: everyone else who writes waits for it.

        Raises:
            StorageFailed: any error of the database.
        """
        try:
            async with self._turn, self._writer.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction that only reads, never waiting for the writer.

        On SQLite it is a consistent snapshot, and an attempt to write fails.

        Raises:
            StorageFailed: any error of the database.
        """
        try:
            async with self._reader.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error

    async def upgrade(self) -> None:
        """Create the database, or bring it to this version's tables.

        Several processes may do so at once: they take turns, and the later ones find nothing to do.

        Raises:
            StorageFailed: it cannot be opened, or a newer cleanplate has already upgraded it.
        """
        from alembic.util import CommandError  # heavy; only needed here

        if self._file is not None:
            _make_private(self._file)
        try:
            async with self.write() as connection:
                if connection.dialect.name == "postgresql":
                    await connection.execute(
                        text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK}
                    )
                await connection.run_sync(_migrate)
        except CommandError as error:
            raise StorageFailed(
                "The database was made by another version of cleanplate: run that version or a newer one.",
                detail=str(error),
            ) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()

    async def get_or_create_secret(self, name: str) -> bytes:
        """Keep 32 random bytes under `name`: drawn once, the same for every process from then on."""
        async with self.write() as connection:
            return await secrets.get_or_insert(connection, name, random.token_bytes(32), time.time())


def uninterrupted(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Decorate a coroutine function so that cancelling its caller does not cut it in half.

    A client that hangs up or a worker that is told to stop cancels whatever it waits for; between a blob and
    its row, or a commit and its wake-up, that must wait. The work is finished first, then the caller is
    cancelled.
    """

    @functools.wraps(work)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.ensure_future(work(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain; the caller is gone
            raise

    return whole


def _file_of(url: URL) -> Path:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StoreUrlInvalid(
            "The SQLite URL must name a file: its connections would each see a memory of their own."
        )
    return Path(url.database)


def _make_private(file: Path) -> None:
    """Make folder and file that nobody else may read; what is there already keeps its permissions.

    SQLite gives its side files (`-wal`, `-shm`) the permissions of the database.
    """
    try:
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
            file.parent.chmod(stat.S_IRWXU)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR))
    except OSError as error:
        raise StorageFailed(f"The database {file} cannot be created: {error.strerror}.") from error


def _sqlite(url: URL, busy_seconds: float, *, connections: int, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=connections, max_overflow=0, connect_args={"timeout": busy_seconds}
    )

    # SQLAlchemy types these listeners' arguments as Any: the driver's own connection.
    def connected(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # the driver must not begin transactions by itself; `begun` does
        cursor = raw.cursor()
        if writes:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")
        else:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    def begun(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once; one asked for later cannot be waited for (BUSY_SNAPSHOT).
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    return engine


def _migrate(connection: Connection) -> None:
    from alembic import command  # heavy; only needed here

    command.upgrade(migrations(connection), "head")


def migrations(connection: Connection) -> Any:
    """Alembic's configuration for this connection, without any file of its own."""
    from alembic.config import Config  # heavy; only needed here

    config = Config()
    config.set_main_option("script_location", "cleanplate.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
