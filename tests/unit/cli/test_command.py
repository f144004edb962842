from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from cleanplate.cli.app import run

HEAVY = {"asyncpg", "cv2", "numpy", "PIL", "pydantic_settings", "sqlalchemy", "fastapi", "uvicorn", "rich"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["remove", "--help"], ["serve", "-h"], ["worker", "-h"], ["token", "--help"]]
)
def test_help_loads_nothing_heavy(arguments):
    """What makes `--help` slow is imports, so they are looked at: a clock would time the machine."""
    script = (
        "import sys; from cleanplate.cli.app import run; status = run(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )

    assert "Usage: cleanplate" in done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"cleanplate {version('cleanplate')}\n"


@pytest.mark.parametrize("arguments", [[], ["token"], ["credits"]])
def test_nothing_asked_for_is_answered_with_help(arguments, capsys):
    assert run(arguments) == 2
    assert "Usage: cleanplate" in capsys.readouterr().err


def test_the_installed_command_runs():
    done = subprocess.run(
        [sys.executable, "-c", "from cleanplate.cli import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("cleanplate ")


def test_settings_that_are_wrong_are_one_message_and_status_2(monkeypatch, capsys):
    monkeypatch.setenv("CLEANPLATE_HTTP__PORT", "99999999")

    assert run(["doctor"]) == 2

    said = capsys.readouterr().err
    assert "CLEANPLATE_HTTP__PORT" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["worker", "--slots", "0"], {}, "--slots"),
        (["worker"], {"DATABASE__URL": "mysql://ann:hush@db/x"}, "must begin with"),
        (
            ["serve", "--no-worker", "--port", "0"],
            {"BLOBS__URL": "s3://key:hush@bucket"},
            "settings of their own",
        ),
        (
            ["worker"],
            {"DATABASE__URL": "postgresql://ann:hush@127.0.0.1:1/x"},
            "a folder that all of them see",
        ),
        (
            ["worker"],
            {
                "DATABASE__URL": "postgresql://ann:hush@127.0.0.1:1/x",
                "BLOBS__URL": "file://FOLDER/blobs",
            },
            "try again in a moment",
        ),
    ],
)
def test_a_worker_that_cannot_work_says_why_in_one_line(
    arguments, settings, said, monkeypatch, capsys, tmp_path
):
    settings = {"BLOBS__URL": "memory:///", **settings}
    for name, value in settings.items():
        monkeypatch.setenv(f"CLEANPLATE_{name}", value.replace("FOLDER", str(tmp_path)))

    assert run(arguments) != 0

    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "hush" not in told
