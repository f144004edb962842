"""A SQLite connection whose statements cost one change of threads each, where aiosqlite's cost four.

aiosqlite makes the cursor, runs the statement, fetches the rows and closes the cursor in the connection's
thread one after the other, and the event loop waits for each; a task is three dozen statements. Here all four
happen at once, a transaction is begun on the way to its first statement, and nobody waits for the end of one
that only read. A result that is longer than `AT_ONCE` rows is fetched on as it is read.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Self

import aiosqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

AT_ONCE = 1_000  # rows fetched with the statement


class OneHopCursor:
    """What SQLAlchemy asks of a cursor."""

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._open: sqlite3.Cursor | None = None  # only while rows are left in the database
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> OneHopCursor:
        """Run a statement, and fetch what it answers."""
        if sql.startswith("BEGIN"):
            self._connection.begin(sql)
            return self

        def run(cursor: sqlite3.Cursor) -> None:
            cursor.execute(sql, tuple(parameters))
            self._rows = cursor.fetchmany(AT_ONCE) if cursor.description else []

        await self._connection.hop(lambda raw: self._done(raw, run))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> OneHopCursor:
        """Run a statement once for each of many."""
        await self._connection.hop(
            lambda raw: self._done(raw, lambda cursor: cursor.executemany(sql, parameters))
        )
        return self

    def _done(self, raw: sqlite3.Connection, run: Callable[[sqlite3.Cursor], object]) -> None:
        """In the connection's thread."""
        cursor = raw.cursor()
        try:
            run(cursor)
            self.description = cursor.description
            self.rowcount = cursor.rowcount
            self.lastrowid = cursor.lastrowid
        except BaseException:
            cursor.close()
            raise
        if len(self._rows) < AT_ONCE:
            cursor.close()
        else:
            self._open = cursor

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows, self._rows = self._rows, []
        if self._open is not None:
            rest = self._open
            rows += await self._connection.hop(lambda _: rest.fetchall())
            await self.close()
        return rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, none at the end."""
        wanted = size or self.arraysize
        if not self._rows and self._open is not None:
            rest = self._open
            self._rows = await self._connection.hop(lambda _: rest.fetchmany(max(wanted, AT_ONCE)))
        rows, self._rows = self._rows[:wanted], self._rows[wanted:]
        return rows

    async def fetchone(self) -> Any:
        """The next row, or None."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Let go of what has not been read."""
        self._rows = []
        if self._open is not None:
            rest, self._open = self._open, None
            await self._connection.hop(lambda _: rest.close())


class OneHopConnection(aiosqlite.Connection):
    """aiosqlite's connection and thread, with cursors of ours.

    Args:
        connect: opens the database.
        reads: whether it only reads: the end of its transactions decides nothing.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, reads: bool) -> None:
        super().__init__(connect, iter_chunk_size=AT_ONCE)
        self._reads = reads
        self._begin = ""  # the statement that begins a transaction in which nothing has happened yet
        self._ended = True  # whether the last transaction was, or is about to be

    def cursor(self) -> OneHopCursor:  # pyright: ignore[reportIncompatibleMethodOverride]  # ours does less
        """A cursor; nothing happens yet."""
        return OneHopCursor(self)

    def begin(self, sql: str) -> None:
        """Begin a transaction with the next statement."""
        self._begin, self._ended = sql, False

    async def commit(self) -> None:
        """Keep what the transaction did; of one that only read, return before it has ended."""
        if self._begin:  # nothing happened
            self._begin, self._ended = "", True
        elif not self._reads:
            await super().commit()
            self._ended = True
        elif not self._ended:
            self._ended = True
            # The thread does one thing after the other: whatever comes next finds the transaction ended.
            self._tx.put_nowait((None, self._conn.commit))  # pyright: ignore[reportUnknownMemberType]  # untyped

    async def rollback(self) -> None:
        """Undo the transaction, if there is one: a pool asks for it after every commit."""
        if self._begin:
            self._begin = ""
        elif not self._ended:  # also when the statement that begins it is still on its way to the thread
            await super().rollback()
        self._ended = True

    async def hop(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Have something done in the connection's thread."""
        begin, self._begin = self._begin, ""

        def there() -> Any:
            if begin:
                self._conn.execute(begin)
            return work(self._conn)

        run: Callable[..., Any] = self._execute  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # untyped there
        return await run(there)


def connect(database: str, *, reads: bool = False, **options: Any) -> OneHopConnection:
    """A connection to be awaited, as `aiosqlite.connect` gives it; its thread ends with the process."""
    connection = OneHopConnection(lambda: sqlite3.connect(database, **options), reads=reads)
    # As SQLAlchemy does with those that it makes itself.
    connection._thread.daemon = True  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no other way
    return connection
