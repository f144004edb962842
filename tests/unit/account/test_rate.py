"""How often a token may submit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate import settings
from cleanplate.account import Accounts, RateExceeded
from cleanplate.account.rate import Rate
from cleanplate.store import Database


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
async def db(database_url):
    db = Database(database_url)
    yield db
    await db.close()


async def callers(db, clock, *names, **limits):
    accounts = Accounts(db, settings.Account(**limits), clock=clock)
    found = []
    for name in names:
        _, secret = await accounts.create_token(name)
        found.append(await accounts.authenticate(secret))
    await accounts.aclose()
    return accounts, found


async def admitted(accounts, caller, times):
    """How many of so many creates at once are accepted, and what the last one is told."""
    accepted, told = 0, 0
    for _ in range(times):
        try:
            await accounts.admit(caller)
            accepted += 1
        except RateExceeded as error:
            told = error.retry_after
    return accepted, told


async def test_off_by_default(db):
    accounts, [ann] = await callers(db, Clock(), "ann", creates_burst=1)
    assert await admitted(accounts, ann, 50) == (50, 0)


async def test_a_burst_then_the_rate(db):
    clock = Clock()
    accounts, [ann] = await callers(db, clock, "ann", creates_per_second=0.5, creates_burst=3)
    assert await admitted(accounts, ann, 5) == (3, 2)
    clock.now += 1
    assert await admitted(accounts, ann, 1) == (0, 1)
    clock.now += 1  # as long as it was told
    assert await admitted(accounts, ann, 2) == (1, 2)
    clock.now += 1000
    assert await admitted(accounts, ann, 9) == (3, 2)


async def test_each_token_has_its_own_and_every_process_sees_it(db):
    clock = Clock()
    limits = {"creates_per_second": 1, "creates_burst": 2}
    accounts, [ann, bob] = await callers(db, clock, "ann", "ann", **limits)
    assert (await admitted(accounts, ann, 2))[0] == 2
    assert (await admitted(accounts, bob, 2))[0] == 2
    other_process = Accounts(db, settings.Account(**limits), clock=clock)
    assert (await admitted(other_process, ann, 1))[0] == 0


async def test_without_tokens_the_account_is_counted(db):
    accounts, _ = await callers(db, Clock(), require_token=False, creates_per_second=1, creates_burst=1)
    nobody = await accounts.authenticate(None)
    assert (await admitted(accounts, nobody, 2))[0] == 1


async def test_a_clock_that_is_put_back_gives_nothing_away_and_locks_nobody_out(db):
    clock = Clock()
    accounts, [ann] = await callers(db, clock, "ann", creates_per_second=1, creates_burst=1)
    assert (await admitted(accounts, ann, 1))[0] == 1
    clock.now -= 3600
    assert (await admitted(accounts, ann, 1))[0] == 0
    clock.now += 3602
    assert (await admitted(accounts, ann, 1))[0] == 1


@given(st.floats(0.01, 100), st.integers(1, 50), st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_allow(per_second, burst, pauses):
    rate = Rate(per_second, burst)
    level, accepted, elapsed = float(burst), 0, 0.0
    for pause in pauses:
        elapsed += pause
        level = rate.level(level, pause)
        if level >= 1:
            level -= 1
            accepted += 1
        else:
            after = rate.level(level, rate.seconds_until_one(level))
            assert after == pytest.approx(1)
    assert accepted <= burst + per_second * elapsed + 1e-6
