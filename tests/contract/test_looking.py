"""How many may look at pictures, and fetch them for the console, at a time."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor, as_completed

import httpx2

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
