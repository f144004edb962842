"""The composition root: every room built once, handed what it needs, and put away in the right order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate import tracing
from cleanplate.account import Accounts, Presets
from cleanplate.store import Database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fastapi import FastAPI

    from cleanplate.settings import Settings
    from cleanplate.worker import Worker

LINK_SECRET = "links"  # noqa: S105  # the name under which the key is kept, not the key


@dataclass(frozen=True, slots=True)
class Service:
    """A server that is ready to answer.

    Attributes:
        app: the HTTP app.
        worker: works on the tasks; the server must not outlive it.
        accounts: whose tokens are accepted.
    """

    app: FastAPI
    worker: Worker
    accounts: Accounts


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
async def assembled(settings: Settings) -> AsyncGenerator[Service]:
    """The whole service in this process, working until it is left.

    Raises:
        TelemetryMissing: traces are wanted, and their libraries are not installed.
        StorageFailed: the database or the folder of the blobs cannot be opened.
        ChildNotStarted: no picture process starts.
    """
    from cleanplate.fetch import Fetcher
    from cleanplate.http.app import create_app
    from cleanplate.http.callbacks import Callbacks
    from cleanplate.http.services import Services
    from cleanplate.notify import Deliveries
    from cleanplate.store import Blobs
    from cleanplate.task import InMemoryCompletions, Tasks
    from cleanplate.worker import Finder, Inspector, PgQueuerWakeups, Worker
    from cleanplate.worker.children import Upbringing
    from cleanplate.worker.wakeups import MOST_WAITING

    async with AsyncExitStack() as stack:
        tracing.start(settings.telemetry)
        stack.push_async_callback(asyncio.to_thread, tracing.stop)
        db = Database(settings.database_url, settings.database.busy_seconds)
        stack.push_async_callback(db.close)
        await db.upgrade()
        accounts = Accounts(db, settings.account)
        presets = Presets(db, settings.account)
        stack.push_async_callback(accounts.aclose)
        blobs = Blobs(settings.blobs_url)
        fetcher = Fetcher(settings.fetch)
        stack.push_async_callback(fetcher.aclose)
        wakeups = PgQueuerWakeups(max(MOST_WAITING, 2 * settings.task.max_queued))
        tasks = Tasks(db, blobs, wakeups, InMemoryCompletions(), settings.task, slots=settings.slots)
        upbringing = Upbringing.of(settings.worker, settings.slots, settings.models)
        inspector = Inspector(settings.picture, upbringing)
        finder = Finder(settings.picture, settings.task.work_seconds, upbringing)
        stack.push_async_callback(finder.aclose)
        secret = (
            settings.secret.get_secret_value().encode()
            if settings.secret
            else await db.get_or_create_secret(LINK_SECRET)
        )
        workers: list[Worker] = []
        services = Services(
            accounts,
            presets,
            tasks,
            blobs,
            fetcher,
            inspector,
            finder,
            secret,
            working=lambda: any(worker.alive for worker in workers),
        )
        deliveries = Deliveries(db, fetcher, Callbacks(services, settings).render, settings.notify, wakeups)
        await stack.enter_async_context(inspector)
        worker = Worker(tasks, blobs, fetcher, deliveries, wakeups, settings)
        await stack.enter_async_context(worker)
        workers.append(worker)
        yield Service(create_app(services, settings), worker, accounts)
