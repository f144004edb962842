from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts threads as Linux tells them")
def test_the_command_keeps_the_linear_algebra_from_waking_threads_that_fight_for_the_processors():
    script = """
import sys
from pathlib import Path
from cleanplate.cli import main
try:
    main()
except SystemExit:
    import numpy
    square = numpy.ones((300, 300))
    square @ square
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("Threads:")))
"""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=True, env=free
    )
    assert done.stdout.splitlines()[-1] == "1"


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
