"""The servers that tests share: each is started once, by the first test that asks for it."""

from __future__ import annotations

import asyncio
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from backends import S3, Postgres, Unavailable
from cleanplate.store import Database


def pytest_configure() -> None:
    """Hear Ctrl-C, and let the processes that tests start hear it: a shell that runs us in the background has
    both ignore it, and tests that interrupt would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def migrated(url: str) -> str:
    """Make the tables."""

    async def upgrade() -> None:
        db = Database(url)
        await db.upgrade()
        await db.close()

    with ThreadPoolExecutor(1) as thread:  # the caller's own may have an event loop that runs
        thread.submit(asyncio.run, upgrade()).result()
    return url


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server."""
    try:
        server = Postgres()
    except Unavailable as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def s3():
    """An S3 server with an empty bucket."""
    try:
        server = S3()
    except Unavailable as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def _postgres_template(postgres):
    name = postgres.create()
    migrated(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory):
    file = tmp_path_factory.mktemp("template") / "cleanplate.db"
    migrated(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture
def empty_postgres_url(postgres):
    """A database without tables."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def postgres_url(postgres, _postgres_template):
    """A database with its tables made."""
    name = postgres.create(_postgres_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """A database with its tables made, of either kind: what both have to pass."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    file = tmp_path / "cleanplate.db"
    shutil.copy(request.getfixturevalue("_sqlite_template"), file)  # migrating each time takes longer
    return f"sqlite+aiosqlite:///{file}"
