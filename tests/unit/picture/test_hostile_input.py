"""Whatever the bytes are: a picture, or one of our errors."""

from __future__ import annotations

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from cleanplate.errors import CleanplateError
from cleanplate.picture import (
    Limits,
    PictureCannotBeWritten,
    PictureUnreadable,
    decode,
    encode,
    inspect,
    written_format,
)

SMALL = Limits(max_pixels=1 << 20, max_side=4_096, max_bytes=1 << 20)
MUTATIONS = 60  # of each of the files below
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'


@pytest.fixture(scope="module")
def files(saved, photo, heic):
    """One file a format and kind of samples, with metadata wherever it can have some."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    rich = {"exif": exif, "xmp": XMP, "icc_profile": b"profile" * 20}
    picture, see_through = Image.fromarray(photo()), Image.fromarray(photo(channels=4))
    deep_png = encode(decode(heic("deep")).with_pixels(decode(heic("deep")).pixels), "PNG")
    return {
        "jpeg": saved(picture, "JPEG", **rich),
        "progressive jpeg": saved(picture, "JPEG", progressive=True),
        "cmyk jpeg": saved(picture.convert("CMYK"), "JPEG"),
        "png": saved(see_through, "PNG", **{key: rich[key] for key in ("exif", "icc_profile")}),
        "palette png": saved(picture.quantize(16), "PNG", transparency=3),
        "deep png": deep_png,
        "webp": saved(see_through, "WEBP", **rich),
        "lossless webp": saved(picture, "WEBP", lossless=True),
        "bmp": saved(picture, "BMP"),
        "gif": saved(picture.quantize(32), "GIF", save_all=True, append_images=[picture.quantize(8)]),
        "tiff": saved(picture, "TIFF", compression="tiff_lzw", **rich),
        "jpeg tiff": saved(picture, "TIFF", compression="jpeg"),
        "deep tiff": encode(decode(deep_png).with_pixels(decode(deep_png).pixels), "TIFF"),
        "avif": saved(see_through, "AVIF", **rich),
        "jp2": saved(picture, "JPEG2000"),
        "deep jp2": encode(decode(deep_png).with_pixels(decode(deep_png).pixels), "JPEG2000"),
        "heic": heic("plain"),
    }


NAMES = [
    *("jpeg", "progressive jpeg", "cmyk jpeg", "png", "palette png", "deep png", "webp", "lossless webp"),
    *("bmp", "gif", "tiff", "jpeg tiff", "deep tiff", "avif", "jp2", "deep jp2", "heic"),
]


def mutate(data: bytes, draw: np.random.Generator) -> bytes:
    """A few bytes set, a piece removed, repeated or cut off; most of it near the header."""
    mutated = bytearray(data)
    for _ in range(int(draw.integers(1, 6))):
        reach = len(mutated) if draw.random() < 0.4 else min(len(mutated), 300)
        at = int(draw.integers(0, reach))
        match int(draw.integers(0, 5)):
            case 0 | 1:
                mutated[at] = int(draw.choice([0, 1, 0x7F, 0x80, 0xFF, int(draw.integers(0, 256))]))
            case 2:
                mutated[at : at + 4] = draw.bytes(4)
            case 3:
                del mutated[at : at + int(draw.integers(1, 20))]
            case _:
                mutated[at:at] = mutated[at : at + int(draw.integers(1, 40))]
        if not mutated:
            break
    return bytes(mutated)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_give_a_picture_or_one_of_our_errors(name, files):
    draw = np.random.default_rng(sum(name.encode()))
    refused = 0
    for _ in range(MUTATIONS):
        data = mutate(files[name], draw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders may warn of what they repair
            try:
                header = inspect(data, SMALL)
                picture = decode(data, SMALL)
            except CleanplateError:
                refused += 1
                continue
            assert (header.width, header.height) == (picture.width, picture.height)
            changed = picture.with_pixels(255 - picture.pixels)
            try:
                encoded = encode(changed, history="cleanplate")
            except PictureCannotBeWritten:
                continue
            again = decode(encoded)
            assert (again.width, again.height) == (picture.width, picture.height)
            assert again.format == written_format(changed)
    assert refused > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_beginning_of_a_file_gives_a_picture_or_one_of_our_errors(name, files):
    data = files[name]
    for length in sorted({*range(0, min(len(data), 64), 3), *range(64, len(data), max(1, len(data) // 20))}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                begun = decode(data[:length], SMALL)
            except CleanplateError:
                continue
        # only the first frame is asked for, and it is there in full
        assert name == "gif"
        assert np.array_equal(begun.pixels, decode(data).pixels)


def test_random_bytes_behind_every_signature():
    draw = np.random.default_rng(5)
    signatures = [
        *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x40\0\0\0WEBPVP8 ", b"II*\0", b"MM\0*"),
        *(
            b"II+\0\x08\0\0\0",
            b"\0\0\0\x0cjP  \r\n\x87\n",
            b"\xff\x4f\xff\x51",
            b"BM" + bytes(12) + b"\x28\0\0\0",
        ),
        *(b"\0\0\0\x1cftypavif", b"\0\0\0\x18ftypheic"),
    ]
    for signature in signatures:
        for length in (0, 1, 10, 100, 1000):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with pytest.raises(CleanplateError):
                    decode(signature + draw.bytes(length), SMALL)


def test_a_second_size_behind_the_first_does_not_pass_the_limits(saved, photo):
    """Pillow takes the last of two, a check of the first one would be worth nothing."""
    png = saved(photo(), "PNG")
    huge = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    framed = struct.pack(">I", 13) + huge + struct.pack(">I", zlib.crc32(huge))
    tiff = saved(photo(), "TIFF")
    first = struct.unpack_from("<I", tiff, 4)[0]
    count = struct.unpack_from("<H", tiff, first)[0]
    entries = tiff[first + 2 : first + 2 + 12 * count] + struct.pack("<HHII", 256, 4, 1, 50_000)
    two_widths = tiff[:4] + struct.pack("<IH", len(tiff), 0)[:4] + tiff[8:]
    two_widths += struct.pack("<H", count + 1) + entries + bytes(4)
    for data in (png[:33] + framed + png[33:], two_widths):
        for look in (inspect, decode):
            with pytest.raises(PictureUnreadable):
                look(data, SMALL)


@pytest.mark.parametrize("word", [b"hvc1", b"Exif", b"application"])
def test_heif_items_with_names_that_are_not_text_do_not_end_the_process(word, heic):
    data = heic("plain")
    with pytest.raises(PictureUnreadable):
        decode(data.replace(word, b"\xff" + word[1:]))
