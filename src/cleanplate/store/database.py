"""The database: transactions that write, transactions that read, migrations.

SQLite runs in WAL mode with `synchronous=FULL`: a commit returns only after its pages are on disk, because
the answer to a submit, a charge and a fence must survive the loss of power, not only that of the process.
`NORMAL` would leave the last commits in the operating system's memory. It costs about a millisecond a write.
PostgreSQL does the same unless its administrator has turned `synchronous_commit` off.
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

from sqlalchemy import inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from cleanplate.store import engines
from cleanplate.store.errors import StorageFailed, StoreUrlInvalid
from cleanplate.store.line import Line
from cleanplate.store.queries import secrets
from cleanplate.store.tables import compatibility

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4  # connections that read SQLite at the same time; each costs a thread
CONNECTIONS = 10
SERVERS = ("postgresql", "postgresql+asyncpg")
UPGRADE_LOCK = 0x636C6561  # "clea": PostgreSQL's advisory lock around migrations


class Database:
    """SQLAlchemy Core over SQLite (a file) or PostgreSQL (a server).

    On SQLite one connection writes, and `write` takes turns for it, so that no transaction of this process
    ever meets a locked database; other processes (the command line) are waited for up to `busy_seconds`.
    On PostgreSQL as many write at a time as there are connections; rows are locked by the queries that need
    it, and waited for up to `busy_seconds`.

    Args:
        url: `sqlite+aiosqlite:////absolute/file.db` or `postgresql://user:password@host/name`.
        busy_seconds: how long a transaction waits for another one.
        connections: most that are open to PostgreSQL at a time, `line` not counted.

    Raises:
        StoreUrlInvalid: another kind of database, SQLite without a file, or PostgreSQL without a database.
    """

    def __init__(self, url: str, busy_seconds: float = 10, connections: int = CONNECTIONS) -> None:
        try:
            self._url = make_url(url)
        except (ArgumentError, ValueError):  # whose text repeats the URL, and with it the password
            raise StoreUrlInvalid("The database URL cannot be read.") from None
        self._busy_seconds = busy_seconds
        self._file: Path | None = None
        self._turn: AbstractAsyncContextManager[object] = nullcontext()
        self._failures: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
        if self._url.drivername == "sqlite+aiosqlite":
            self._file = _file_of(self._url)
            self._turn = asyncio.Lock()
            self._writer = engines.sqlite(self._url, busy_seconds, connections=1, writes=True)
            self._reader = engines.sqlite(self._url, busy_seconds, connections=READERS, writes=False)
        elif self._url.drivername in SERVERS and self._url.database:
            import asyncpg  # costs a tenth of a second

            # SQLAlchemy does not translate what goes wrong while it connects.
            self._failures += (asyncpg.PostgresError, asyncpg.InterfaceError)
            self._url = self._url.set(drivername="postgresql+asyncpg")
            self._writer = engines.postgresql(self._url, busy_seconds, connections=connections)
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        else:
            raise StoreUrlInvalid(
                "The database URL must begin with sqlite+aiosqlite:/// and name a file, "
                "or with postgresql:// and name a database."
            )

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction that may write; durable when the block has been left without an error.

        Keep the block short and free of anything but queries: everyone else who writes may wait for it.

        Raises:
            StorageFailed: any error of the database.
        """
        try:
            async with self._turn, self._writer.begin() as connection:
                yield connection
        except self._failures as error:
            raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction that only reads, never waiting for the writer.

        It sees one moment of the database, and an attempt to write fails.

        Raises:
            StorageFailed: any error of the database.
        """
        try:
            async with self._reader.begin() as connection:
                yield connection
        except self._failures as error:
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
            async with self._migrating() as connection:
                await connection.run_sync(_migrate)
        except CommandError as error:
            raise StorageFailed(
                "The database was made by another version of cleanplate: run that version or a newer one.",
                detail=str(error),
            ) from error

    @asynccontextmanager
    async def _migrating(self) -> AsyncGenerator[AsyncConnection]:
        """The one transaction in which tables are changed; others that want to wait for their turn."""
        if self._file is not None:
            async with self.write() as connection:
                yield connection
            return
        engine = engines.unhurried(self._url)
        try:
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
                yield connection
        except self._failures as error:
            raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error
        finally:
            await engine.dispose()

    def line(self) -> Line | None:
        """A direct connection over which processes tell each other things; None: nobody shares this database.

        Open and close it yourself.
        """
        if self._file is not None:
            return None
        _, arguments = self._writer.dialect.create_connect_args(self._url)
        return Line(arguments, engines.server_settings(self._busy_seconds))

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
            file.parent.mkdir(parents=True, exist_ok=True)  # another process may start at the same time
            file.parent.chmod(stat.S_IRWXU)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR))
    except OSError as error:
        raise StorageFailed(f"The database {file} cannot be created: {error.strerror}.") from error


def _migrate(connection: Connection) -> None:
    """Bring the tables to this version's level, unless a newer version has gone further and bears with this.

    In a rolling upgrade processes of both versions start on the same database. A migration that only adds, so
    that those before it can live with it, leaves `compatibility.oldest` alone; any other one raises it.
    """
    from alembic import command  # heavy; only needed here
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = migrations(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    level = MigrationContext.configure(connection).get_current_revision()
    if level is None or level in known or not _bears(connection, level, max(known)):
        command.upgrade(config, "head")


def _bears(connection: Connection, level: str, ours: str) -> bool:
    """Whether tables of a level that is not known here can be worked on at the level `ours`."""
    if not level.isdecimal() or level <= ours or not inspect(connection).has_table(compatibility.name):
        return False
    oldest = connection.execute(select(compatibility.c.oldest)).scalar()
    return oldest is not None and oldest <= ours


def migrations(connection: Connection) -> Any:
    """Alembic's configuration for this connection, without any file of its own."""
    from alembic.config import Config  # heavy; only needed here

    config = Config()
    config.set_main_option("script_location", "cleanplate.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
