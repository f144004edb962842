"""Children with the networks that the settings choose."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

import networks
from cleanplate import settings
from cleanplate.worker.children import Child, Slots, Upbringing
from cleanplate.worker.errors import ChildNotStarted

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


@pytest.mark.parametrize("kind", sorted(networks.WRITERS))
async def test_a_child_starts_with_a_network_of_ones_own(tmp_path, kind):
    path = networks.WRITERS[kind](tmp_path / "mine.onnx")
    child = await Child.start(replace(UPBRINGING, model=str(path), provider="cpu"))
    assert child.usable
    await child.kill()


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (networks.write_other, "is no network that paints as cleanplate understands it"),
        (
            networks.write_not_a_number,
            "answered what is no number",
        ),  # painted with once, before the first picture
        (lambda path: path.write_bytes(b"no network"), "cannot be read as an ONNX network"),
        (lambda _: None, "There is no file"),
    ],
    ids=["other", "not a number", "no network", "no file"],
)
async def test_a_network_that_does_not_paint_is_told_at_the_start(tmp_path, write, said):
    write(tmp_path / "bad.onnx")
    upbringing = replace(UPBRINGING, model=str(tmp_path / "bad.onnx"))
    with pytest.raises(ChildNotStarted, match=f"cannot start its picture processes: .*{said}"):
        await Slots(1, upbringing).start()


async def test_a_network_that_was_not_fetched_is_told_at_the_start(tmp_path):
    with pytest.raises(ChildNotStarted, match="cleanplate models pull lama"):
        await Child.start(replace(UPBRINGING, model="lama", models=tmp_path))


async def test_a_provider_that_is_not_installed_is_told_at_the_start():
    with pytest.raises(ChildNotStarted, match="onnxruntime-gpu"):
        await Child.start(replace(UPBRINGING, provider="cuda"))


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
