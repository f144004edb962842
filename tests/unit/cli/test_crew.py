from __future__ import annotations

import json
import multiprocessing
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cleanplate.cli.cleaning import Order
from cleanplate.cli.crew import clean_all
from cleanplate.cli.plan import Job

COMMAND = [sys.executable, "-c", "from cleanplate.cli import main; main()"]
ORDER = Order(rectangles=((30, 40, 50, 20),), into_folder=True, part="test")


def _jobs(*names):
    return [Job(Path("in", name), Path("out", name), Path(name)) for name in names]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_picture_that_kills_its_process_harms_no_other(write, number):
    for name in ("b.png", "c.png"):
        write(Path("in", name))
    os.mkfifo("in/a.png")

    def kill_whoever_reads():
        with Path("in/a.png").open("wb"):  # opens when the process reads its picture
            (process,) = multiprocessing.active_children()
            os.kill(process.pid, number)

    killer = threading.Thread(target=kill_whoever_reads)
    killer.start()
    reports = {report.path: report for report in clean_all(_jobs("a.png", "b.png", "c.png"), ORDER, 1)}
    killer.join()

    assert reports["in/a.png"].code == ("memory_short" if number == signal.SIGKILL else "process_died")
    assert reports["in/b.png"].error is None
    assert reports["in/c.png"].error is None
    assert sorted(path.name for path in Path("out").iterdir()) == ["b.png", "c.png"]


def test_ending_early_leaves_no_process_and_no_unfinished_file(write):
    names = [f"{number}.png" for number in range(8)]
    for name in names:
        write(Path("in", name))

    reports = clean_all(_jobs(*names), ORDER, 2)
    first = next(reports)
    reports.close()

    assert first.error is None
    assert multiprocessing.active_children() == []
    assert [path for path in Path("out").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_goes_on_where_it_stopped(write, number, status):
    write(Path("in/a.png"))
    os.mkfifo("slow.png")
    arguments = ["remove", "in/a.png", "slow.png", "-o", "out", "--json", "--rectangle", "30,40,50,20"]
    running = subprocess.Popen(
        [*COMMAND, *arguments, "--jobs", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert json.loads(running.stdout.readline())["path"] == "in/a.png"
    with Path("slow.png").open("wb"):  # the second picture is being read
        running.send_signal(number)
        _, said = running.communicate(timeout=30)

    assert running.returncode == status
    assert "Traceback" not in said
    if number == signal.SIGINT:
        assert "stopped after 1 of 2" in said
    assert [path.name for path in Path("out").iterdir()] == ["a.png"]


def test_a_reader_that_has_had_enough_is_no_defect(write):
    for number in range(3):
        write(Path(f"in/{number}.png"))

    running = subprocess.Popen(
        [*COMMAND, "remove", "in", "-o", "out", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running.stdout.close()
    with running.stderr:
        said = running.stderr.read()
    running.wait(timeout=30)

    assert "Traceback" not in said


def test_a_bar_is_seen_on_a_terminal(write):
    """The second picture is held back until more than the bar's patience has gone by and it is drawn."""
    write(Path("a.png"))
    write(Path("b.png"))
    data = Path("a.png").read_bytes()
    os.mkfifo("slow.png")
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [*COMMAND, "remove", "slow.png", "a.png", "b.png", "-o", "out", "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(theirs)
    with Path("slow.png").open("wb") as pipe:
        threading.Event().wait(1.2)  # this is the very thing that is tested: more than a second goes by
        pipe.write(data)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the terminal is gone with its last user
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    running.stdout.close()

    assert running.wait(timeout=30) == 0
    assert re.search(rb"[123]/3", seen)
