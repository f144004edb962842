from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import networks
from cleanplate import models
from cleanplate.cli.app import run
from cleanplate.models import catalogue, session
from hub import CONTENT, Hub

COMMAND = [sys.executable, "-c", "from cleanplate.cli import main; main()"]
FOLDER = Path("nets")


@pytest.fixture
def hub(monkeypatch):
    """A hub with one free network and one whose licence is disputed, which is all that the catalogue has."""
    server = Hub()
    good = {
        "task": "fill",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
        "licence": "MIT",
    }
    small = models.Weights(id="small", file="small.onnx", source="a test", hub="a/small.onnx", **good)
    asking = models.Weights(
        id="asking",
        file="asking.onnx",
        source="a test",
        hub="a/asking.onnx",
        note="Ask a lawyer.",
        consent=True,
        **good,
    )
    for owner in (models, catalogue):
        monkeypatch.setattr(owner, "FETCHABLE", (small, asking))
        monkeypatch.setattr(owner, "CATALOGUE", (*models.BUNDLED, small, asking))
    monkeypatch.setenv("CLEANPLATE_MODELS__MIRROR", server.url)
    monkeypatch.setenv("CLEANPLATE_MODELS__FOLDER", str(FOLDER))
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _own_runtime(runtime):
    """What a command tells this process of networks is forgotten after the test."""


def _table(text: str) -> dict[str, list[str]]:
    return {line.split("\t")[0]: line.split("\t") for line in text.splitlines()}


