"""A picture is sent and nothing is said of where its mark is: by the command and in every dialect."""

from __future__ import annotations

import base64
import json
import subprocess
import time

import pytest
import requests

from servers import COMMAND
from watermarked import OPACITY, decoded, encoded, is_restored, marked, photo

MARKED = encoded(marked())
CLEAN = encoded(photo(), "JPEG")  # bytes that no decoding and encoding again would give
SECONDS = 60


def _command(data, _server, tmp_path):
    (tmp_path / "in").write_bytes(data)
    arguments = ["remove", "in", "-o", "out", "--json"]
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
    return (tmp_path / "out").read_bytes(), json.loads(done.stdout)["found"]


def _native(data, server, _tmp_path):
    body = _post(server, "/v1/removals", files={"file": data}, data={"sync": "1"})
    assert (body["state"], body["error"]) == ("done", None)
    return requests.get(body["result"]["url"], timeout=SECONDS).content, body["result"]["found"]


def _gptge(path, field):
    def send(data, server, _tmp_path):
        answer = _post(server, path, files={field: data}, data={"sync": "1"})
        assert (answer["status"], answer["message"], answer["data"]["state"]) == (200, "success", 1)
        assert "found" not in answer["data"]
        return requests.get(answer["data"]["image"], timeout=SECONDS).content, _seen(server, answer)

    return send


def _kaze(data, server, _tmp_path):
    path = "/api/ext/v1/submit_watermark_removal"
    submitted = _post(server, path, json={"image_base64": base64.b64encode(data).decode()})
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:  # the server holds each answer back while the task runs
        answer = _post(server, "/api/ext/v1/get_task_result", json={"task_id": submitted["data"]["task_id"]})
        if answer["data"]["status"] != "processing":
            break
    assert set(answer["data"]) == {"status", "images"}
    assert answer["data"]["status"] == "success"
    picture = requests.get(answer["data"]["images"][0]["url"], timeout=SECONDS).content
    return picture, _seen(server, submitted)


def _post(server, path, **sent):
    headers = {"Authorization": f"Bearer {server.token}"}
    answer = requests.post(server.url + path, headers=headers, timeout=SECONDS, **sent)
    assert answer.ok, answer.text
    return answer.json()


def _seen(server, answer):
    """What the vendors' answers have no words for, the native one tells of the same task."""
    headers = {"Authorization": f"Bearer {server.token}"}
    url = f"{server.url}/v1/removals/{answer['data']['task_id']}"
    return requests.get(url, headers=headers, timeout=SECONDS).json()["result"]["found"]


WAYS = {
    "command": _command,
    "native": _native,
    "kaze": _kaze,
    "gptge auto": _gptge("/task/pic/watermark_auto", "file"),
    "gptge without an area": _gptge("/task/pic/watermark", "image_file"),
}


@pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)
def test_a_mark_is_found_and_the_photograph_had_back(send, server, tmp_path):
    answer, [mark, *_] = send(MARKED, server, tmp_path)

    assert is_restored(decoded(answer))
    assert mark["kind"] == "see-through"
    assert mark["opacity"] == pytest.approx(OPACITY, abs=0.1)
    assert mark["colour"] == "#ffffff"


@pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)
def test_a_photograph_without_a_mark_comes_back_as_its_very_bytes(send, server, tmp_path):
    assert send(CLEAN, server, tmp_path) == (CLEAN, [])
