"""The first promise: outside the removed area every pixel is that of the input, bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cleanplate
from cleanplate.engine import MODES, NothingToPaintFrom
from cleanplate.picture import Picture, from_array


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    height, width = draw(st.integers(1, 48)), draw(st.integers(1, 48))
    channels = draw(st.sampled_from([1, 2, 3, 4]))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = np.iinfo(dtype).max
    if draw(st.booleans()):
        values = rng.integers(0, top, (height, width, channels), dtype, endpoint=True)
    else:
        ramp = np.linspace(0, top, height * width).reshape(height, width, 1)
        values = np.repeat(ramp, channels, axis=2).astype(dtype)
    if channels in {2, 4} and draw(st.booleans()):
        values[..., -1] = np.where(rng.random((height, width)) < 0.5, 0, top)
    return from_array(values)


def area_of(picture: Picture, draw: st.DrawFn) -> np.ndarray:
    shape = picture.pixels.shape[:2]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["specks", "box", "frame", "all but one"]))
    area = np.zeros(shape, bool)
    if kind == "specks":
        area = rng.random(shape) < draw(st.sampled_from([0.01, 0.3, 0.95]))
    elif kind == "box":
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        area[y : y + int(rng.integers(1, 40)), x : x + int(rng.integers(1, 40))] = True
    elif kind == "frame":
        area[[0, -1]] = True
        area[:, [0, -1]] = True
    else:
        area[:] = True
        area[rng.integers(0, shape[0]), rng.integers(0, shape[1])] = False
    return area


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_only_the_area_changes(data: st.DataObject) -> None:
    picture = data.draw(pictures())
    area = area_of(picture, data.draw)
    mode = data.draw(st.sampled_from(MODES))
    tile = data.draw(st.sampled_from([1, 16, 33, 64, 512]))
    before = picture.pixels.copy()
    whole = bool(area.all())
    if not area.any():
        area[0, 0] = True
        whole = area.size == 1
    try:
        removal = cleanplate.remove(picture, area, mode, tile=tile)
    except NothingToPaintFrom:
        assert whole
        assert mode != "undo"
        return
    after = removal.picture
    assert after.pixels.shape == before.shape
    assert after.pixels.dtype == before.dtype
    assert np.array_equal(after.pixels[~removal.area], before[~removal.area])
    assert np.array_equal(picture.pixels, before)
    assert after.alpha is picture.alpha
    if mode == "undo":
        assert not removal.changed
        assert after is picture
    else:
        assert np.array_equal(removal.area, area)
        assert sum(filled.pixels for filled in removal.fills) == area.sum()
