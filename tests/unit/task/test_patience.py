"""Work whose client would have given up before its turn is turned away, and nothing else is."""

from __future__ import annotations

import pytest

from cleanplate.task import NewBatch, Picture, QueueFull

LIMITS = {"max_wait_seconds": 30, "max_queued": 1_000}
WAITED_FOR = [
    {"dialect": "kaze"},
    {"dialect": "gptge"},
    {"dialect": "picwish"},
    {"dialect": "native", "sync": True},
]
NOT_WAITED_FOR = {"dialect": "native"}


async def done(world, seconds, dialect="native"):
    """A task that took so long: from now on that is the pace."""
    task = await world.tasks.submit(await world.caller("pace"), world.request(dialect=dialect), {})
    running = await world.tasks.claim(task.id, "w")
    world.clock.now += seconds
    await world.tasks.extend(running)
    assert await world.tasks.finish(running, world.outcome(running))


async def submit(world, name="ann", times=1, **asked):
    caller = await world.caller(name)
    return [await world.tasks.submit(caller, world.request(**asked), {}) for _ in range(times)]


@pytest.fixture
async def slow(world):
    """One slot that takes ten seconds for a task."""
    world.tasks = world.with_limits(**LIMITS)
    await done(world, 10)
    return world


@pytest.mark.parametrize("asked", WAITED_FOR)
async def test_who_would_wait_too_long_is_told_at_once_when_to_come_back(slow, asked):
    await submit(slow, times=3, **asked)
    await submit(slow, **asked)  # behind three of ten seconds each: just in time
    with pytest.raises(QueueFull) as refused:
        await submit(slow, **asked)
    assert refused.value.retry_after == 10


@pytest.mark.parametrize("asked", WAITED_FOR)
async def test_who_comes_back_then_is_taken(slow, asked):
    first, *_ = await submit(slow, times=4, **asked)
    with pytest.raises(QueueFull):
        await submit(slow, **asked)
    await slow.tasks.claim(first.id, "w")
    await submit(slow, **asked)


async def test_who_is_refused_pays_nothing_and_leaves_nothing(slow):
    await submit(slow, times=4, dialect="picwish")
    paying = await slow.caller("ann", granted=5)
    with pytest.raises(QueueFull):
        await slow.tasks.submit(paying, slow.upload(dialect="picwish"), {"source": b"x"})
    assert await slow.stored() == set()
    assert (await slow.accounts.get("ann")).balance == 5


async def test_who_does_not_wait_is_taken_however_much_there_is_to_do(slow):
    await submit(slow, times=20, **NOT_WAITED_FOR)
    asked = NewBatch(None, "", {}, "f")
    pictures = [Picture(f"{number}.png", f"http://x/{number}.png") for number in range(20)]
    batch = await slow.tasks.submit_batch(
        await slow.caller("bob"), slow.request(dialect="native"), pictures, asked
    )
    assert batch.pictures == 20


async def test_only_what_goes_first_counts(slow):
    """Whoever waits on the line goes before those that will ask later, and each account has its turn."""
    await submit(slow, times=20, **NOT_WAITED_FOR)
    await submit(slow, times=4, dialect="gptge", sync=True)
    with pytest.raises(QueueFull):
        await submit(slow, dialect="gptge", sync=True)
    with pytest.raises(QueueFull):
        await submit(slow, dialect="gptge")
    # Before bob's are ann's four on the line, and the first of her others.
    with pytest.raises(QueueFull):
        await submit(slow, "bob", dialect="gptge")
    await submit(slow, "bob", dialect="gptge", sync=True)  # before his is none: it is their first turn


async def test_anothers_hundred_turn_nobody_away(slow):
    await submit(slow, times=100, **NOT_WAITED_FOR)
    await submit(slow, "bob", times=2, dialect="kaze")
    with pytest.raises(QueueFull):
        await submit(slow, "bob", dialect="kaze")  # before his third are three of hers, and two of his own


async def test_before_anything_was_done_nobody_is_turned_away(world):
    world.tasks = world.with_limits(**LIMITS)
    await submit(world, times=200, dialect="picwish")


async def test_an_idle_server_takes_one_however_slow_it_is(world):
    world.tasks = world.with_limits(**LIMITS)
    await done(world, 500)
    await submit(world, dialect="picwish", sync=True)


async def test_the_limit_can_be_switched_off(slow):
    slow.tasks = slow.with_limits(max_wait_seconds=0)
    await submit(slow, times=50, dialect="picwish")


async def test_the_slots_of_this_process_share_the_work(slow):
    slow.tasks = slow.with_limits(**LIMITS, slots=4)
    await submit(slow, times=13, dialect="picwish")
    with pytest.raises(QueueFull):
        await submit(slow, dialect="picwish")


async def test_slots_elsewhere_are_seen_by_what_runs(slow):
    slow.tasks = slow.with_limits(**LIMITS, slots=0)  # a server that leaves the work to others
    await submit(slow, times=4, dialect="picwish")
    with pytest.raises(QueueFull):
        await submit(slow, dialect="picwish")  # nobody is at work: at least one will be
    for task in await submit(slow, "bob", times=3, **NOT_WAITED_FOR):
        await slow.tasks.claim(task.id, "elsewhere")
    await submit(slow, times=6, dialect="picwish")
    with pytest.raises(QueueFull):
        await submit(slow, dialect="picwish")


async def test_the_same_request_again_is_answered_as_before(slow):
    caller, request = await slow.caller("ann"), slow.request(dialect="gptge")
    first = await slow.tasks.submit(caller, request, {}, "key")
    await submit(slow, times=3, dialect="gptge")
    with pytest.raises(QueueFull):
        await slow.tasks.submit(caller, request, {}, "another")
    assert (await slow.tasks.submit(caller, request, {}, "key")).id == first.id
