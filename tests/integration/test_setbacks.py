"""What the server itself keeps from being done: no task is lost, charged or blamed for it."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import signal

from cleanplate.store import StorageFailed
from cleanplate.task import State
from workshop import Server


def broken_storage(server: Server, times: float):
    """Let the blob store refuse so many results; what it did with each."""
    put, told = server.blobs.put, []

    async def refusing(key, data, media_type=None):
        if key.startswith("results/"):
            told.append("refused" if len(told) < times else "stored")
            if told[-1] == "refused":
                raise StorageFailed(detail="no space left on device")
        await put(key, data, media_type)

    server.blobs.put = refusing
    return told


async def test_a_store_that_refuses_for_a_while_costs_no_task_anything(tmp_path):
    async with Server(tmp_path, task={"retry_seconds": [0.01, 0.02, 0.03]}).open() as server:
        told = broken_storage(server, 3)
        task = await server.ended(await server.submit())

        assert told == ["refused"] * 3 + ["stored"]
        assert (task.state, task.attempt, task.setbacks, task.losses) == (State.DONE, 4, 3, 0)
        assert await server.ledger(task) == ["capture", "hold"]


async def test_a_store_that_goes_on_refusing_is_named_and_nobody_pays(tmp_path):
    async with Server(tmp_path, task={"retry_seconds": [0.01]}).open() as server:
        told = broken_storage(server, math.inf)
        task = await server.ended(await server.submit())

        assert told == ["refused", "refused"]
        assert (task.state, task.failure.code, task.losses) == (State.FAILED, "storage_failed", 0)
        assert await server.ledger(task) == ["hold", "release"]


async def test_while_a_task_rests_others_are_worked_on(tmp_path):
    async with Server(tmp_path, task={"retry_seconds": [3600]}).open() as server:
        broken_storage(server, 1)
        rests = await server.submit()
        await server.set_back(rests)
        assert (await server.ended(await server.submit())).state is State.DONE
        await server.tasks.sweep()
        assert (await server.ended(await server.submit())).state is State.DONE
        assert (await server.tasks.get(rests.account_id, rests.id)).state is State.QUEUED


async def test_children_that_cannot_be_started_for_a_while_cost_no_task_anything(tmp_path, monkeypatch):
    """As on a machine that has no room for another process."""
    start, refused = asyncio.create_subprocess_exec, []

    async def refusing(*arguments, **options):
        if len(refused) < 3:
            refused.append(arguments)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return await start(*arguments, **options)

    async with Server(tmp_path, task={"retry_seconds": [0.01] * 3}).open() as server:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", refusing)
        [pid] = server.worker.child_pids
        os.kill(pid, signal.SIGKILL)
        task = await server.ended(await server.submit())

        assert (task.state, task.losses) == (State.DONE, 0)
        assert task.setbacks >= 1
        assert await server.ledger(task) == ["capture", "hold"]


async def test_children_that_never_start_are_named_and_nobody_pays(tmp_path, monkeypatch):
    async def refusing(*_, **__):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    async with Server(tmp_path, task={"retry_seconds": [0.01]}).open() as server:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", refusing)
        [pid] = server.worker.child_pids
        os.kill(pid, signal.SIGKILL)
        tasks = [await server.submit() for _ in range(2)]
        for task in [await server.ended(task) for task in tasks]:
            assert (task.failure.code, task.losses, task.setbacks) == ("worker_not_started", 0, 1)
            assert await server.ledger(task) == ["hold", "release"]


async def test_a_defect_of_the_worker_is_not_the_pictures_fault(tmp_path, monkeypatch):
    async def defective(*_):
        raise RuntimeError("secret inner life")

    async with Server(tmp_path, task={"retry_seconds": [0.01]}).open() as server:
        monkeypatch.setattr(server.worker._work, "_remove", defective)
        task = await server.ended(await server.submit())

        assert (task.failure.code, task.losses, task.setbacks) == ("internal_error", 0, 1)
        assert "secret" not in task.failure.message
        assert await server.ledger(task) == ["hold", "release"]
