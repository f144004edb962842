from __future__ import annotations

import numpy as np
import pytest

from cleanplate.picture import decode, encode, from_array


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("shape", "pixels", "alpha"),
    [
        ((3, 5), (3, 5, 1), False),
        ((3, 5, 1), (3, 5, 1), False),
        ((3, 5, 2), (3, 5, 1), True),
        ((3, 5, 3), (3, 5, 3), False),
        ((3, 5, 4), (3, 5, 3), True),
    ],
)
def test_arrays_of_every_shape_become_pictures(shape, pixels, alpha, dtype):
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    picture = from_array(array)
    assert picture.pixels.shape == pixels
    assert (picture.alpha is not None) == alpha
    assert (picture.width, picture.height, picture.format) == (5, 3, "ARRAY")
    assert np.array_equal(picture.pixels.reshape(3, 5, -1), array.reshape(3, 5, -1)[..., : pixels[2]])


@pytest.mark.parametrize("name", ["TIFF", "PNG", "JPEG2000"])
def test_arrays_of_the_other_byte_order_mean_the_same(name):
    """As they come from files that were written big-endian, such as many TIFFs and PGMs."""
    values = np.arange(40 * 50 * 3, dtype=np.uint16).reshape(40, 50, 3) * np.uint16(9)
    for order in ("<u2", ">u2"):
        assert np.array_equal(decode(encode(from_array(values.astype(order)), name)).pixels, values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.bool_, np.int16, np.uint32])
def test_other_kinds_of_numbers_are_refused_rather_than_guessed_at(dtype):
    with pytest.raises(TypeError, match="uint8 or uint16"):
        from_array(np.zeros((4, 4, 3), dtype))


@pytest.mark.parametrize("shape", [(4,), (4, 4, 5), (0, 4, 3), (4, 4, 0), (1, 4, 4, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="H, W"):
        from_array(np.zeros(shape, np.uint8))


def test_a_picture_does_not_change_with_the_array_it_came_from():
    array = np.zeros((4, 4, 3), np.uint8)
    picture = from_array(array)
    array[:] = 9
    assert not picture.pixels.any()
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0, 0] = 1


def test_new_pixels_keep_everything_else_and_forget_the_bytes(saved, photo):
    picture = decode(saved(photo(channels=4), "PNG", dpi=(300, 300), icc_profile=b"profile"))
    changed = picture.with_pixels(255 - picture.pixels)
    assert changed.source is None
    assert changed.before is picture
    assert changed.with_pixels(picture.pixels).before is picture
    assert (changed.icc, changed.dpi, changed.alpha) == (picture.icc, picture.dpi, picture.alpha)
    assert encode(picture) == picture.source


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 3), np.uint8), np.zeros((48, 64, 3), np.uint16)])
def test_new_pixels_must_have_the_old_shape_and_depth(wrong, saved, photo):
    with pytest.raises(ValueError, match="must stay"):
        decode(saved(photo(), "PNG")).with_pixels(wrong)


def test_a_picture_names_itself_without_its_pixels(saved, photo):
    picture = decode(saved(photo(channels=4), "PNG"))
    assert repr(picture) == "<Picture PNG 64 × 48 RGB with alpha 8 bit>"
