"""The database: one writer, many readers, migrations."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection


class Database:
    """SQLAlchemy Core over SQLite (a file) or PostgreSQL.

    Args of the constructor:
        url: `sqlite+aiosqlite:////absolute/file.db` or `postgresql+asyncpg://…`.
        busy_seconds: how long SQLite waits for another process that writes.
    """

    def __init__(self, url: str, busy_seconds: float = 10) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write; durable when the block has been left without an error.

        Raises:
            StorageFailed: any error of the database.
        """
        raise NotImplementedError
        yield

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that only reads, a consistent snapshot, never waiting for the writer.

        Raises:
            StorageFailed: any error of the database.
        """
        raise NotImplementedError
        yield

    async def upgrade(self) -> None:
        """Create the database, or bring it to this version's tables (Alembic)."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close every connection."""
        raise NotImplementedError

    async def get_or_create_secret(self, name: str) -> bytes:
        """32 random bytes kept in the database under `name`; the same for every process from then on."""
        raise NotImplementedError


def uninterrupted(work: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """Run to the end even when the caller is cancelled."""
    raise NotImplementedError
