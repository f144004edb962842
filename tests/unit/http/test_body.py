from __future__ import annotations

import asyncio
import json

import pytest
from starlette.requests import ClientDisconnect, Request

from cleanplate import settings
from cleanplate.http.body import Bodies, Memory, MiB
from cleanplate.http.errors import (
    BodyCompressed,
    BodyInvalid,
    BodyTooLarge,
    BodyTooSlow,
    ServerBusy,
    TooManyFields,
)

SOON = 0.05


def request(chunks=(b"",), headers=None, query="", *, ends=True):
    """A request that arrives in these pieces, and then ends, hangs up (None) or says nothing more."""
    pieces = iter(chunks)
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": raw,
        "query_string": query.encode(),
        "server": ("h", 80),
        "scheme": "http",
    }

    async def receive():
        for piece in pieces:
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": True}
        if not ends:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    return Request(scope, receive)


async def fields(one, **section):
    async with Bodies(settings.Http(**section)).form(one) as form:
        return form.plain()


@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_json_in_any_pieces(step):
    body = json.dumps({"a": "ä" * 50, "b": [1]}).encode()
    chunks = [body[at : at + step] for at in range(0, len(body), step)]
    assert await fields(request(chunks)) == {"a": "ä" * 50, "b": [1]}


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data", "text/plain"])
async def test_no_body_is_no_fields(content_type):
    assert await fields(request(headers={"Content-Type": content_type})) == {}


@pytest.mark.parametrize("content_type", ["", "text/plain", "image/png"])
async def test_what_is_no_form_at_all(content_type):
    with pytest.raises(BodyInvalid):
        await fields(request([b"\x89PNG\r\n\x1a\n" + bytes(100)], {"Content-Type": content_type}))


async def test_the_limit_is_exact():
    body = b'{"a": "' + b"x" * 100 + b'"}'
    assert await fields(request([body]), max_body_bytes=len(body))
    with pytest.raises(BodyTooLarge):
        await fields(request([body]), max_body_bytes=len(body) - 1)


async def test_too_large_by_its_own_word_is_refused_unread():
    with pytest.raises(BodyTooLarge):
        await fields(request(ends=False, headers={"Content-Length": "1001"}), max_body_bytes=1000)


async def test_too_large_is_refused_before_it_has_ended():
    with pytest.raises(BodyTooLarge):
        await fields(request([b"{" + bytes(600), bytes(600)], ends=False), max_body_bytes=1000)


async def test_too_slow():
    with pytest.raises(BodyTooSlow):
        await fields(request([b"{"], ends=False), body_seconds=SOON)


async def test_a_client_that_hangs_up():
    with pytest.raises(ClientDisconnect):
        await fields(request([b"{", None]))


async def test_compressed():
    for encoding in ("gzip", "br, gzip"):
        with pytest.raises(BodyCompressed):
            await fields(request([b"{}"], {"Content-Encoding": encoding}))
    assert await fields(request([b"{}"], {"Content-Encoding": "Identity"})) == {}


async def test_too_many_fields_in_form_and_query():
    for one in (request([b"a=1&b=2&c=3"]), request(query="a=1&b=2&c=3")):
        with pytest.raises(TooManyFields):
            await fields(one, max_fields=2)


async def test_percent_escapes_that_are_not_text_are_not_silently_changed():
    async with Bodies(settings.Http()).form(request([b"a=%ff"])) as form:
        with pytest.raises(Exception, match="not text"):
            form.text("a")


class TestMemory:
    async def test_what_fits_goes_together_and_the_rest_waits(self):
        memory = Memory(3)
        async with memory.take(2 * MiB, SOON), memory.take(MiB, SOON), memory.take(MiB - 1, SOON):
            with pytest.raises(ServerBusy):
                async with memory.take(MiB, SOON):
                    pass
        async with memory.take(3 * MiB, SOON):
            pass

    async def test_a_body_larger_than_all_of_it_takes_all_of_it(self):
        memory = Memory(2)
        async with memory.take(99 * MiB, SOON):
            with pytest.raises(ServerBusy):
                async with memory.take(MiB, SOON):
                    pass

    async def test_first_come_first_served(self):
        memory = Memory(2)
        order = []

        async def work(name, size):
            async with memory.take(size * MiB, 10):
                order.append(name)

        async with memory.take(MiB, SOON):
            waiting = [asyncio.create_task(work("large", 2))]
            await asyncio.sleep(0)
            waiting.append(asyncio.create_task(work("small", 1)))
            await asyncio.sleep(0)
            assert order == []  # the small one would fit, but the large one was first
        await asyncio.gather(*waiting)
        assert order == ["large", "small"]

    async def test_who_gives_up_leaves_nothing_taken(self):
        memory = Memory(2)
        async with memory.take(MiB, SOON):
            for gone in (
                asyncio.create_task(_take_and_leave(memory)),
                asyncio.create_task(_take_and_leave(memory)),
            ):
                await asyncio.sleep(0)
                gone.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await gone
        async with memory.take(2 * MiB, SOON):
            pass

    async def test_it_is_given_back_after_an_error(self):
        bodies = Bodies(settings.Http(upload_memory_mib=1, body_seconds=0.5))
        large = b'{"a": "' + b"x" * 2 * MiB + b'"}'
        for _ in range(3):
            with pytest.raises(KeyError):
                async with bodies.form(request([large])):
                    raise KeyError


async def _take_and_leave(memory):
    async with memory.take(2 * MiB, 10):
        pass
