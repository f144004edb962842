"""`cleanplate serve` as whoever starts it sees it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from servers import COMMAND, Cleanplate, Origin

SAMPLE = Path(__file__).parents[2] / "samples/lake.jpg"


def test_the_printed_command_cleans_the_sample_as_it_is_pasted(tmp_path):
    (tmp_path / "samples").mkdir()
    shutil.copy(SAMPLE, tmp_path / "samples")
    with Cleanplate(tmp_path, {"WORKER__SLOTS": "1"}) as server:
        lines = server.greeting.splitlines()
        command = "\n".join(lines[next(at for at, line in enumerate(lines) if "curl" in line) :])
        said = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
        )

    assert said.stdout == "saved clean.jpg\n"
    before, after = (cv2.imread(str(path)) for path in (SAMPLE, tmp_path / "clean.jpg"))
    assert after.shape == before.shape
    assert before[462:516, 36:272].max() > 200  # the white letters
    assert after[462:516, 36:272].max() < 150  # dark water
    changed = np.abs(after.astype(int) - before).max(axis=2) > 3
    changed[448:528, 24:288] = False  # the rectangle, and the JPEG blocks that it touches
    assert not changed.any()


def test_the_first_token_is_shown_once_and_is_an_admins(tmp_path):
    server = Cleanplate(tmp_path, {"WORKER__SLOTS": "1"})
    with server:
        first = server.token
        made = requests.post(
            f"{server.url}/v1/tokens",
            headers={"Authorization": f"Bearer {first}"},
            json={"name": "second"},
            timeout=30,
        )
        assert made.status_code == 201
        assert first not in server.log
    with server:
        assert "cp_" not in server.greeting
        assert "token create" in server.greeting
        answer = requests.get(f"{server.url}/v1/account", headers={"X-API-KEY": first}, timeout=30)
        assert answer.status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(tmp_path, number):
    server = Cleanplate(tmp_path, {"WORKER__SLOTS": "1"}).start()
    assert requests.get(f"{server.url}/healthz", timeout=30).status_code == 200

    assert server.end(number) == 0
    assert "Traceback" not in server.log


def test_a_signal_lets_a_waiting_client_have_its_picture(tmp_path):
    settings = {"FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"], "WORKER__SLOTS": "1"}
    with Origin() as elsewhere, ThreadPoolExecutor() as clients:
        elsewhere.files["lake.jpg"] = SAMPLE.read_bytes()
        server = Cleanplate(tmp_path, settings).start()
        answer = clients.submit(
            requests.post,
            f"{server.url}/task/pic/watermark",
            headers={"Authorization": f"Bearer {server.token}"},
            data={
                "image_url": f"{elsewhere.url}/held/lake.jpg",
                "rectangles": '[{"x":36,"y":462,"width":236,"height":54}]',
                "sync": "1",
            },
            timeout=60,
        )
        assert elsewhere.asked.wait(30)  # the task runs
        server.process.send_signal(signal.SIGTERM)
        elsewhere.released.set()

        body = answer.result().json()
        assert (body["status"], body["data"]["state"]) == (200, 1)
        assert server.wait() == 0


def test_a_port_that_is_taken_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "serve", "--port", port], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert done.stderr.startswith(
        f"cleanplate: Cannot listen on 127.0.0.1, port {port} (Address already in use)"
    )
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_it_serves_without_tokens_when_told_to(tmp_path):
    with Cleanplate(tmp_path, {"ACCOUNT__REQUIRE_TOKEN": "false", "WORKER__SLOTS": "1"}) as server:
        assert "Bearer" not in server.greeting
        answer = requests.get(f"{server.url}/v1/account", timeout=30)

    assert answer.status_code == 200
