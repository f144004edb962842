"""A folder of two hundred pictures, two of them broken."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import threading

import cv2
import numpy as np
import pytest

from servers import COMMAND

ENDINGS = (".jpg", ".png", ".webp", ".bmp", ".tif")


@pytest.fixture
def folder(tmp_path):
    """200 pictures of five formats in five folders; two are broken. Each has a mark in its lower right."""
    random = np.random.default_rng(200)
    for number in range(200):
        width, height = (int(side) for side in random.integers(120, 400, 2))
        pixels = cv2.resize(random.integers(0, 160, (5, 6, 3), dtype=np.uint8), (width, height))
        pixels[height * 3 // 4 : height * 7 // 8, width * 5 // 8 : width * 7 // 8] = 255
        path = tmp_path / "in" / f"album {number % 5}" / f"{number:03}{ENDINGS[number % 5]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    cut = tmp_path / "in" / "album 1" / "101.png"
    cut.write_bytes(cut.read_bytes()[:200])
    (tmp_path / "in" / "album 0" / "050.jpg").write_text("this was never a picture")
    return tmp_path


def _run(folder):
    """Run the command with a terminal for its standard error; its exit status, reports and what was seen."""
    ours, theirs = pty.openpty()
    command = ["remove", "in", "-o", "out", "--rectangle", "60%,70%,30%,20%", "--jobs", "2", "--json"]
    running = subprocess.Popen(
        [*COMMAND, *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(theirs)
    seen: list[bytes] = []

    def look():
        with contextlib.suppress(OSError):  # the terminal is gone with its last user
            while piece := os.read(ours, 65536):
                seen.append(piece)

    looking = threading.Thread(target=look)
    looking.start()
    out, _ = running.communicate(timeout=300)
    looking.join()
    os.close(ours)
    return running.returncode, [json.loads(line) for line in out.splitlines()], b"".join(seen).decode()


def test_two_hundred_pictures_two_of_them_broken(folder):
    status, reports, seen = _run(folder)

    assert status == 1
    failed = {report["path"]: report["error"] for report in reports if report["error"]}
    assert set(failed) == {"in/album 0/050.jpg", "in/album 1/101.png"}
    for path in failed:
        assert f"cleanplate: {path}: " in seen
    assert re.search(r"\d+/200", seen), "no progress was seen"
    assert "198 cleaned, 2 failed" in seen
    sources = {path.relative_to(folder / "in") for path in (folder / "in").rglob("*") if path.is_file()}
    results = {path.relative_to(folder / "out") for path in (folder / "out").rglob("*") if path.is_file()}
    assert len(results) == 198
    assert results < sources  # the same tree with the same names
    for path in sorted(results)[::20]:
        before = cv2.imread(str(folder / "in" / path), cv2.IMREAD_UNCHANGED)
        after = cv2.imread(str(folder / "out" / path), cv2.IMREAD_UNCHANGED)
        assert after.shape == before.shape
        height, width = before.shape[:2]
        middle = (height * 13 // 16, width * 3 // 4)
        assert before[middle].min() > 240
        assert after[middle].max() < 220

    made = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*")}
    status, reports, seen = _run(folder)

    assert status == 1  # the broken ones are still broken
    assert sum(report["skipped"] for report in reports) == 198
    assert sum(report["error"] is not None for report in reports) == 2
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*")} == made
