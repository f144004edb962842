from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

import networks
from backends import ACCESS_KEY, BUCKET, SECRET_KEY
from cleanplate import models
from cleanplate.cli.app import run
from cleanplate.models import catalogue, session

MIGRATIONS = Path(__file__).parents[3] / "src/cleanplate/store/migrations/versions"


def _lines(capsys):
    return {line[4:].split(":", 1)[0].strip(): line for line in capsys.readouterr().out.splitlines()}


def test_all_is_well_before_the_first_start_and_nothing_is_made(capsys):
    assert run(["doctor"]) == 0

    lines = _lines(capsys)
    assert all(line.startswith("ok ") for line in lines.values())
    assert {
        "cleanplate",
        "pictures",
        "HEIC",
        "OpenCV",
        "network find",
        "machine",
        "storage",
        "database",
        "outbound network",
    } <= set(lines)
    assert "AVIF" in lines["pictures"]
    assert "SHA-256" in lines["network find"]
    assert "CPUExecutionProvider" in lines["network find"]
    assert "can run on cpu" in lines["ONNX Runtime"]
    assert "MiB ready" in lines["network find"]
    assert "not fetched: migan, lama" in lines["larger networks"]
    assert not Path("data").exists()


def test_a_network_that_is_not_the_released_one_is_bad(capsys, monkeypatch):
    damaged = tuple(replace(each, sha256="0" * 64) if each.id == "find" else each for each in models.BUNDLED)
    monkeypatch.setattr(session, "_models", {})  # as in a process that has loaded none yet
    monkeypatch.setattr(catalogue, "CATALOGUE", damaged + models.FETCHABLE)

    assert run(["doctor"]) == 1

    lines = _lines(capsys)
    assert lines["network find"].startswith("BAD ")
    assert "install cleanplate again" in lines["network find"]
    assert lines["network judge"].startswith("ok ")


def test_two_runtimes_of_one_name_are_bad(capsys, monkeypatch, tmp_path):
    other = tmp_path / "site" / "onnxruntime_gpu-1.23.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.23.0\n")
    monkeypatch.syspath_prepend(tmp_path / "site")

    assert run(["doctor"]) == 1

    line = _lines(capsys)["ONNX Runtime"]
    assert line.startswith("BAD ")
    assert "onnxruntime and onnxruntime-gpu share one name" in line


def test_the_chosen_network_is_tried_and_said_to_cost(capsys, monkeypatch, runtime):
    networks.write_lama(Path("mine.onnx"))
    monkeypatch.setenv("CLEANPLATE_MODELS__MODEL", "mine.onnx")

    assert run(["doctor"]) == 0

    line = _lines(capsys)["network that paints"]
    assert "mine.onnx on CPUExecutionProvider" in line
    assert "MiB at work on 512 × 512" in line


@pytest.mark.parametrize(
    ("name", "value", "line", "said"),
    [
        ("MODEL", "gone.onnx", "network that paints", "There is no file gone.onnx"),
        ("PROVIDER", "cuda", "ONNX Runtime", "asked for: cuda"),
        ("PROVIDER", "cuda", "network find", "onnxruntime-gpu"),
    ],
)
def test_a_network_or_a_provider_that_is_not_there_is_bad(
    capsys, monkeypatch, runtime, name, value, line, said
):
    monkeypatch.setattr(session, "_models", {})
    monkeypatch.setenv(f"CLEANPLATE_MODELS__{name}", value)

    assert run(["doctor"]) == 1

    found = _lines(capsys)[line]
    assert found.startswith("BAD ")
    assert said in found


def test_a_fetched_network_that_is_damaged_is_bad(capsys, monkeypatch, runtime, tmp_path):
    monkeypatch.setenv("CLEANPLATE_MODELS__FOLDER", str(tmp_path))
    (tmp_path / models.find("migan").file).write_bytes(b"half of it")

    assert run(["doctor"]) == 1

    assert "cleanplate models pull migan" in _lines(capsys)["network migan"]


def test_it_says_the_level_of_the_database_and_the_depth_of_the_queue(capsys):
    run(["credits", "show"])  # makes the database
    capsys.readouterr()

    assert run(["doctor"]) == 0

    lines = _lines(capsys)
    newest = max(path.name for path in MIGRATIONS.glob("0*.py"))[:4]
    assert f"tables of level {newest}" in lines["database"]
    assert "0 of 1000" in lines["queue"]


def test_a_database_that_is_none_is_bad(capsys):
    Path("data").mkdir()
    Path("data/cleanplate.db").write_text("this is no database, but a page of text" * 100)

    assert run(["doctor"]) == 1

    assert _lines(capsys)["database"].startswith("BAD ")


def test_a_full_queue_is_bad(capsys, monkeypatch):
    run(["credits", "show"])
    with sqlite3.connect("data/cleanplate.db") as db:
        (account,) = db.execute("SELECT id FROM accounts").fetchone()
        columns = {row[1]: row for row in db.execute("PRAGMA table_info(tasks)")}
        values = {name: 0 for name, row in columns.items() if row[3]}
        values |= {"id": "x", "account_id": account, "state": "queued"}
        names = ", ".join(values)
        db.execute(f"INSERT INTO tasks ({names}) VALUES ({', '.join('?' * len(values))})", [*values.values()])
    db.close()
    monkeypatch.setenv("CLEANPLATE_TASK__MAX_QUEUED", "1")
    capsys.readouterr()

    assert run(["doctor"]) == 1

    assert _lines(capsys)["queue"].startswith("BAD ")


def test_it_says_which_private_networks_may_be_reached(capsys, monkeypatch):
    monkeypatch.setenv("CLEANPLATE_FETCH__ALLOW_NETWORKS", '["10.1.0.0/16"]')

    run(["doctor"])

    assert "10.1.0.0/16" in _lines(capsys)["outbound network"]


def test_what_many_machines_share_is_tried(capsys, monkeypatch, postgres_url, s3):
    settings = {
        "DATABASE__URL": postgres_url,
        "BLOBS__URL": f"s3://{BUCKET}/doctor",
        "BLOBS__ENDPOINT": s3.endpoint,
        "BLOBS__ACCESS_KEY": ACCESS_KEY,
        "BLOBS__SECRET_KEY": SECRET_KEY,
        "BLOBS__RETRY_SECONDS": "0.1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CLEANPLATE_{name}", value)
    assert run(["doctor"]) == 0
    lines = _lines(capsys)
    assert "written, read and removed" in lines["storage"]
    assert "heard after" in lines["wake-ups"]
    assert "postgres@" not in lines["database"]

    monkeypatch.setenv("CLEANPLATE_BLOBS__SECRET_KEY", "wrong")
    monkeypatch.setenv("CLEANPLATE_DATABASE__URL", "postgresql://ann:hush@127.0.0.1:1/x")
    assert run(["doctor"]) == 1
    lines = _lines(capsys)
    assert lines["storage"].startswith("BAD")
    assert lines["database"].startswith("BAD")
    assert "hush" not in "".join(lines.values())
