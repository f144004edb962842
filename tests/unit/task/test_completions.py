from __future__ import annotations

import asyncio

from cleanplate.task import InMemoryCompletions


async def test_everyone_who_watches_a_task_hears_of_it_and_nobody_else():
    completions = InMemoryCompletions()
    with completions.watch("a") as one, completions.watch("a") as two, completions.watch("b") as other:
        waiting = [asyncio.create_task(watch.wait(60)) for watch in (one, two)]
        await completions.announce("a")
        assert await asyncio.gather(*waiting) == [True, True]
        assert not await other.wait(0.01)


async def test_what_was_announced_while_nobody_waited_yet_is_heard():
    completions = InMemoryCompletions()
    with completions.watch("a") as watch:
        await completions.announce("a")
        assert await watch.wait(60)


async def test_before_the_watch_is_too_early():
    completions = InMemoryCompletions()
    await completions.announce("a")
    with completions.watch("a") as watch:
        assert not await watch.wait(0.01)


async def test_nothing_is_remembered_of_those_who_have_left():
    completions = InMemoryCompletions()
    with completions.watch("a") as watch, completions.watch("a"):
        waiting = asyncio.create_task(watch.wait(60))
        await asyncio.sleep(0)
        waiting.cancel()
    await completions.announce("a")
    assert completions._ears == {}
