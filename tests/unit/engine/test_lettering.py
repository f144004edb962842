"""Beside the letters of a caption: what an encoder leaves there, and letters that are taken for photo."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleanplate.engine.fit import recover
from cleanplate.engine.fit.lettering import despeckled, islands, ringing
from cleanplate.engine.fit.painting import busyness
from cleanplate.engine.fit.recovery import LOSSY

SIDE = (120, 240)


def words() -> np.ndarray:
    """Coverage of an antialiased line of small letters."""
    plane = np.zeros(SIDE, np.uint8)
    cv2.putText(plane, "harbour bridge", (14, 66), cv2.FONT_HERSHEY_COMPLEX_SMALL, 1.0, 255, 1, cv2.LINE_AA)
    return plane / np.float32(255)


def ground(texture: float) -> np.ndarray:
    """A quiet photo that darkens to one side."""
    rng = np.random.default_rng(7)
    fine = cv2.GaussianBlur(rng.normal(size=(*SIDE, 3)).astype(np.float32), (0, 0), 1.5)
    along = np.linspace(150, 70, SIDE[1], dtype=np.float32)[None, :, None]
    return np.asarray(along + texture * fine / fine.std(), np.float32)


def stored(values: np.ndarray, quality: int) -> np.ndarray:
    exact = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", exact, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32)


@pytest.mark.parametrize("quality", [75, 85])
def test_an_encoder_errs_about_as_is_expected_beside_letters_and_far_from_them(quality: int) -> None:
    plain = 0.4 * ground(3)
    lettered = plain + words()[..., None] * (255 - plain)
    off = ((stored(lettered, quality) - lettered) ** 2).mean(axis=2)
    apart = cv2.distanceTransform((words() == 0).view(np.uint8), cv2.DIST_L2, 5)
    expected = LOSSY * ringing(words() > 0)
    for place in ((apart > 0) & (apart <= 3), (apart > 3) & (apart <= 6), apart > 16):
        measured = np.sqrt(off[place].mean())
        assert 0.4 < measured / expected[place].mean() < 1.5


def test_without_letters_an_encoder_is_expected_to_err_little() -> None:
    assert ringing(np.zeros(SIDE, bool)).max() < 0.6


def test_a_strip_is_taken_off_without_specks_between_its_letters() -> None:
    truth = ground(3)
    seen = truth.copy()
    seen[20:100] *= 0.4
    seen += words()[..., None] * (255 - seen)
    area = np.zeros(SIDE, bool)
    area[20:100] = True
    seen, truth = stored(seen, 80), stored(truth, 80)
    back = recover(seen, area, lossy=True)
    apart = cv2.distanceTransform((words() == 0).view(np.uint8), cv2.DIST_L2, 5)
    between = (apart > 0) & (apart <= 2)
    off = np.sqrt(((back.values - truth) ** 2).mean(axis=2))[between]
    divided = np.sqrt(((np.clip(seen / 0.4, 0, 255) - truth) ** 2).mean(axis=2))[between]
    assert np.percentile(off, 99) < 0.4 * np.percentile(divided, 99)


@pytest.mark.parametrize("channels", [1, 3])
def test_single_pixels_that_stand_out_beside_letters_follow_their_neighbours(channels: int) -> None:
    truth = np.ascontiguousarray(ground(1)[..., :channels])
    lost = words() > 0
    louder = ringing(lost)
    error = np.where(louder > 1, np.float32(12), np.float32(4))
    specked = truth.copy()
    apart = cv2.distanceTransform((~lost).view(np.uint8), cv2.DIST_L2, 5)
    beside, far = tuple(np.argwhere((apart > 3) & (apart < 4))[40]), (110, 200)
    for place in (beside, far):
        specked[place] += 40
    specked[lost] = 255
    quiet = despeckled(specked, truth, lost, error, louder)
    assert np.abs(quiet[beside] - truth[beside]).max() < 6
    assert np.array_equal(quiet[far], specked[far])
    assert np.array_equal(quiet[lost], specked[lost])
    changed = (quiet != specked).any(axis=2)
    assert changed.sum() < 4  # what goes on smoothly is left as it is


def island(value: float, side: int = 8, *, reaching: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Where an island of so many levels more than the photo was found, and where it lies."""
    truth = ground(3)
    area = np.zeros(SIDE, bool)
    area[20:100] = True
    place = np.zeros(SIDE, bool)
    place[50 : 50 + side, 100 : 100 + side] = True
    if reaching:
        place[20:50, 102] = True  # a path to what is beside the mark
    photo = truth.copy()
    photo[place] += value
    busy = busyness(truth, ~area)
    return islands(np.where(area[..., None], np.float32(20), truth), photo, area, area & place, busy), place


def test_a_bright_patch_amid_what_is_painted_is_no_photo() -> None:
    found, place = island(120)
    assert np.array_equal(found, place)


@pytest.mark.parametrize(
    ("value", "side", "reaching"),
    [(0, 8, False), (10, 8, False), (120, 20, False), (120, 8, True)],
    ids=["as around", "nearly", "large", "connected"],
)
def test_what_goes_on_or_is_large_or_connected_stays(value: float, side: int, reaching: bool) -> None:
    found, _ = island(value, side, reaching=reaching)
    assert not found.any()


def test_without_islands_there_are_none() -> None:
    area = np.zeros(SIDE, bool)
    area[20:100] = True
    flat = ground(0)
    for back in (area, np.zeros(SIDE, bool)):
        assert not islands(flat, flat, area, back, busyness(flat, ~area)).any()