def test_the_list_says_what_is_here_and_what_could_be(capsys, hub):
    assert run(["models", "list"]) == 0
    said = capsys.readouterr()
    table = _table(said.out)
    assert table["find"][2] == "bundled"
    assert table["small"][1:5] == ["fill", "absent", "0.2 MiB", "MIT"]
    assert "Ask a lawyer." in said.err

    run(["models", "pull", "small"])
    capsys.readouterr()
    run(["models", "list", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["small"]["state"] == "fetched"
    assert rows["small"]["file"] == "nets/small.onnx"
    assert rows["small"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert rows["asking"]["state"] == "absent"
    assert rows["asking"]["note"] == "Ask a lawyer."


def test_a_network_is_fetched_and_a_second_time_is_not(capsys, hub):
    assert run(["models", "pull", "small"]) == 0
    assert "nets/small.onnx fetched" in capsys.readouterr().out
    assert run(["models", "pull", "small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fetched"] is False
    assert hub.paths == ["/a/small.onnx"]


@pytest.mark.parametrize("option", ["--accept-licence", "--yes", "-y"])
def test_without_a_terminal_a_disputed_licence_needs_an_option(capsys, hub, option):
    assert run(["models", "pull", "asking"]) == 1
    assert "Ask a lawyer. To accept its licence, add --accept-licence." in capsys.readouterr().err
    assert not FOLDER.exists()
    assert run(["models", "pull", "asking", option]) == 0
    assert run(["models", "pull", "asking"]) == 0  # it is here: nothing to ask


@pytest.mark.parametrize(("answer", "status"), [(b"n\n", 1), (b"y\n", 1)])
def test_at_a_terminal_it_is_asked(tmp_path, answer, status):
    """The real catalogue, and a mirror that has nothing: an accepted licence gets as far as asking it."""
    hub = Hub()
    hub.failures = [404]
    master, slave = pty.openpty()
    environment = {
        **os.environ,
        "CLEANPLATE_MODELS__MIRROR": hub.url,
        "CLEANPLATE_MODELS__FOLDER": str(tmp_path),
    }
    os.write(master, answer)
    done = subprocess.run(
        [*COMMAND, "models", "pull", "lama"], stdin=slave, capture_output=True, env=environment, check=False
    )
    os.close(master)
    os.close(slave)
    hub.close()
    assert done.returncode == status
    assert b"Fetch it?" in done.stderr
    assert bool(hub.paths) == (answer == b"y\n")


def test_networks_are_checked(capsys, hub):
    run(["models", "pull", "small"])
    capsys.readouterr()

    assert run(["models", "verify"]) == 0
    table = _table(capsys.readouterr().out)
    assert (table["find"][1], table["small"][1]) == ("bundled", "good")
    assert "asking" not in table
    assert run(["models", "verify", "asking"]) == 1  # named, and not here

    (FOLDER / "small.onnx").write_bytes(CONTENT[:-1] + b"!")
    capsys.readouterr()
    assert run(["models", "verify", "--json"]) == 1
    states = {row["name"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert states["small"] == "damaged"
    assert states["find"] == "bundled"


def test_a_network_can_be_deleted(capsys, hub):
    run(["models", "pull", "small"])
    assert run(["models", "remove", "small"]) == 0
    assert not (FOLDER / "small.onnx").exists()
    assert run(["models", "remove", "small"]) == 0
    assert "was not there" in capsys.readouterr().out
    assert run(["models", "remove", "find"]) == 1
    assert "comes with the package" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pull", "verify", "remove"])
def test_an_unknown_name_is_named_with_those_that_there_are(capsys, hub, command):
    assert run(["models", command, "lamma"]) == 1
    assert "'lamma': there are find, judge, " in capsys.readouterr().err
    assert not FOLDER.exists()


def test_a_mirror_that_is_no_address_is_named_at_once(capsys, monkeypatch):
    monkeypatch.setenv("CLEANPLATE_MODELS__MIRROR", "file:///srv/models")
    assert run(["models", "list"]) == 2
    assert "CLEANPLATE_MODELS__MIRROR" in capsys.readouterr().err


def test_remove_says_at_once_that_a_network_is_none(capsys, write, tmp_path):
    write(Path("in/a.png"))
    asked = ["remove", "in", "-o", "out", "--rectangle", "30,40,50,20"]
    networks.write_other(Path("other.onnx"))
    for model, said in (
        ("lamma", "There is no network 'lamma' that paints"),
        ("nowhere/x.onnx", "There is no file nowhere/x.onnx"),
        ("other.onnx", "is no network that paints as cleanplate understands it"),
        ("find", "There is no network 'find' that paints"),
    ):
        assert run([*asked, "--model", model]) == 1
        assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_remove_names_the_command_that_fetches(capsys, write, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "empty")
    write(Path("a.png"))
    assert run(["remove", "a.png", "-o", "b.png", "--model", "lama"]) == 1
    assert "`cleanplate models pull lama`" in capsys.readouterr().err


def test_a_setting_chooses_the_network_as_well(capsys, write, monkeypatch):
    write(Path("a.png"))
    monkeypatch.setenv("CLEANPLATE_MODELS__MODEL", "gone.onnx")
    assert run(["remove", "a.png", "-o", "b.png"]) == 1
    assert "gone.onnx" in capsys.readouterr().err
    monkeypatch.delenv("CLEANPLATE_MODELS__MODEL")
    Path("cleanplate.toml").write_text('[models]\nmodel = "lost.onnx"\n')
    assert run(["remove", "a.png", "-o", "b.png"]) == 1
    assert "lost.onnx" in capsys.readouterr().err


def test_a_provider_that_is_not_installed_is_named(capsys, write, monkeypatch):
    write(Path("a.png"))
    monkeypatch.setattr(session, "_models", {})
    monkeypatch.setenv("CLEANPLATE_MODELS__PROVIDER", "cuda")
    assert run(["remove", "a.png", "-o", "b.png"]) == 1
    assert "onnxruntime-gpu" in capsys.readouterr().err


def test_remove_paints_with_the_network_that_was_chosen(capsys, write):
    write(Path("in/a.png"), np.full((90, 120, 3), 80, np.uint8))
    write(Path("in/b.png"), np.full((90, 120, 3), 160, np.uint8))
    networks.write_lama(Path("mine.onnx"), 64)
    asked = ["--rectangle", "30,40,50,20", "--mode", "fill", "--model", "mine.onnx", "--json"]

    assert run(["remove", "in/a.png", "-o", "one.png", *asked]) == 0
    assert run(["remove", "in", "-o", "out", *asked]) == 0  # in processes of its own

    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [{fill["method"] for fill in report["fills"]} for report in reports] == [{"mine.onnx"}] * 3
    assert cv2.imread("one.png").mean() == 80
    assert cv2.imread("out/b.png").mean() == 160
