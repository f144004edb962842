"""How many may look at pictures, and fetch them for the console, at a time."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import tracemalloc
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

import httpx2
from PIL import Image

from cleanplate import settings

PATIENCE = 20  # seconds; far more than anything here takes


class Held:
    """Keeps every look from being done until it is let go."""

    def __init__(self, house, monkeypatch):
        self._house = house
        self._go = asyncio.Event()
        started = house.services.finder._started

        async def when_let_go():
            await self._go.wait()
            return await started()

        monkeypatch.setattr(house.services.finder, "_started", when_let_go)

    def let_go(self):
        self._house._loop.call_soon_threadsafe(self._go.set)


def look(house, data):
    headers = {"Authorization": f"Bearer {house.secret}"}
    return httpx2.post(
        f"{house.url}/v1/marks", files={"file": ("a.png", data)}, headers=headers, timeout=PATIENCE
    )


def half_a_look(house):
    """The connection of a client that has sent half of its picture."""
    wire = socket.create_connection(("127.0.0.1", int(house.url.rpartition(":")[2])), PATIENCE)
    head = (
        f"POST /v1/marks HTTP/1.1\r\nHost: x\r\nAuthorization: {house.secret}\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    wire.sendall(f'{head}--b\r\nContent-Disposition: form-data; name="file"'.encode())
    return wire


def test_of_those_that_begin_together_so_many_are_looked_at(house, pictures, monkeypatch):
    narrow = house(http=settings.Http(max_looks=2))
    held = Held(narrow, monkeypatch)
    data = pictures.photo + bytes(4_000_000)
    with ThreadPoolExecutor(8) as threads:
        asked = as_completed([threads.submit(look, narrow, data) for _ in range(8)], PATIENCE)
        refused = [next(asked).result() for _ in range(6)]
        held.let_go()
        answered = [one.result() for one in asked]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(429, "server_busy")}
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert [one.status_code for one in answered] == [200, 200]


def test_thumbnails_count_as_looks(house, pictures, monkeypatch):
    narrow = house(http=settings.Http(max_looks=1))
    held = Held(narrow, monkeypatch)
    links = [f"/v1/removals/{narrow.done(pictures)[0]}/thumbnail" for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        asked = as_completed([threads.submit(narrow.client.get, link) for link in links], PATIENCE)
        assert next(asked).result().status_code == 429
        held.let_go()
        assert next(asked).result().status_code == 200


def test_who_sends_slowly_keeps_no_place_from_others(house, pictures):
    narrow = house(http=settings.Http(max_looks=1))
    with half_a_look(narrow), half_a_look(narrow):
        assert look(narrow, pictures.photo).status_code == 200


def test_a_place_is_given_back_whatever_comes_of_it(house, pictures):
    narrow = house(http=settings.Http(max_looks=1))
    half_a_look(narrow).close()
    for wrong in (b"no picture", pictures.tiny, pictures.photo[:60], b""):
        assert look(narrow, wrong).status_code == 400
    assert look(narrow, pictures.photo).status_code == 200


MiB = 1024 * 1024


class Hesitant:
    """A web site that answers nobody until it is closed."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self._lines = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/slow.png"
        return self

    def __exit__(self, *_):
        for one in (*self._lines, self._listener):
            one.close()

    def wait_for_visitor(self):
        self._lines.append(self._listener.accept()[0])


def fetch(house, url):
    headers = {"Authorization": f"Bearer {house.secret}"}
    return httpx2.post(f"{house.url}/v1/picture", json={"url": url}, headers=headers, timeout=PATIENCE)


def begin_to_fetch(house, url):
    """The connection of a client that has asked for a picture, and read the first byte of the answer."""
    wire = socket.create_connection(("127.0.0.1", int(house.url.rpartition(":")[2])), PATIENCE)
    body = json.dumps({"url": url})
    head = f"POST /v1/picture HTTP/1.1\r\nHost: x\r\nAuthorization: {house.secret}\r\n"
    wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    assert wire.recv(1) == b"H"
    return wire


def test_only_so_much_is_downloaded_at_a_time(house, pictures, web):
    narrow = house(
        http=settings.Http(upload_memory_mib=2, body_seconds=0.2), picture=settings.Picture(max_bytes=3 * MiB)
    )
    photo = web.put("/photo.png", pictures.photo)
    with ThreadPoolExecutor(1) as thread:
        with Hesitant() as site:
            waiting = thread.submit(fetch, narrow, site.url)
            site.wait_for_visitor()
            busy = fetch(narrow, photo)
            assert (busy.status_code, busy.json()["code"]) == (429, "server_busy")
            large = {"file": ("a.png", pictures.photo + bytes(2 * MiB))}
            assert narrow.client.post("/v1/removals", files=large).status_code == 202
        assert waiting.result().status_code == 400
    for _ in range(3):
        assert fetch(narrow, photo).content == pictures.photo


def test_who_takes_a_picture_slowly_costs_no_memory(house, web):
    noise = io.BytesIO()
    Image.frombytes("RGB", (4000, 2000), os.urandom(24_000_000)).save(noise, "BMP")
    large = noise.getvalue()
    url = web.put("/large.bmp", large)
    calm = house()
    fetch(calm, url)
    tracemalloc.start()
    try:
        with ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(begin_to_fetch(calm, url))
            fetched = fetch(calm, url)
            held = tracemalloc.get_traced_memory()[0] - len(fetched.content)
    finally:
        tracemalloc.stop()
    assert fetched.content == large
    assert held < len(large) / 2
