from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from cleanplate.cli import assembly
from cleanplate.cli.assembly import opened_accounts
from cleanplate.cli.errors import AddressTaken, PartDied
from cleanplate.cli.serve import _address, _example, _serve, listen
from cleanplate.settings import load
from cleanplate.task import Outcome, QueueFull, Request, Source


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://localhost:"), ("::1", "http://[::1]:")],
)
def test_the_address_shown_can_be_opened(host, address):
    try:
        listener = listen(host, 0)
    except AddressTaken:
        pytest.skip(f"this machine has no {host}")
    with listener:
        assert _address(listener) == f"{address}{listener.getsockname()[1]}"


def test_a_host_that_is_not_ours_is_one_line():
    with pytest.raises(AddressTaken, match="--host"):
        listen("no.such.host.invalid", 0)


async def test_there_is_room_for_a_wakeup_of_every_task_that_may_be_accepted():
    """Of single pictures and of batches; the sweep wakes them all at once."""
    settings = load(task={"max_queued": 10, "max_batched": 10_500})

    async def nothing(_):
        pass

    async with assembly._rooms(settings, alone=True) as rooms:
        rooms.engine.handle("run_task", nothing, lane="heavy")
        await rooms.engine.wake_all("run_task", [(str(number), 0) for number in range(10_510)])
        assert await rooms.engine.depth() == 10_510


async def test_a_server_that_leaves_the_work_to_others_does_not_count_on_its_own_processors(postgres_url):
    settings = load(database={"url": postgres_url}, worker={"slots": 64}, account={"require_token": False})
    request = Request("picwish", "watermark", Source("url", "http://example.com/a.png"))
    async with assembly._rooms(settings, alone=False) as rooms:
        tasks, caller = rooms.services.tasks, await rooms.services.accounts.authenticate(None)
        running = await tasks.claim((await tasks.submit(caller, request, {})).id, "elsewhere")
        await tasks.finish(
            running, Outcome("results/a.png", "PNG", "png", "image/png", 1, 1, None, 0, 0, True)
        )
        async with tasks._db.write() as connection:  # as if it had taken forty seconds
            await connection.execute(text("UPDATE tasks SET started_at = finished_at - 40"))
        await tasks.submit(caller, request, {})
        with pytest.raises(QueueFull):
            await tasks.submit(caller, request, {})


async def test_the_server_ends_with_an_error_when_its_worker_has_ended(monkeypatch):
    """Supervisors start again what ends with an error; a server that only accepts tasks helps nobody."""
    settings = load(worker={"slots": 1, "drain_seconds": 1})
    worker = SimpleNamespace(alive=False)

    @asynccontextmanager
    async def assembled(_, *, works):
        async with opened_accounts(settings) as accounts:
            yield assembly.Service(FastAPI(), worker, accounts)

    monkeypatch.setattr(assembly, "assembled", assembled)
    with listen("127.0.0.1", 0) as listener, pytest.raises(PartDied):
        await _serve(settings, listener, works=True)


def test_the_example_names_a_picture_that_is_there(tmp_path):
    assert "photo.jpg" in "".join(_example("http://127.0.0.1:1", "cp_x"))
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples/lake.jpg").write_bytes(b"")
    assert "samples/lake.jpg" in "".join(_example("http://127.0.0.1:1", "cp_x"))
