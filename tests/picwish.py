"""What the tests of the PicWish dialect share: its paths, and how a client of that vendor's asks."""

from __future__ import annotations

import time

from forms import text

REMOVE = "/api/tasks/visual/external/watermark-remove"
INPAINT = "/api/tasks/visual/inpaint"
WATERMARK = "/api/tasks/visual/watermark"
CREDITS = "/api/customers/package-credits"
CALLS = [REMOVE, INPAINT, WATERMARK]
NOBODY = "3b950563-e53f-4036-a581-5ac04d0829b3"
URL = "https://example.com/a.png"
BOX = '[{"x":0,"y":0,"width":10,"height":10}]'
RESULTS = {"image", "file"}


def area(path):
    """What a call needs beside a picture."""
    return text({"rectangles": BOX}) if path == INPAINT else {}


def field_of(path):
    return "file" if path == REMOVE else "image"


def submit(house, path, **parts):
    answer = house.client.post(path, files={**area(path), **parts})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


def ask(house, path, task_id):
    answer = house.client.get(f"{path}/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(house, path, task_id):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        body = ask(house, path, task_id)
        if body["data"]["state"] not in {0, 2, 3, 4}:
            return body
    raise AssertionError("still running")


def unfinished(body):
    """A body that no client takes for a result."""
    data = body["data"]
    assert body["status"] == 200
    assert type(data["state"]) is type(data["progress"]) is int
    assert data["state"] in {0, 2, 3, 4}
    assert 0 <= data["progress"] < 100
    assert not (RESULTS | {"completed_at"}) & set(data)
    return data


def submit_only(house, path, parts):
    answer = house.client.post(path, files=parts)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]
