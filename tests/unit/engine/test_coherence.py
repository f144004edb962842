"""Which level is where no evidence tells: what is beside it, as far as no edge is in between."""

from __future__ import annotations

import numpy as np

from cleanplate.engine.fit import recover
from cleanplate.engine.fit.coherence import coherent
from cleanplate.engine.fit.evidence import Level

RED, WHITE = Level(0.56, np.array([94.0, 16.0, 16.0])), Level(0.56, np.full(3, 112.0))
HEIGHT, WIDTH, MIDDLE = 60, 90, 40


def halves(seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo under a red part, left of MIDDLE, and a white one; the photo; where the mark is."""
    rng = np.random.default_rng(seed)
    photo = np.clip(rng.normal(90, 12, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.float32)
    area = np.zeros((HEIGHT, WIDTH), bool)
    area[6:-6, 6:-6] = True
    seen = photo.copy()
    for level, part in ((RED, np.s_[:, :MIDDLE]), (WHITE, np.s_[:, MIDDLE:])):
        inside = area[part]
        seen[part][inside] = (level.through * photo[part] + level.light)[inside]
    return seen.astype(np.float32), photo, area


def test_what_the_rim_tells_is_carried_inside_up_to_the_edge_between_two_levels() -> None:
    seen, photo, area = halves()
    said = np.zeros((2, HEIGHT, WIDTH), np.float32)
    rim = area.copy()
    rim[9:-9, 9:-9] = False  # only there anything is known
    said[0][rim] = np.where(np.nonzero(rim)[1] < MIDDLE, 0.0, -3.0)
    said[1][rim] = np.where(np.nonzero(rim)[1] < MIDDLE, -3.0, 0.0)
    told = coherent(said, seen, photo, area, [RED, WHITE])
    assert np.isneginf(told[:, ~area]).all()
    label = told.argmax(axis=0)
    right = np.where(np.arange(WIDTH) < MIDDLE, 0, 1) * np.ones((HEIGHT, 1), int)
    assert (label == right)[area].mean() > 0.98


def test_it_says_the_same_whichever_way_the_picture_is_turned() -> None:
    seen, photo, area = halves()
    said = np.random.default_rng(5).normal(0, 2, (2, HEIGHT, WIDTH)).astype(np.float32)
    told = coherent(said, seen, photo, area, [RED, WHITE])
    turned = coherent(
        said.swapaxes(1, 2), seen.swapaxes(0, 1).copy(), photo.swapaxes(0, 1).copy(), area.T.copy(),
        [RED, WHITE],
    )  # fmt: skip
    assert np.allclose(told[:, area], turned.swapaxes(1, 2)[:, area], atol=1e-3)


def test_a_wide_mark_of_two_colours_comes_off_in_its_middle_too() -> None:
    """Far inside no painting tells red from white; their own borders do."""
    rng = np.random.default_rng(11)
    side, rows = 260, np.linspace(0, 1, 260, dtype=np.float32)
    truth = np.empty((side, side, 3), np.float32)
    truth[:] = (60 + 120 * rows[:, None, None]) * np.float32([1.0, 1.05, 1.1])
    truth += rng.normal(0, 4, truth.shape)
    truth[110:170, 90:170] = 235  # snow, all of it under the mark
    truth = np.clip(truth, 0, 255)
    seen = truth.copy()
    for level, part in ((WHITE, np.s_[40:130, 50:210]), (RED, np.s_[130:220, 50:210])):
        seen[part] = level.through * seen[part] + level.light
    area = np.zeros((side, side), bool)
    area[40:220, 50:210] = True
    back = recover(np.rint(seen), area, lossy=False)
    inner = np.s_[60:120, 70:190], np.s_[140:200, 70:190]
    for part in inner:
        assert np.sqrt(((back.values - truth)[part] ** 2).mean()) < 12
