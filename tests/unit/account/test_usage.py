"""What accounts used, day by day, and how an operator sees them."""

from __future__ import annotations

from cleanplate.account import Day, bookkeeping

DAY = 86_400.0


async def test_each_day_has_what_happened_on_it(accounts, clock, db):
    await accounts.create_token("ann")
    await accounts.create_token("bob")
    ann = await accounts.get("ann")
    start = clock.now
    await accounts.grant("ann", 10)

    async def task(name, at, settle):
        async with db.write() as connection:
            await bookkeeping.hold(connection, ann.id, [name], 2, at)
            await settle(connection, ann.id, name, at)

    await task("t1", start, bookkeeping.capture)
    await task("t2", start + DAY - 1, bookkeeping.release)
    await task("t3", start + DAY, bookkeeping.capture)
    await task("t4", start + 3 * DAY, bookkeeping.capture)
    starts = [start, start + DAY, start + 2 * DAY, start + 3 * DAY]
    assert await accounts.usage(ann.id, starts) == [
        Day(start, charged=2, refunded=2, granted=10),
        Day(start + DAY, charged=2, refunded=0, granted=0),
        Day(start + 2 * DAY, charged=0, refunded=0, granted=0),
    ]
    bob = await accounts.get("bob")
    assert all(day.charged == day.granted == 0 for day in await accounts.usage(bob.id, starts))


async def test_an_operator_sees_every_account(accounts, clock):
    token, _ = await accounts.create_token("bob")
    _, secret = await accounts.create_token("bob", "second")
    await accounts.create_token("ann")
    await accounts.grant("ann", 7)
    await accounts.revoke_token(token.id)
    clock.now += 100
    await accounts.authenticate(secret)
    await accounts.aclose()
    ann, bob = await accounts.listed()
    assert (ann.account.name, ann.account.balance, ann.account.unlimited, ann.tokens) == ("ann", 7, False, 1)
    assert (bob.account.name, bob.account.unlimited, bob.tokens) == ("bob", True, 1)
    assert (ann.last_used_at, bob.last_used_at) == (None, clock.now)
