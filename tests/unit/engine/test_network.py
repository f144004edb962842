"""Removals with a network of someone's choice: only the mark is painted, whichever it is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cleanplate
import networks
from cleanplate import models
from cleanplate.engine import NothingToPaintFrom
from cleanplate.engine.fill import fill_with
from cleanplate.models import session
from cleanplate.picture import Picture, from_array

KINDS = sorted(networks.WRITERS)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("networks")
    files = {
        kind: write(folder / f"{kind}.onnx") for kind, write in networks.WRITERS.items() if kind != "lama"
    }
    # one that sees little, so that small pictures are already more than it sees
    return {**files, "lama": networks.write_lama(folder / "lama.onnx", 48)}


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    height, width = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    channels = draw(st.sampled_from([1, 2, 3, 4]))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)
    if channels in {2, 4}:
        values[..., -1] = np.where(
            random.random((height, width)) < draw(st.sampled_from([0.0, 0.5, 1.0])), 0, 7
        )
    return from_array(values)


@st.composite
def areas(draw: st.DrawFn, shape: tuple[int, int]) -> np.ndarray:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    area = np.zeros(shape, bool)
    kind = draw(st.sampled_from(["specks", "box", "tiled", "all but one"]))
    if kind == "specks":
        area = random.random(shape) < draw(st.sampled_from([0.01, 0.3, 0.95]))
    elif kind == "box":
        y, x = int(random.integers(0, shape[0])), int(random.integers(0, shape[1]))
        area[y : y + int(random.integers(1, 140)), x : x + int(random.integers(1, 140))] = True
    elif kind == "tiled":
        area[::12, ::9] = area[1::12, ::9] = True
    else:
        area[:] = True
        area[random.integers(0, shape[0]), random.integers(0, shape[1])] = False
    return area


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_only_the_area_changes_whichever_network_paints(files, kind, data: st.DataObject) -> None:
    picture = data.draw(pictures())
    area = data.draw(areas(picture.pixels.shape[:2]))
    before = picture.pixels.copy()
    if area.all() or not area.any():
        area = np.zeros_like(area)
        area[0, 0] = True
        if area.all():
            return  # a picture of one pixel
    removal = cleanplate.remove(picture, area, "fill", model=files[kind])
    after = removal.picture
    assert after.pixels.dtype == before.dtype
    assert np.array_equal(after.pixels[~area], before[~area])
    assert np.array_equal(picture.pixels, before)
    assert after.alpha is picture.alpha
    assert np.array_equal(removal.area, area)
    assert sum(filled.pixels for filled in removal.fills) == area.sum()
    assert {filled.method for filled in removal.fills} == {f"{kind}.onnx"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_mark_is_gone_and_its_surroundings_are_in_its_place(files, kind):
    pixels = np.full((200, 300, 3), (200, 100, 50), np.uint8)
    pixels[150:180, 200:280] = 255
    region = np.zeros((200, 300), bool)
    region[150:180, 200:280] = True

    removal = cleanplate.remove(pixels, region, "fill", model=files[kind])

    assert np.abs(removal.picture.pixels.astype(int) - (200, 100, 50)).max() <= 1


def test_a_grey_and_deep_picture_keeps_its_depth(files):
    pixels = np.full((90, 90), 40_000, np.uint16)
    pixels[40:50, 40:60] = 0
    region = pixels == 0
    removal = cleanplate.remove(pixels, region, "fill", model=files["own"])
    assert np.abs(removal.picture.pixels.astype(int) - 40_000).max() <= 1


def test_what_is_transparent_is_not_painted_from(files):
    pixels = np.zeros((80, 80, 4), np.uint8)
    pixels[:, :40] = (0, 255, 0, 0)  # green, but nobody sees it
    pixels[:, 40:] = (90, 90, 90, 255)
    region = np.zeros((80, 80), bool)
    region[30:50, 42:60] = True
    removal = cleanplate.remove(pixels, region, "fill", model=files["own"])
    assert np.abs(removal.picture.pixels[region].astype(int) - 90).max() <= 1


def test_what_ran_out_of_the_mark_is_not_painted_from():
    """The chroma of a JPEG: a ring of one pixel round the mark has the mark's colour."""
    pixels = np.full((60, 60, 3), 90, np.uint8)
    area = np.zeros((60, 60), bool)
    area[20:40, 20:40] = True
    pixels[19:41, 19:41] = (255, 0, 0)
    seen: list[np.ndarray] = []

    class Looking:
        name, provider = "looking", "none"

        def paint(self, values, hole):
            seen.append(values[~hole])
            return values

    (piece,) = fill_with(Looking(), pixels, area, bleed=1)
    assert piece.area.sum() == area.sum()
    assert np.unique(seen[0]).tolist() == [np.float32(90 / 255)]


def test_a_region_of_the_whole_picture_is_refused(files):
    with pytest.raises(NothingToPaintFrom):
        cleanplate.remove(
            np.zeros((30, 30, 3), np.uint8), np.ones((30, 30), bool), "fill", model=files["own"]
        )


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("lamma", models.ModelUnknown),
        ("gone.onnx", models.ModelUnreadable),
        (Path("gone"), models.ModelUnreadable),
    ],
)
def test_a_network_that_is_none_is_named_before_anything_is_done(model, error):
    with pytest.raises(error):
        cleanplate.remove("there is no such picture.jpg", model=model)


def test_a_process_chooses_for_calls_that_do_not(files):
    before = asdict(session.RUNTIME)
    models.configure(model=files["migan"])
    try:
        region = np.zeros((50, 50), bool)
        region[20:30, 20:30] = True
        (filled,) = cleanplate.remove(np.zeros((50, 50, 3), np.uint8), region, "fill").fills
    finally:
        for name, value in before.items():
            setattr(session.RUNTIME, name, value)
    assert filled.method == "migan.onnx"


def test_many_threads_may_paint_with_one_network(files):
    from concurrent.futures import ThreadPoolExecutor

    pixels = np.full((100, 100, 3), 80, np.uint8)
    region = np.zeros((100, 100), bool)
    region[40:60, 40:60] = True
    with ThreadPoolExecutor(4) as pool:
        removals = list(
            pool.map(lambda _: cleanplate.remove(pixels, region, "fill", model=files["own"]), range(8))
        )
    assert all(np.array_equal(removal.picture.pixels, pixels) for removal in removals)
