from __future__ import annotations

import pytest

from cleanplate import settings
from cleanplate.account import Accounts
from cleanplate.store import Database


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def db(database_url):
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def accounts(db, clock):
    them = Accounts(db, settings.Account(), clock=clock)
    yield them
    await them.aclose()


@pytest.fixture
async def open_accounts(db, clock):
    them = Accounts(db, settings.Account(require_token=False), clock=clock)
    yield them
    await them.aclose()
