"""Servers and workers as processes of their own, on one PostgreSQL and one S3 server."""

from __future__ import annotations

import signal
import subprocess

import cv2
import numpy as np
import pytest
import requests

from fleet import Fleet, until
from servers import COMMAND, Origin

RECTANGLES = '[{"x":30,"y":40,"width":50,"height":20}]'


@pytest.fixture
def picture():
    pixels = np.full((90, 120, 3), 100, np.uint8)
    pixels[40:60, 30:80] = 255
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture
def fleet(tmp_path, postgres, s3):
    database = postgres.create()
    settings = {"TASK__LEASE_SECONDS": "3", "TASK__SWEEP_SECONDS": "1", "BLOBS__REDIRECT": "true"}
    with Fleet(tmp_path, postgres, database, s3, settings) as it:
        yield it
    postgres.drop(database)


def submit(server, token, picture, **fields):
    answer = requests.post(
        f"{server.url}/v1/removals",
        headers={"Authorization": f"Bearer {token}"},
        files={"rectangles": (None, RECTANGLES), **picture},
        data=fields,
        timeout=60,
    )
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


def test_what_one_server_accepts_a_worker_elsewhere_cleans_and_another_server_tells(fleet, picture):
    first = fleet.add_server()
    hand = fleet.add_worker(slots=2)
    second = fleet.add_server()
    assert first.token is not None
    assert second.token is None  # there is one already
    headers = {"Authorization": f"Bearer {first.token}"}

    told = submit(first, first.token, {"file": ("a.png", picture)}, sync="1")

    assert told["state"] == "done"
    asked = requests.get(f"{second.url}/v1/removals/{told['id']}", headers=headers, timeout=30).json()
    # The link is signed by one server and opened by another, which sends on to where the picture is.
    result = requests.get(asked["result"]["url"], timeout=30, allow_redirects=False)
    assert result.status_code == 307
    assert result.headers["Location"].startswith(fleet.s3.endpoint)
    result = requests.get(asked["result"]["url"], timeout=30)
    assert result.headers["Content-Type"] == "image/png"
    assert result.headers["Content-Disposition"] == f'inline; filename="{told["id"]}.png"'
    assert cv2.imdecode(np.frombuffer(result.content, np.uint8), cv2.IMREAD_UNCHANGED).max() <= 110
    for path in ("healthz", "readyz"):
        assert requests.get(f"http://127.0.0.1:{hand.port}/{path}", timeout=30).status_code == 200
    assert "cleanplate_work_seconds" in requests.get(f"http://127.0.0.1:{hand.port}/metrics", timeout=30).text


def test_a_worker_that_is_told_to_end_finishes_what_runs_and_hands_back_the_rest(fleet, picture):
    server = fleet.add_server()
    fleet.settings["WORKER__DRAIN_SECONDS"] = "2"
    hand = fleet.add_worker(slots=2)
    with Origin() as elsewhere:
        elsewhere.files = {"a.png": picture}
        headers = {"Authorization": f"Bearer {server.token}"}
        told = submit(server, server.token, {"url": (None, f"{elsewhere.url}/held/a.png")})
        assert elsewhere.asked.wait(60)

        assert hand.end(signal.SIGTERM) == 0

        [(state, attempt, losses)] = fleet.query("SELECT state, attempt, losses FROM tasks")
        assert (state, attempt, losses) == ("queued", 1, 0)
        elsewhere.released.set()
        fleet.add_worker()
        url = f"{server.url}/v1/removals/{told['id']}"
        until(lambda: requests.get(url, headers=headers, timeout=30).json()["state"] == "done")


def test_a_worker_that_dies_is_replaced_within_a_lease_and_a_sweep(fleet, picture):
    server = fleet.add_server()
    fleet.settings["WORKER__SLOTS"] = "1"
    doomed = fleet.add_worker()
    with Origin() as elsewhere:
        elsewhere.files = {"a.png": picture}
        submit(server, server.token, {"url": (None, f"{elsewhere.url}/held/a.png")})
        assert elsewhere.asked.wait(60)
        fleet.add_worker()
        doomed.end(signal.SIGKILL)
        elsewhere.released.set()
        until(lambda: fleet.query("SELECT state FROM tasks") == [("done",)])
    assert fleet.query("SELECT attempt, losses FROM tasks") == [(2, 1)]
    assert fleet.query("SELECT kind FROM ledger ORDER BY id") == [("hold",), ("capture",)]


def test_a_stopped_server_is_waited_for_by_its_workers(fleet, picture):
    """PostgreSQL is restarted: nothing is lost, nobody has to be started again."""
    server = fleet.add_server()
    hand = fleet.add_worker()
    fleet.postgres.stop()
    until(lambda: requests.get(f"http://127.0.0.1:{hand.port}/readyz", timeout=30).status_code == 503)
    assert requests.get(f"http://127.0.0.1:{hand.port}/healthz", timeout=30).status_code == 200
    refused = requests.post(
        f"{server.url}/v1/removals",
        headers={"Authorization": f"Bearer {server.token}"},
        files={"rectangles": (None, RECTANGLES), "file": ("a.png", picture)},
        timeout=60,
    )
    assert refused.status_code == 503
    fleet.postgres.start()
    until(lambda: requests.get(f"http://127.0.0.1:{hand.port}/readyz", timeout=30).status_code == 200)
    told = submit(server, server.token, {"file": ("a.png", picture)}, sync="1")
    assert told["state"] == "done"


@pytest.mark.parametrize("arguments", [["serve", "--no-worker", "--port", "0"], ["worker"]])
def test_apart_from_each_other_they_need_something_to_share(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("CLEANPLATE_DATA_DIR", str(tmp_path))
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("cleanplate: Servers and workers that are processes of their own share")
    assert done.stderr.count("\n") == 1
