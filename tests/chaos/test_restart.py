"""The server is killed with work under way: what was accepted is finished, once, and is told."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import requests

from servers import Cleanplate, Origin, children

TASKS = 12
GRANTED = 100


def _until(true, seconds=60):
    """Look again and again until something is true; the pauses only save the processor."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


def _rows(folder: Path, query: str):
    db = sqlite3.connect(folder / "data/cleanplate.db", timeout=10)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def _states(folder):
    return Counter(state for (state,) in _rows(folder, "SELECT state FROM tasks"))


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_twelve_tasks_survive_a_kill_finish_once_are_charged_once_and_are_told(tmp_path):
    pixels = np.full((90, 120, 3), 100, np.uint8)
    pixels[40:60, 30:80] = 255
    with Origin() as elsewhere:
        elsewhere.files = {
            f"{number}.png": cv2.imencode(".png", pixels)[1].tobytes() for number in range(TASKS)
        }
        server = Cleanplate(
            tmp_path,
            {
                "WORKER__SLOTS": "1",
                "WORKER__DOWNLOADS": "1",
                "TASK__LEASE_SECONDS": "2",
                "TASK__SWEEP_SECONDS": "1",
                "TASK__MAX_WAIT_SECONDS": "0",
                "NOTIFY__RETRY_SECONDS": [1, 1, 1],
                "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
            },
        ).start()
        server.run("credits", "grant", "default", str(GRANTED))
        headers = {"Authorization": f"Bearer {server.token}"}
        submitted = [
            requests.post(
                f"{server.url}/task/pic/watermark",
                headers=headers,
                files={
                    "image_url": (None, f"{elsewhere.url}/held/{number}.png"),
                    "rectangles": (None, '[{"x":30,"y":40,"width":50,"height":20}]'),
                    "callback_url": (None, f"{elsewhere.url}/heard"),
                },
                timeout=30,
            ).json()["data"]["task_id"]
            for number in range(TASKS)
        ]
        _until(lambda: _states(tmp_path) == {"running": 2, "queued": 10})
        pids = children(server.process.pid)
        assert pids

        server.end(signal.SIGKILL)

        _until(lambda: not any(map(_alive, pids)))  # its children do not outlive it
        assert _states(tmp_path) == {"running": 2, "queued": 10}
        elsewhere.released.set()
        with server:
            _until(lambda: _states(tmp_path) == {"done": TASKS})
            callbacks = elsewhere.wait_for_callbacks(
                lambda heard: {json.loads(body)["data"]["task_id"] for _, _, body in heard} == set(submitted)
            )
            for task_id in submitted:
                answer = requests.get(f"{server.url}/task/{task_id}", headers=headers, timeout=30).json()
                assert answer["data"]["state"] == 1
                result = requests.get(answer["data"]["image"], timeout=30).content
                cleaned = cv2.imdecode(np.frombuffer(result, np.uint8), cv2.IMREAD_UNCHANGED)
                assert cleaned.max() <= 110  # the mark of 255 is gone from a ground of 100

        for path, sent, body in callbacks:
            assert path == "/heard"
            assert {name.lower() for name in sent} >= {"webhook-id", "webhook-timestamp", "webhook-signature"}
            assert json.loads(body)["data"]["state"] == 1
        entries = Counter(kind for (kind,) in _rows(tmp_path, "SELECT kind FROM ledger"))
        assert entries == {"grant": 1, "hold": TASKS, "capture": TASKS}
        charged = {task for (task,) in _rows(tmp_path, "SELECT task_id FROM ledger WHERE kind = 'capture'")}
        assert charged == set(submitted)
        assert (
            server.run("credits", "show") == f"default: {GRANTED - TASKS} left of {GRANTED}, {TASKS} used\n"
        )
