"""Results of many megabytes inside answers: whole on the wire, never whole in the server's memory."""

from __future__ import annotations

import base64
import json
import os
import socket
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from cleanplate import settings
from forms import file, text
from picwish import INPAINT, REMOVE, WATERMARK, submit

MiB = 1024 * 1024
LARGE = 16 * MiB + 1
CLIENTS = 8
GPTGE = "/task/pic/watermark_auto"
ASKED_AT = {GPTGE: "/task"}


@pytest.fixture(scope="module")
def large():
    return os.urandom(LARGE)


class Peak:
    """The most bytes that Python has had at a time since `begin`, beyond those that it had then."""

    def begin(self):
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]

    @property
    def bytes(self):
        return tracemalloc.get_traced_memory()[1] - self._before


@pytest.fixture
def peak():
    tracemalloc.start()
    yield Peak()
    tracemalloc.stop()


def ask(house, path):
    """A client that has sent its request, and read the first byte of the answer."""
    at = urlsplit(house.url)
    wire = socket.create_connection((at.hostname, at.port), 20)
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {house.secret}\r\nConnection: close\r\n\r\n"
    wire.sendall(head.encode())
    assert wire.recv(1) == b"H"
    return wire


def read_all(wire):
    """Take everything into one small buffer: how many bytes it was."""
    buffer, count = bytearray(65536), 0
    while got := wire.recv_into(buffer):
        count += got
    return count


@pytest.mark.parametrize("path", [REMOVE, INPAINT, GPTGE])
def test_clients_that_ask_for_base64_at_once_do_not_cost_a_picture_each(idle, pictures, large, peak, path):
    task_id = submit(idle, path, file=file(pictures.photo), **text({"return_type": "2"}))
    idle.finish(task_id, large)
    peak.begin()
    with ExitStack() as stack:
        asked = f"{ASKED_AT.get(path, path)}/{task_id}"
        clients = [stack.enter_context(ask(idle, asked)) for _ in range(CLIENTS)]
        assert all(read_all(client) > LARGE * 4 // 3 for client in clients)
    assert peak.bytes < LARGE


@pytest.mark.parametrize(
    ("path", "fields"), [(INPAINT, {"image"}), (REMOVE, {"file"}), (GPTGE, {"image", "file"})]
)
@pytest.mark.parametrize("size", [1, 3 * 64 * 1024, LARGE])
def test_it_is_the_very_picture_in_an_answer_of_known_length(idle, pictures, large, path, fields, size):
    task_id = submit(idle, path, file=file(pictures.photo), **text({"return_type": "2"}))
    idle.finish(task_id, large[:size])
    answer = idle.client.get(f"{ASKED_AT.get(path, path)}/{task_id}")
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    data = answer.json()["data"]
    assert {"image", "file"} & set(data) == fields
    for field in fields:
        assert base64.b64decode(data[field], validate=True) == large[:size]


def test_a_picture_that_is_the_answer_is_not_held_either(house, pictures, large, peak):
    patient = house(task=settings.Task(sync_wait_seconds=20))
    fields = {"sync": "1", "return_type": "3"}

    def wait_for_it():
        parts = {"image_file": file(pictures.photo), **text(fields)}
        with patient.client.stream("POST", WATERMARK, files=parts) as answer:
            return answer.headers, sum(map(len, answer.iter_bytes()))

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(wait_for_it)
        [row] = _listed(patient)
        peak.begin()
        patient.finish(row["id"], large)
        headers, size = waiting.result(20)
    assert (headers["Content-Type"], int(headers["Content-Length"]), size) == ("image/png", LARGE, LARGE)
    assert peak.bytes < LARGE // 2


def test_one_that_has_expired_is_told_in_the_dialect(idle, pictures):
    task_id = submit(idle, INPAINT, file=file(pictures.photo), **text({"return_type": "2"}))
    idle.finish(task_id, pictures.photo)
    idle.call(idle.services.blobs.delete([idle.task(task_id).outcome.result_key]))
    answer = idle.client.get(f"{INPAINT}/{task_id}")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_a_callback_with_a_picture_inside_is_made_of_small_pieces(idle, pictures, large):
    task_id = submit(idle, INPAINT, file=file(pictures.photo), **text({"return_type": "2"}))
    idle.finish(task_id, large)

    async def pieces():
        body = await idle.callbacks.render(idle_task)
        return body.size, [piece async for piece in body.pieces()]

    idle_task = idle.task(task_id)
    size, told = idle.call(pieces())
    assert sum(map(len, told)) == size
    assert max(map(len, told)) <= MiB
    assert base64.b64decode(json.loads(b"".join(told))["data"]["image"]) == large


def _listed(house):
    """The removals of the account, as soon as there are any."""
    for _ in range(1000):
        listed = house.client.get("/v1/removals").json()["removals"]
        if listed:
            return listed
    raise AssertionError("nothing was submitted")
