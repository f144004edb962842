"""Tasks that a worker has claimed: what tests of what becomes of them begin with."""

from __future__ import annotations


async def claimed(world, caller=None, **changes):
    caller = caller or await world.caller()
    task = await world.tasks.submit(caller, world.request(**changes), {})
    return caller, await world.tasks.claim(task.id, "w1")
