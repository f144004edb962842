"""Children with the networks that the settings choose."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

import networks
from cleanplate import settings
from cleanplate.task import AskedRegion
from cleanplate.worker.children import Child, Slots, Upbringing, asked, limits
from cleanplate.worker.errors import ChildNotStarted

REMOVAL = {
    "operation": "remove",
    "limits": limits(settings.Picture()),
    "region": asked(AskedRegion("rectangles", ((20, 10, 30, 12),))),
    "mode": "fill",
    "sensitivity": 0.5,
    "format": None,
    "for_browsers": False,
    "quality": 95,
    "history": True,
}
UPBRINGING = Upbringing(memory_mib=1024, threads=1, start_seconds=60, requests=100)
COMMAND = [sys.executable, "-c", "from cleanplate.cli import main; main()"]


def test_children_are_brought_up_as_the_settings_say(tmp_path):
    section = settings.Models(model="lama", provider="cpu", threads=3, folder=tmp_path)
    upbringing = Upbringing.of(settings.Worker(), 2, section)
    assert (upbringing.model, upbringing.provider, upbringing.threads) == ("lama", "cpu", 3)
    assert upbringing.models == tmp_path


def test_slots_share_the_processors_out(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    threads = [
        Upbringing.of(settings.Worker(), slots, settings.Models()).threads for slots in (1, 2, 3, 8, 20)
    ]
    assert threads == [8, 4, 2, 1, 1]


async def test_a_child_starts_with_a_network_of_ones_own(tmp_path):
    path = networks.write_lama(tmp_path / "mine.onnx")
    child = await Child.start(replace(UPBRINGING, model=str(path), provider="cpu"))
    assert child.usable
    await child.kill()


async def test_a_network_that_cannot_paint_is_told_at_the_start(tmp_path):
    path = networks.write_not_a_number(
        tmp_path / "bad.onnx"
    )  # noticed when it paints once, before any picture
    said = "cannot start its picture processes: .*answered what is no number"
    with pytest.raises(ChildNotStarted, match=said):
        await Slots(1, replace(UPBRINGING, model=str(path))).start()


async def test_a_network_that_was_not_fetched_is_told_at_the_start(tmp_path):
    with pytest.raises(ChildNotStarted, match="cleanplate models pull lama"):
        await Child.start(replace(UPBRINGING, model="lama", models=tmp_path))


async def test_a_provider_that_is_not_installed_is_told_at_the_start():
    with pytest.raises(ChildNotStarted, match="onnxruntime-gpu"):
        await Child.start(replace(UPBRINGING, provider="cuda"))


async def test_a_child_that_only_looks_for_marks_needs_no_network_that_paints(tmp_path):
    child = await Child.start(replace(UPBRINGING, model="lama", models=tmp_path, paints=False))
    await child.kill()


async def test_uploads_are_looked_at_without_any_network(tmp_path):
    child = await Child.start(replace(UPBRINGING, model="lama", models=tmp_path, networks=False))
    await child.kill()


def test_a_service_with_a_network_that_is_not_there_does_not_start(tmp_path):
    settings_file = tmp_path / "cleanplate.toml"
    settings_file.write_text('[models]\nmodel = "gone.onnx"\n[http]\nport = 0\n[worker]\nslots = 1\n')
    done = subprocess.run(
        [*COMMAND, "serve"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "cannot start its picture processes: There is no file gone.onnx" in done.stderr.splitlines()[-1]


async def test_a_child_paints_with_the_network_of_the_settings(tmp_path, make_picture):
    path = networks.write_own(tmp_path / "mine.onnx")
    child = await Child.start(replace(UPBRINGING, model=str(path)))
    try:
        answer, _ = await child.request(REMOVAL, [make_picture()], seconds=60)
    finally:
        await child.kill()
    assert [fill["method"] for fill in answer["fills"]] == ["mine.onnx"]
