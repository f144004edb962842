from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import cleanplate
from cleanplate.engine import ModeUnknown, RegionNotUnderstood
from cleanplate.picture import decode

if TYPE_CHECKING:
    from pathlib import Path


def photo(height: int = 120, width: int = 160, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (height // 8, width // 8, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


CORNER = cleanplate.Rectangles((cleanplate.Rectangle(100, 80, 50, 30),))


def test_path_bytes_array_and_picture_give_the_same_answer(tmp_path: Path) -> None:
    pixels = photo()
    path = tmp_path / "photo.png"
    path.write_bytes(png(pixels))
    sources = [path, str(path), path.read_bytes(), pixels, decode(path.read_bytes())]
    answers = [cleanplate.remove(source, CORNER).picture.pixels for source in sources]
    assert all(np.array_equal(answers[0], answer) for answer in answers)
    assert not np.array_equal(answers[0], pixels)


def test_a_removal_tells_what_was_done() -> None:
    removal = cleanplate.remove(png(photo()), CORNER, "fill")
    assert removal.changed
    assert removal.box == (100, 80, 50, 30)
    assert removal.area.sum() == 50 * 30
    assert removal.found == ()
    assert sum(filled.pixels for filled in removal.fills) == 50 * 30
    assert set(removal.timings) == {"decode", "find", "undo", "fill", "compose"}
    assert all(seconds >= 0 for seconds in removal.timings.values())
    assert removal.timings["fill"] > 0


def test_the_mask_is_a_picture_of_what_was_removed() -> None:
    removal = cleanplate.remove(png(photo()), CORNER)
    mask = removal.mask()
    assert mask.grey
    assert np.array_equal(mask.pixels[..., 0], np.where(removal.area, 255, 0))


@pytest.mark.parametrize("mode", ["auto", "fill", "undo"])
def test_without_a_region_the_very_bytes_come_back(mode: str) -> None:
    data = png(photo())
    removal = cleanplate.remove(data, mode=mode)
    assert not removal.changed
    assert removal.box is None
    assert removal.fills == ()
    assert removal.encode() == data


def test_undo_invents_nothing_even_where_the_user_points() -> None:
    data = png(photo())
    removal = cleanplate.remove(data, CORNER, "undo")
    assert not removal.changed
    assert removal.encode() == data


def test_saving_writes_the_inputs_format(tmp_path: Path) -> None:
    removal = cleanplate.remove(png(photo()), CORNER)
    removal.save(tmp_path / "clean.png")
    written = Image.open(tmp_path / "clean.png")
    assert written.format == "PNG"
    assert np.array_equal(np.asarray(written.convert("RGB")), removal.picture.pixels)


def test_another_format_can_be_asked_for() -> None:
    removal = cleanplate.remove(png(photo()), CORNER)
    assert Image.open(BytesIO(removal.encode(format="JPEG"))).format == "JPEG"


def test_the_history_names_cleanplate_unless_it_should_not() -> None:
    removal = cleanplate.remove(png(photo()), CORNER)
    assert b"cleanplate" in removal.encode()
    assert b"cleanplate" not in removal.encode(history=None)


def test_an_array_is_a_mask() -> None:
    pixels = photo()
    values = np.zeros(pixels.shape[:2], np.uint8)
    values[80:110, 100:150] = 255
    by_mask = cleanplate.remove(pixels, values)
    assert np.array_equal(by_mask.picture.pixels, cleanplate.remove(pixels, CORNER).picture.pixels)


def test_an_array_of_the_other_byte_order_is_cleaned_alike() -> None:
    pixels = photo().astype(np.uint16) * 257
    one, other = (cleanplate.remove(pixels.astype(order), CORNER, "fill") for order in ("<u2", ">u2"))
    assert np.array_equal(one.picture.pixels, other.picture.pixels)
    assert one.encode("TIFF") == other.encode("TIFF")


def test_what_a_caller_got_wrong_is_an_error_of_pythons_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cleanplate.remove(tmp_path / "nowhere.png")
    with pytest.raises(TypeError, match="uint8 or uint16"):
        cleanplate.remove(photo() / 255)
    with pytest.raises(ValueError, match="H, W"):
        cleanplate.remove(photo()[0, 0])


def test_grey_with_alpha_is_an_array_that_can_be_cleaned() -> None:
    pixels = photo()[..., :2].copy()
    answer = cleanplate.remove(pixels, CORNER, "fill").picture
    assert answer.grey
    assert np.array_equal(answer.alpha, pixels[..., 1])


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ModeUnknown, match="auto"):
        cleanplate.remove(photo(), CORNER, "magic")  # pyright: ignore[reportArgumentType]  # that is the test


def test_a_region_of_another_kind_is_named() -> None:
    with pytest.raises(RegionNotUnderstood):
        cleanplate.remove(photo(), "10,10,20,20")  # pyright: ignore[reportArgumentType]  # that is the test


def test_many_threads_give_the_same_answers_as_one() -> None:
    photos = [photo(seed=seed) for seed in range(8)]
    alone = [cleanplate.remove(pixels, CORNER).picture.pixels for pixels in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda pixels: cleanplate.remove(pixels, CORNER).picture.pixels, photos))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
