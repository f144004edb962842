"""What the tests of the gpt.ge dialect share: its paths, and how a client of that vendor's asks."""

from __future__ import annotations

import time

WATERMARK = "/task/pic/watermark"
AUTO = "/task/pic/watermark_auto"


def submit(house, path=WATERMARK, **parts):
    answer = house.client.post(path, files=parts)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


def ask(house, task_id):
    answer = house.client.get(f"/task/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(house, task_id):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        body = ask(house, task_id)
        if body["data"]["state"] not in {0, 4}:
            return body
    raise AssertionError("still running")


def seconds(value):
    """Whether this is a plausible Unix time in whole seconds."""
    return type(value) is int and abs(value - time.time()) < 120
