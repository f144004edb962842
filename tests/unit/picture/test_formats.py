from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cleanplate.picture import (
    PictureCannotBeWritten,
    decode,
    encode,
    extension,
    from_array,
    media_type,
    output_format,
    shown_format,
    sniff,
    written_format,
)
from cleanplate.picture.formats import named

WRITTEN_BY_PILLOW = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000"]


@pytest.mark.parametrize("name", WRITTEN_BY_PILLOW)
def test_every_format_is_told_by_its_content(name, saved, photo):
    assert sniff(saved(photo(), name)) == name


def test_heic_and_bare_codestreams_and_big_tiffs_are_told_too(heic, saved, photo):
    assert sniff(heic("plain")) == "HEIF"
    assert sniff(saved(photo(), "JPEG2000", no_jp2=True)) == "JPEG2000"
    assert sniff(saved(photo(), "TIFF", big_tiff=True)) == "TIFF"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"B",
        b"BM",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\0\0\0\0WAVE",
        b"GIF90a",
    ],
)
def test_what_is_no_picture_is_not_taken_for_one(data):
    assert sniff(data) is None


@given(st.binary(max_size=64))
def test_sniffing_never_fails(data):
    assert sniff(data) is None or data


@given(st.binary(max_size=300))
def test_sniffing_brands_never_fails(data):
    assert sniff(b"\0\0\0\x18ftyp" + data) in (None, "AVIF", "HEIF")


def test_gif_heic_and_arrays_are_written_as_what_holds_them():
    assert output_format("GIF") == "PNG"
    assert output_format("HEIF") == "JPEG"
    assert output_format("HEIF", alpha=True) == "PNG"
    assert output_format("ARRAY") == "PNG"
    for same in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"):
        assert output_format(same) == same


def test_people_may_write_formats_their_way():
    assert [named(name) for name in ("jpg", ".tif", "WebP", "jp2", "heic")] == [
        "JPEG",
        "TIFF",
        "WEBP",
        "JPEG2000",
        "HEIF",
    ]
    with pytest.raises(PictureCannotBeWritten, match="'docx' is not a picture format"):
        encode(from_array(np.zeros((2, 2), np.uint8)), "docx")


def test_media_type_and_extension_belong_together():
    assert (media_type("JPEG"), extension("JPEG")) == ("image/jpeg", "jpg")
    assert (media_type("HEIF"), extension("HEIF")) == ("image/heic", "heic")


def test_an_unchanged_gif_or_heic_stays_what_it_is_and_a_changed_one_does_not(saved, photo, heic):
    gif = decode(saved(Image.fromarray(photo()).quantize(16), "GIF"))
    assert written_format(gif) == "GIF"
    assert written_format(gif.with_pixels(gif.pixels)) == "PNG"
    for name, expected in (("plain", "JPEG"), ("alpha", "PNG")):
        picture = decode(heic(name))
        assert encode(picture) == heic(name)
        changed = picture.with_pixels(picture.pixels)
        assert written_format(changed) == expected
        assert sniff(encode(changed)) == expected


@pytest.mark.parametrize("name", ["TIFF", "BMP", "JPEG2000", "GIF"])
def test_what_is_for_browsers_is_png_where_they_would_not_show_it(name, saved, photo):
    picture = decode(saved(photo(), name))
    assert shown_format(picture) == name
    assert encode(picture, shown_format(picture)) == picture.source
    assert shown_format(picture.with_pixels(picture.pixels)) == "PNG"


def test_what_is_for_browsers_stays_what_they_show(heic, saved, photo):
    for name in ("JPEG", "PNG", "WEBP", "AVIF"):
        picture = decode(saved(photo(), name))
        assert shown_format(picture.with_pixels(picture.pixels)) == name
    for name, expected in (("plain", "JPEG"), ("alpha", "PNG")):  # what a HEIC becomes anyway
        picture = decode(heic(name))
        assert shown_format(picture) == "HEIF"
        assert shown_format(picture.with_pixels(picture.pixels)) == expected


def test_sniffing_loads_no_picture_library():
    code = (
        "import sys; from cleanplate.picture import sniff, Limits, PictureTooLarge; sniff(b'x');"
        "print([name for name in ('PIL', 'cv2', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
