"""A direct connection to PostgreSQL, over which processes tell each other things."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import structlog

from cleanplate.store.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    Ear = Callable[[str | None], None]

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0  # a statement that takes longer has lost its server
PING_SECONDS = 10.0  # a line that nobody speaks on is tried this often: a cut cable says nothing by itself
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between the tries to connect again; the last one repeats
PASSING = ("08", "40", "53", "55", "57")  # classes of errors: away, in each other's way, short of something


def passing(error: StorageFailed) -> bool:
    """Whether a statement that went wrong on a line may go well later: nothing is wrong with it itself."""
    why = error.__cause__
    state = getattr(why, "sqlstate", None)
    return not isinstance(why, ValueError) if state is None else state.startswith(PASSING)


class Line:
    """One connection of asyncpg that heals itself: when it breaks, it is made anew and listens again.

    It must reach the server itself, not a pooler that shares connections between transactions: `LISTEN`
    belongs to a connection. Commits are not waited for (`synchronous_commit = off`): what is told here is
    told again where it is lost.

    Not thread-safe: one event loop. Statements take turns.

    Args:
        arguments: as `asyncpg.connect` takes them.
        server_settings: what is set on the server's side.
    """

    def __init__(self, arguments: Mapping[str, Any], server_settings: Mapping[str, str]) -> None:
        self._arguments: dict[str, Any] = {
            **arguments,
            "timeout": CONNECT_SECONDS,
            "command_timeout": ANSWER_SECONDS,
            "server_settings": {**server_settings, "synchronous_commit": "off"},
        }
        self._connection: Any = None  # an asyncpg.Connection, whose own types are not complete
        self._turn = asyncio.Lock()
        self._ears: dict[str, list[Ear]] = {}
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            StorageFailed: the server does not answer.
        """
        async with self._turn:
            await self._connected()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=1)
            except Exception:  # noqa: BLE001  # it is gone, one way or another
                connection.terminate()

    @property
    def whole(self) -> bool:
        """Whether it is connected, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    async def fetch(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        """Run one statement in a transaction of its own; its rows.

        Raises:
            StorageFailed: it was refused, or the server does not answer. Whether it was run is then unknown.
        """
        async with self._asked() as connection:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]

    async def run(self, script: str) -> None:
        """Run many statements without arguments in one transaction.

        Raises:
            StorageFailed: as `fetch`.
        """
        async with self._asked() as connection:
            await connection.execute(script)

    async def notify(self, channel: str, payload: str) -> None:
        """Tell everyone who listens, this process too.

        Raises:
            StorageFailed: they were not told.
        """
        await self.fetch("SELECT pg_notify($1, $2)", channel, payload)

    async def listen(self, channel: str, ear: Ear) -> None:
        """Have `ear` called with everything that is said on a channel from now on.

        It is called with None after the line was broken: something may have been missed.

        Raises:
            StorageFailed: the server does not answer; it is listened to as soon as it does.
        """
        ears = self._ears.setdefault(channel, [])
        ears.append(ear)
        if len(ears) == 1:
            async with self._asked() as connection:
                await connection.add_listener(channel, self._hear)

    def unlisten(self, channel: str, ear: Ear) -> None:
        """Call `ear` no more."""
        with suppress(KeyError, ValueError):
            self._ears[channel].remove(ear)

    def _hear(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        for ear in tuple(self._ears.get(channel, ())):
            ear(str(payload))

    async def _connected(self) -> Any:
        """The connection, made anew where it has broken."""
        import asyncpg

        # asyncpg's own types are not complete
        connect: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await connect(**self._arguments)
                for channel in self._ears:
                    await connection.add_listener(channel, self._hear)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error
        connection.add_termination_listener(self._lost)
        again = self._connection is not None
        self._connection = connection
        if again:
            log.info("line to the database made anew")
            for ears in self._ears.values():
                for ear in tuple(ears):
                    ear(None)
        return connection

    @asynccontextmanager
    async def _asked(self) -> AsyncGenerator[Any]:
        """The connection to oneself. It is given up where it has not answered; one that said no is fine."""
        import asyncpg

        async with self._turn:
            connection = await self._connected()
            try:
                yield connection
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if not isinstance(error, asyncpg.PostgresError) or connection.is_closed():
                    self._drop(connection)
                raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error
            except asyncio.CancelledError:
                # What the server still has to say belongs to nobody: the next statement must not hear it.
                self._drop(connection)
                raise

    def _lost(self, _connection: object) -> None:
        self._broken.set()

    def _drop(self, connection: Any) -> None:
        connection.terminate()
        self._broken.set()

    async def _keep(self) -> None:
        """Notice a break, and mend it."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_SECONDS):
                    await self._broken.wait()
            self._broken.clear()
            failures = 0
            while not await self._answers():
                if failures == 0:
                    log.warning("the line to the database is broken")
                await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1

    async def _answers(self) -> bool:
        try:
            await self.fetch("SELECT 1")
        except StorageFailed:
            return False
        return True
