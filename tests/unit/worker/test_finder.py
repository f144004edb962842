"""The child of those who sit in front of a picture: there when it is needed, gone when it is not."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from cleanplate import settings
from cleanplate.picture import PictureTooSmall
from cleanplate.worker import Finder
from cleanplate.worker import finder as module
from cleanplate.worker.children import Upbringing


@pytest.fixture
async def finder():
    upbringing = Upbringing.of(settings.Worker(), 1, settings.Models())
    one = Finder(settings.Picture(), 30, upbringing)
    yield one
    await one.aclose()


async def test_it_starts_its_child_when_it_is_first_asked_and_ends_it_when_nobody_asks(
    finder, make_picture, monkeypatch
):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    assert finder._slots is None
    small = await finder.thumbnail(make_picture(400, 200), 100)
    assert Image.open(io.BytesIO(small)).size == (100, 50)
    assert finder._looking == 0
    async with asyncio.timeout(20):
        while finder._slots is not None or finder._closing:  # noqa: ASYNC110  # it ends by the clock
            await asyncio.sleep(0.02)
    found = await finder.find(make_picture(300, 200), 0.0)  # and is started again
    assert (found.width, found.height) == (300, 200)
    assert len(found.marks) == len(found.areas)


async def test_a_small_picture_of_any_kind(finder):
    deep = np.full((60, 90), 40_000, np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(deep).save(buffer, "PNG")
    small = Image.open(io.BytesIO(await finder.thumbnail(buffer.getvalue(), 30))).convert("RGB")
    assert small.size == (30, 20)
    assert np.abs(np.asarray(small).astype(int) - 40_000 // 256).max() <= 3


async def test_it_says_what_is_wrong(finder, make_picture):
    with pytest.raises(PictureTooSmall):
        await finder.find(make_picture(10, 10), 0.5)
    assert finder._looking == 0
