"""The composition root: every room built once, handed what it needs, and put away in the right order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cleanplate import tracing
from cleanplate.account import Accounts, Presets
from cleanplate.store import Database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from fastapi import FastAPI

    from cleanplate.fetch import Fetcher
    from cleanplate.http.services import Services
    from cleanplate.notify import Deliveries
    from cleanplate.settings import Settings
    from cleanplate.worker import Inspector, Worker
    from cleanplate.worker.engine import Engine

LINK_SECRET = "links"  # noqa: S105  # the name under which the key is kept, not the key


@dataclass(frozen=True, slots=True)
class Service:
    """A server that is ready to answer.

    Attributes:
        app: the HTTP app.
        worker: works on the tasks, in this process; the server must not outlive it. None: others do.
        accounts: whose tokens are accepted.
    """

    app: FastAPI
    worker: Worker | None
    accounts: Accounts

    @property
    def alive(self) -> bool:
        """Whether all of it is at work."""
        return self.worker is None or self.worker.alive


@dataclass(frozen=True, slots=True)
class _Rooms:
    """What a server and a worker both stand on."""

    services: Services
    deliveries: Deliveries
    engine: Engine
    inspector: Inspector
    fetcher: Fetcher


@asynccontextmanager
async def opened_accounts(settings: Settings) -> AsyncGenerator[Accounts]:
    """The accounts alone, for commands that manage them; the server may run at the same time."""
    db = Database(settings.database_url, settings.database.busy_seconds)
    try:
        await db.upgrade()
        accounts = Accounts(db, settings.account)
        yield accounts
        await accounts.aclose()
    finally:
        await db.close()


@asynccontextmanager
async def opened_presets(settings: Settings, account: str) -> AsyncGenerator[tuple[Presets, str]]:
    """The presets, and the id of the account of this name.

    Raises:
        AccountNotFound: there is none.
    """
    db = Database(settings.database_url, settings.database.busy_seconds)
    try:
        await db.upgrade()
        accounts = Accounts(db, settings.account)
        yield Presets(db, settings.account), (await accounts.get(account)).id
        await accounts.aclose()
    finally:
        await db.close()


@asynccontextmanager
async def assembled(settings: Settings, *, works: bool = True) -> AsyncGenerator[Service]:
    """The service in this process, answering until it is left.

    Args:
        settings: all of them.
        works: whether tasks are worked on in this process, too.

    Raises:
        TelemetryMissing: traces are wanted, and their libraries are not installed.
        NothingShared: others are to work, and cannot see what is asked for.
        StorageFailed: the database or the folder of the blobs cannot be opened.
        ChildNotStarted: no picture process starts.
    """
    from cleanplate.http.app import create_app

    async with _rooms(settings, alone=works) as rooms, AsyncExitStack() as stack:
        services = rooms.services
        await stack.enter_async_context(rooms.inspector)
        worker = None
        if works:
            worker = await stack.enter_async_context(_worker(rooms, settings))
            services = replace(services, working=lambda: worker.alive and rooms.engine.whole)
        yield Service(create_app(services, settings), worker, services.accounts)


@asynccontextmanager
async def worker_alone(settings: Settings) -> AsyncGenerator[tuple[Worker, Callable[[], bool]]]:
    """A worker for what servers on the same database accept; and whether it hears of it at the moment.

    Raises:
        TelemetryMissing, NothingShared, StorageFailed, ChildNotStarted: as `assembled`.
    """
    async with _rooms(settings, alone=False) as rooms, _worker(rooms, settings) as worker:
        yield worker, lambda: rooms.engine.whole


def _worker(rooms: _Rooms, settings: Settings) -> Worker:
    from cleanplate.worker import Worker

    services = rooms.services
    return Worker(services.tasks, services.blobs, rooms.fetcher, rooms.deliveries, rooms.engine, settings)


@asynccontextmanager
async def _rooms(settings: Settings, *, alone: bool) -> AsyncGenerator[_Rooms]:
    """Open what all processes stand on.

    Args:
        settings: all of them.
        alone: whether this process does everything that is to be done.
    """
    from cleanplate.cli.errors import NothingShared
    from cleanplate.fetch import Fetcher
    from cleanplate.http.callbacks import Callbacks
    from cleanplate.http.services import Services
    from cleanplate.notify import Deliveries
    from cleanplate.store import Blobs
    from cleanplate.task import Tasks, completions_over
    from cleanplate.worker import Finder, Inspector, engine_over
    from cleanplate.worker.children import Upbringing

    async with AsyncExitStack() as stack:
        tracing.start(settings.telemetry)
        stack.push_async_callback(asyncio.to_thread, tracing.stop)
        db = Database(settings.database_url, settings.database.busy_seconds, settings.database.connections)
        stack.push_async_callback(db.close)
        line = db.line()
        blobs = Blobs(settings.blobs_url, settings.blobs)
        if not alone and (line is None or not blobs.shared):
            raise NothingShared
        await db.upgrade()
        if line is not None:
            await stack.enter_async_context(line)
        accounts = Accounts(db, settings.account)
        stack.push_async_callback(accounts.aclose)
        fetcher = Fetcher(settings.fetch)
        stack.push_async_callback(fetcher.aclose)
        # The sweep wakes all that is unfinished; and wake-ups of cancelled tasks wait for their turn, too.
        most_waiting = 2 * (settings.task.max_queued + settings.task.max_batched)
        engine = await stack.enter_async_context(engine_over(line, most_waiting))
        completions = await stack.enter_async_context(completions_over(db, line))
        tasks = Tasks(db, blobs, engine, completions, settings.task, slots=settings.slots if alone else 0)
        upbringing = Upbringing.of(settings.worker, settings.slots, settings.models)
        finder = Finder(settings.picture, settings.task.work_seconds, upbringing)
        stack.push_async_callback(finder.aclose)
        inspector = Inspector(settings.picture, upbringing)
        services = Services(
            accounts,
            Presets(db, settings.account),
            tasks,
            blobs,
            fetcher,
            inspector,
            finder,
            await _secret(db, settings),
            working=lambda: engine.whole,
        )
        deliveries = Deliveries(db, fetcher, Callbacks(services, settings).render, settings.notify, engine)
        yield _Rooms(services, deliveries, engine, inspector, fetcher)


async def _secret(db: Database, settings: Settings) -> bytes:
    """The key of result links: the same in every process on this database."""
    if settings.secret:
        return settings.secret.get_secret_value().encode()
    return await db.get_or_create_secret(LINK_SECRET)
