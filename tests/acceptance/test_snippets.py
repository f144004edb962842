"""The vendors' example calls against our server: only the host and the token are changed."""

from __future__ import annotations

import ast
import base64
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
import requests

SNIPPETS = Path(__file__).parent / "snippets"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# How far the filled pixels may be from the photograph on average, in 256 levels. Its light changes by some 30
# levels across the rectangle, and a classical fill does not know the exact curve. The mark itself was over 80
# levels away, so what passes has no trace of it.
FILL_TOLERANCE = 14


def _snippet(name, server):
    return (
        (SNIPPETS / name)
        .read_text()
        .replace("https://backend.kaze.ai", server.url)
        .replace("https://api.gpt.ge", server.url)
        .replace("Authorization: Bearer '", f"Authorization: Bearer {server.token}'")
        .replace("sk-xxxx", server.token)
    )


def _curl(text):
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _node(text, tmp_path):
    """Run a script; its `console.log` writes JSON, so that it can be read here."""
    (tmp_path / "log.cjs").write_text("console.log = (given) => process.stdout.write(JSON.stringify(given));")
    (tmp_path / "snippet.mjs").write_text(text)
    done = subprocess.run(
        ["node", "--require", "./log.cjs", "snippet.mjs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _python(text):
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return ast.literal_eval(done.stdout)


def _picture(url):
    """The result as a browser gets it: a plain GET without any header of ours."""
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert urlsplit(url).path.endswith(".png")
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)


def _assert_clean(pixels, area, marked, truth, mark):
    assert pixels.shape == marked.shape
    assert np.array_equal(pixels[~area], marked[~area])
    before = np.abs(marked[mark].astype(int) - truth[mark]).mean()
    after = np.abs(pixels[area].astype(int) - truth[area]).mean()
    assert before > 80
    assert after < FILL_TOLERANCE


def _kaze_result(server, task_id):
    """Poll as a client does. The server holds each question for a while, so no pause is needed in between."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = _curl(_snippet("kaze_get_task_result.sh", server).replace("aaabbbccc", task_id))
        assert answer["message"] == "success"
        if answer["data"]["status"] != "processing":
            return answer
        assert answer["data"]["images"] == []
    pytest.fail("the task did not end")


def _kaze_submitted(answer):
    assert answer["code"] == 0
    assert answer["message"] == "success"
    assert set(answer["data"]) == {"task_id"}
    assert UUID.fullmatch(answer["data"]["task_id"])
    return answer["data"]["task_id"]


def test_kaze_with_a_url_and_no_region_finds_the_mark(server, marked, truth, mark):
    task_id = _kaze_submitted(_curl(_snippet("kaze_submit_url.sh", server)))

    answer = _kaze_result(server, task_id)

    assert answer["data"]["status"] == "success"
    area = cv2.dilate(mark.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    _assert_clean(_picture(answer["data"]["images"][0]["url"]), area, marked, truth, mark)


def test_kaze_with_base64(server, marked, png):
    text = base64.b64encode(png(marked)).decode()
    snippet = _snippet("kaze_submit_base64.sh", server).replace("xxxxxxxxxxxxxxx", text)

    task_id = _kaze_submitted(_curl(snippet))

    answer = _kaze_result(server, task_id)
    assert answer["data"]["status"] == "success"
    assert len(answer["data"]["images"]) == 1


def test_kaze_with_the_placeholder_as_printed_is_a_parameter_error(server):
    answer = _curl(_snippet("kaze_submit_base64.sh", server))

    assert answer["code"] == 1000
    assert answer["message"]


def test_kaze_with_a_smear_cleans_what_was_smeared(server, marked, truth, mark, smear, png):
    text = base64.b64encode(png(marked)).decode()
    snippet = _snippet("kaze_submit_smear.sh", server).replace("xxxxxxxxxxxxxxxxx", text)

    answer = _kaze_result(server, _kaze_submitted(_curl(snippet)))

    assert answer["data"]["status"] == "success"
    pixels = _picture(answer["data"]["images"][0]["url"])
    _assert_clean(pixels, smear.any(axis=2), marked, truth, mark)


def test_kaze_with_an_unknown_task_is_a_parameter_error(server):
    answer = _curl(_snippet("kaze_get_task_result.sh", server))

    assert answer["code"] == 1000
    assert answer["message"] == "task not found"


def _assert_gptge(answer, marked, truth, mark):
    """The fields of the vendor's sample with their types, and the picture behind `image`."""
    assert answer["status"] == 200
    data = answer["data"]
    types = {
        "completed_at": int,
        "created_at": int,
        "download_time": int,
        "err_info": str,
        "foreground_rect": dict,
        "image": str,
        "image_height": int,
        "image_width": int,
        "output_type": int,
        "processed_at": int,
        "progress": int,
        "result_type": str,
        "return_type": int,
        "state": int,
        "state_detail": str,
        "task_id": str,
        "time_elapsed": float,
        "type": str,
    }
    assert {key: type(data[key]) for key in types} == types
    assert (data["state"], data["state_detail"], data["progress"]) == (1, "Complete", 100)
    assert data["err_info"] == ""
    assert (data["image_width"], data["image_height"]) == (200, 150)
    rect = data["foreground_rect"]  # round what was removed: the strokes that were found in the rectangle
    x, y, width, height = (rect[key] for key in ("x", "y", "width", "height"))
    assert mark[y : y + height, x : x + width].sum() == mark.sum()
    assert x + width <= 100
    assert y + height <= 100
    assert data["created_at"] <= data["processed_at"] <= data["completed_at"]
    assert UUID.fullmatch(data["task_id"])
    area = np.zeros(mark.shape, bool)
    area[:100, :100] = True
    _assert_clean(_picture(data["image"]), area, marked, truth, mark)


def test_gptge_with_curl(server, marked, truth, mark):
    _assert_gptge(_curl(_snippet("gptge_watermark.sh", server)), marked, truth, mark)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed here")
def test_gptge_with_fetch(server, marked, truth, mark, tmp_path):
    _assert_gptge(_node(_snippet("gptge_watermark.js", server), tmp_path), marked, truth, mark)


def test_gptge_with_requests(server, marked, truth, mark):
    _assert_gptge(_python(_snippet("gptge_watermark.py.txt", server)), marked, truth, mark)


def test_gptge_without_a_good_token_is_refused_in_its_own_words(server):
    answer = _curl(_snippet("gptge_watermark.sh", server).replace(server.token, "sk-xxxx"))

    assert answer["status"] == 401
    assert answer["message"]
