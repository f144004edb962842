"""A JPEG that was written strip by strip is the same picture as one that was written at once."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cleanplate.picture import decode, encode, strips


def at_once(pixels, subsampling, **options):
    buffer = BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(buffer, "JPEG", subsampling=subsampling, **options)
    return np.asarray(Image.open(buffer))


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 90),
    channels=st.sampled_from([1, 3]),
    subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    most=st.sampled_from([1, 1000, 3000]),
    seed=st.integers(0, 99),
)
def test_it_decodes_to_the_same_pixels(height, width, channels, subsampling, most, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strips, "MOST_PIXELS", most)  # many strips, so that the restart markers wrap
        data = strips.encode_in_strips(pixels, subsampling, quality=96, dpi=(300, 300))
    opened = Image.open(BytesIO(data))
    assert opened.info["dpi"] == (300, 300)
    assert np.array_equal(np.asarray(opened), at_once(pixels, subsampling, quality=96))


def test_a_wide_picture_keeps_to_the_longest_interval():
    pixels = np.random.default_rng(0).integers(0, 256, (70, 65_500, 1), np.uint8)
    data = strips.encode_in_strips(pixels, "4:4:4", quality=95)
    opened = np.asarray(Image.open(BytesIO(data)))
    assert np.array_equal(opened, at_once(pixels, "4:4:4", quality=95))


def test_a_very_large_jpeg_is_written_with_what_it_carries(saved):
    values = np.full((4_000, 8_100, 3), (200, 90, 40), np.uint8)
    how = {"progressive": True, "quality": 90, "subsampling": "4:4:4", "comment": b"mine"}
    picture = decode(saved(values, "JPEG", **how))
    pixels = picture.pixels.copy()
    pixels[2_000:2_050, 4_000:4_100] = 7
    again = decode(encode(picture.with_pixels(pixels), quality=96))  # over 95: not in place
    assert (again.width, again.height) == (8_100, 4_000)
    assert again.extras == picture.extras
    apart = cv2.absdiff(again.pixels, pixels)
    assert apart.max() <= 8  # ringing at the edge of what was changed
    assert apart[:1_900].max() <= 1
    assert not again.jpeg.progressive
