from __future__ import annotations

import pytest

from cleanplate.store import Database


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'data' / 'cleanplate.db'}"


@pytest.fixture
async def db(url):
    database = Database(url, busy_seconds=5)
    await database.upgrade()
    yield database
    await database.close()


@pytest.fixture
async def either(database_url):
    """A database of either kind with its tables made: what both have to pass."""
    database = Database(database_url, busy_seconds=5)
    yield database
    await database.close()
