"""Connections to either kind of database, set up for how they are used here."""

from __future__ import annotations

import sqlite3
from asyncio import sleep
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

WAL_BYTES = 64 * 1024 * 1024  # to which SQLite's write-ahead file is cut back after a checkpoint
AGAIN_SECONDS = 0.02  # between two tries to have a file that somebody else holds
ANSWER_SECONDS = 10.0  # beside waiting for a lock: no statement of ours takes as long on a healthy network
KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}


def sqlite(url: URL, busy_seconds: float, *, connections: int, writes: bool) -> AsyncEngine:
    """Connections to a file, all for writing or all for reading."""
    from cleanplate.store import one_hop

    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={
            "timeout": busy_seconds,
            "async_creator_fn": partial(one_hop.connect, reads=not writes),
        },
    )

    # SQLAlchemy types these listeners' arguments as Any: the driver's own connection.
    def connected(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # the driver must not begin transactions by itself; `begun` does
        cursor = raw.cursor()
        if writes:
            _log_ahead(cursor, busy_seconds)
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


def _log_ahead(cursor: Any, busy_seconds: float) -> None:
    """Have the file's changes written ahead; only the first of all its connections has anything to change.

    SQLite does not wait for who holds the file by then, but fails at once.
    """
    until = monotonic() + busy_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            await_only(sleep(AGAIN_SECONDS))
        else:
            return


def postgresql(url: URL, busy_seconds: float, *, connections: int) -> AsyncEngine:
    """Connections to a server.

    A process that is stopped, or cut off, in the middle of a transaction keeps its locks. The server ends it
    after half of `busy_seconds`, so that those who wait for a lock as long as that get it.
    """
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=busy_seconds,
        pool_pre_ping=True,  # the server may have been restarted since
        connect_args={
            "timeout": ANSWER_SECONDS,
            "command_timeout": busy_seconds + ANSWER_SECONDS,  # a cut cable says nothing by itself
            "server_settings": server_settings(busy_seconds),
        },
    )


def unhurried(url: URL) -> AsyncEngine:
    """One connection to a server for migrations: a table may take as long as it takes."""
    return create_async_engine(url, poolclass=NullPool, connect_args={"timeout": ANSWER_SECONDS})


def server_settings(busy_seconds: float) -> dict[str, str]:
    """What is set on the server's side of each connection."""
    return {
        "application_name": "cleanplate",
        "idle_in_transaction_session_timeout": str(round(busy_seconds * 500)),  # milliseconds
        "lock_timeout": str(round(busy_seconds * 1000)),
        "tcp_user_timeout": "20000",
        **KEEPALIVE,
    }
