"""A found mark, as roughly as a finder knows it, is taken off the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from cleanplate.engine import tiles
from cleanplate.engine import undo as undoing
from cleanplate.engine.mark import Mark
from cleanplate.engine.undo import undo

BOX = (70, 60, 150, 60)
WHITE = np.full(3, 1.0, np.float32)


def photo(dtype: type = np.uint8, seed: int = 5) -> np.ndarray:
    """Broad colours and finer texture, as of a meadow out of focus."""
    rng = np.random.default_rng(seed)
    values = np.zeros((200, 300, 3), np.float32)
    for sigma, strength in ((24.0, 90.0), (5.0, 14.0), (1.5, 4.0)):
        plane = cv2.GaussianBlur(rng.normal(size=values.shape).astype(np.float32), (0, 0), sigma)
        values += plane / plane.std() * strength * np.float32(0.5)
    top = np.iinfo(dtype).max
    return (np.clip(values + 110, 5, 250) * (top / 255)).astype(dtype)


def word(opacity: float, dtype: type = np.uint8) -> Mark:
    """An antialiased white word."""
    large = np.zeros((BOX[3] * 4, BOX[2] * 4), np.uint8)
    cv2.putText(large, "Mark", (20, 180), cv2.FONT_HERSHEY_SIMPLEX, 6.4, 255, 34, cv2.LINE_AA)
    shape = cv2.resize(large, BOX[2:], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    shape = np.asarray(shape * np.float32(opacity), np.float32)
    return Mark(BOX, shape, WHITE * np.float32(np.iinfo(dtype).max), 0.9)


def stamped(truth: np.ndarray, mark: Mark) -> np.ndarray:
    x, y, width, height = mark.box
    seen = truth.astype(np.float32)
    opacity = mark.opacity[..., None]
    part = seen[y : y + height, x : x + width]
    seen[y : y + height, x : x + width] = (1 - opacity) * part + opacity * mark.colour
    return np.rint(seen).astype(truth.dtype)


def area_of(mark: Mark) -> np.ndarray:
    whole = np.zeros((200, 300), bool)
    x, y, width, height = mark.box
    whole[y : y + height, x : x + width] = mark.area
    return whole


def roughly(mark: Mark) -> Mark:
    """As a network sees it: smeared out, too faint, of a wrong colour."""
    soft = cv2.GaussianBlur(mark.opacity, (0, 0), 1.0) * np.float32(0.7)
    return replace(mark, opacity=soft, colour=mark.colour * np.float32(0.85))


def off(pixels: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    top = np.iinfo(truth.dtype).max
    return float(np.sqrt((((pixels.astype(float) - truth)[where] * 255 / top) ** 2).mean()))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_shines_through_is_had_back(dtype: type) -> None:
    truth, mark = photo(dtype), word(0.5, dtype)
    pixels = stamped(truth, mark)
    marked = off(pixels, truth, area_of(mark))
    undone = undo(pixels, [mark], lossy=False, painting=False)
    assert off(pixels, truth, area_of(mark)) < 6 < marked / 10
    assert undone.hidden[area_of(mark)].mean() < 0.1
    assert undone.marks[0].opacity.max() == pytest.approx(0.5, abs=0.04)


def test_nothing_is_written_outside_a_marks_area() -> None:
    mark = word(0.5)
    pixels = stamped(photo(), mark)
    before = pixels.copy()
    undone = undo(pixels, [mark], lossy=False)
    assert np.array_equal(pixels[~undone.area], before[~undone.area])
    near = cv2.dilate(area_of(mark).view(np.uint8), np.ones((3, 3))) > 0
    assert not (undone.area & ~near).any()


def test_a_rough_estimate_is_made_exact() -> None:
    truth, mark = photo(), word(0.5)
    pixels = stamped(truth, mark)
    undone = undo(pixels, [roughly(mark)], lossy=False)
    known = np.zeros((200, 300), np.float32)
    x, y, width, height = undone.marks[0].box
    known[y : y + height, x : x + width] = undone.marks[0].opacity
    true = np.zeros_like(known)
    true[BOX[1] : BOX[1] + BOX[3], BOX[0] : BOX[0] + BOX[2]] = mark.opacity
    loose = np.zeros_like(known)
    loose[BOX[1] : BOX[1] + BOX[3], BOX[0] : BOX[0] + BOX[2]] = roughly(mark).opacity
    assert np.abs(known - true).mean() < np.abs(loose - true).mean() / 3
    assert off(pixels, truth, area_of(mark)) < 10


def test_a_grey_picture() -> None:
    truth = photo()[..., :1]
    mark = replace(word(0.5), colour=np.full(1, 255, np.float32))
    pixels = stamped(truth, mark)
    undo(pixels, [mark], lossy=False)
    assert off(pixels, truth, area_of(mark)) < 10


def test_an_opaque_mark_is_left_alone_and_reported_as_hidden() -> None:
    mark = word(0.97)
    pixels = stamped(photo(), mark)
    before = pixels.copy()
    undone = undo(pixels, [mark], lossy=False)
    assert np.array_equal(pixels, before)
    assert undone.hidden[area_of(word(0.03))].all()
    assert not undone.area.any()


def test_undo_writes_only_where_it_may() -> None:
    mark = word(0.5)
    pixels = stamped(photo(), mark)
    before = pixels.copy()
    within = np.zeros(pixels.shape[:2], bool)
    within[:, :140] = True
    undone = undo(pixels, [mark], within, lossy=False, painting=False)
    assert np.array_equal(pixels[~within], before[~within])
    assert not (undone.area | undone.hidden)[~within].any()
    assert undone.area.any()


def test_a_mark_larger_than_a_tile_is_taken_off_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cleanplate.engine.tiles.TILE", 64)
    truth, mark = photo(), word(0.5)
    pixels = stamped(truth, mark)
    undone = undo(pixels, [roughly(mark)], lossy=False)
    assert off(pixels, truth, area_of(mark)) < 12
    assert undone.area[area_of(word(0.5)) & ~undone.hidden].mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tile", [64, 640])
def test_what_all_copies_of_a_tiled_mark_agree_on_is_taken_as_it_is(
    dtype: type, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleanplate.engine.tiles.TILE", tile)
    truth, mark = photo(dtype), replace(word(0.5, dtype), kind="tiled")
    mark = replace(mark, opacity=np.where(mark.area, mark.opacity, 0))
    pixels = stamped(truth, mark)
    undone = undo(pixels, [mark], lossy=False)
    assert off(pixels, truth, area_of(mark)) < 6
    assert np.array_equal(undone.area, area_of(mark))
    assert undone.marks[0].opacity.sum() == pytest.approx(mark.opacity.sum())


def test_a_tiled_mark_that_is_too_dense_is_hidden() -> None:
    mark = replace(word(0.95), kind="tiled")
    pixels = stamped(photo(), mark)
    undone = undo(pixels, [mark], lossy=False)
    assert undone.hidden[area_of(mark) & ~undone.area].all()
    assert undone.hidden.sum() > 0.7 * area_of(mark).sum()


@pytest.mark.parametrize("ground", [8, 40])
def test_a_mark_that_stands_out_never_stays(ground: int) -> None:
    truth, mark = np.full((200, 300, 3), ground, np.uint8), word(0.85)
    pixels = stamped(truth, mark)
    undone = undo(pixels, [roughly(mark)], lossy=True)
    assert (undone.area | undone.hidden)[area_of(word(0.2))].all()
    left = off(pixels, truth, undone.area) if undone.area.any() else 0.0
    assert left < 10


def test_what_the_finder_is_sure_of_is_painted_where_the_fit_takes_it_for_photo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recover = tiles.recover

    def most(seen: np.ndarray, area: np.ndarray, **more: Any) -> Any:
        back = recover(seen, area, **more)
        left = np.arange(seen.shape[1]) < 0.6 * seen.shape[1]
        return replace(back, opacity=back.opacity * left, light=back.light * left[:, None])

    monkeypatch.setattr(tiles, "recover", most)
    monkeypatch.setattr(undoing, "_better_painted", lambda *_: False)
    plain = word(0.5)
    mark = replace(
        plain,
        colour=np.tile(plain.colour, (*plain.opacity.shape, 1)),
        likely=np.where(plain.opacity > 0.2, np.float32(0.9), np.float32(0.1)),
    )
    within = np.ones((200, 300), bool)
    within[:, 210:] = False
    pixels = stamped(photo(), mark)
    undone = undo(pixels, [mark], within, lossy=False)
    core = area_of(word(0.5)) & (cv2.erode(area_of(word(0.5)).view(np.uint8), np.ones((5, 5))) > 0)
    assert undone.area[core].mean() > 0.3  # the left part was had back
    assert (undone.area | undone.hidden)[core & within].mean() > 0.95
    assert not undone.hidden[~within].any()


def test_on_quiet_ground_a_mark_is_left_to_the_painting_as_a_whole() -> None:
    quiet = cv2.GaussianBlur(photo(), (0, 0), 8.0)
    pixels = stamped(quiet, word(0.5))
    before = pixels.copy()
    undone = undo(pixels, [word(0.5)], lossy=False)
    assert undone.hidden[area_of(word(0.5))].all()
    assert np.array_equal(pixels, before)
    within = np.zeros(pixels.shape[:2], bool)
    within[:, :140] = True
    assert not undo(pixels, [word(0.5)], within, lossy=False).hidden[~within].any()


def test_a_strip_is_not_painted_over() -> None:
    truth = photo()
    plane = np.full((60, 300), 0.5, np.float32)
    strip = Mark((0, 100, 300, 60), plane, np.zeros(3, np.float32), 0.9)
    pixels = stamped(truth, strip)
    undone = undo(pixels, [strip], lossy=False)
    inside = np.zeros((200, 300), bool)
    inside[104:156, 4:-4] = True
    assert undone.area[inside].mean() > 0.95
    assert off(pixels, truth, inside) < 8


def test_without_marks_nothing_happens() -> None:
    pixels = photo()
    undone = undo(pixels, [], lossy=True)
    assert np.array_equal(pixels, photo())
    assert undone.marks == ()
    assert not undone.area.any()
