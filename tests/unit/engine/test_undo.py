"""No finder is bundled yet; these marks are made by hand, as a finder will make them."""

from __future__ import annotations

import numpy as np
import pytest

from cleanplate.engine import pipeline
from cleanplate.engine.find import Mark, find
from cleanplate.engine.undo import undo


def stamped(photo: np.ndarray, mark: Mark) -> np.ndarray:
    x, y, width, height = mark.box
    seen = photo.astype(np.float32)
    part = seen[y : y + height, x : x + width]
    opacity = mark.opacity[..., None]
    seen[y : y + height, x : x + width] = (1 - opacity) * part + opacity * mark.colour
    return np.rint(seen).astype(photo.dtype)


def photo(dtype: type = np.uint16) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(0, np.iinfo(dtype).max, (60, 80, 3), dtype)


def logo(opacity: float, white: float = 65535) -> Mark:
    values = np.zeros((20, 30), np.float32)
    values[4:16, 4:26] = opacity
    return Mark((10, 20, 30, 20), values, np.full(3, white, np.float32), 0.9)


def test_a_see_through_mark_is_taken_off_exactly() -> None:
    truth = photo()
    mark = logo(0.5)
    pixels = stamped(truth, mark)
    undone = undo(pixels, [mark])
    assert np.abs(pixels.astype(int) - truth).max() <= 2  # rounding, twice as large after division by 0.5
    assert undone.area.sum() == 12 * 22
    assert not undone.hidden.any()


def test_an_opaque_mark_is_left_alone_and_reported_as_hidden() -> None:
    mark = logo(0.95)
    pixels = stamped(photo(), mark)
    before = pixels.copy()
    undone = undo(pixels, [mark])
    assert np.array_equal(pixels, before)
    assert undone.hidden.sum() == 12 * 22
    assert not undone.area.any()


def test_undo_writes_only_where_it_may() -> None:
    mark = logo(0.5)
    pixels = stamped(photo(), mark)
    before = pixels.copy()
    within = np.zeros(pixels.shape[:2], bool)
    within[:, :25] = True
    undone = undo(pixels, [mark], within)
    assert np.array_equal(pixels[~within], before[~within])
    assert not undone.area[~within].any()
    assert undone.area.any()


def test_no_finder_is_bundled_so_nothing_is_found() -> None:
    assert find(photo()) == ()


@pytest.mark.parametrize(("mode", "filled"), [("auto", 12 * 22), ("undo", 0), ("fill", 12 * 22)])
def test_what_a_found_mark_hides_is_filled_unless_nothing_may_be_invented(
    monkeypatch: pytest.MonkeyPatch, mode: str, filled: int
) -> None:
    mark = logo(0.95)
    monkeypatch.setattr(pipeline, "find", lambda _pixels, _within: (mark,))
    pixels = stamped(photo(), mark)
    cleaned = pipeline.clean(pixels, None, None, mode)
    assert sum(piece.pixels for piece in cleaned.fills) == filled
    assert cleaned.area.sum() == filled


def test_auto_undoes_a_found_mark_instead_of_painting_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, mark = photo(), logo(0.5)
    monkeypatch.setattr(pipeline, "find", lambda _pixels, _within: (mark,))
    region = np.zeros(truth.shape[:2], bool)
    region[15:45, 5:45] = True
    cleaned = pipeline.clean(stamped(truth, mark), None, region, "auto")
    assert cleaned.fills == ()
    assert np.abs(cleaned.pixels.astype(int) - truth).max() <= 2
