from __future__ import annotations

import struct
import subprocess
import sys
import textwrap
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cleanplate.picture import (
    Limits,
    PictureTooLarge,
    PictureTooManyFrames,
    PictureTooSmall,
    decode,
    encode,
    from_array,
    inspect,
)

SERVICE = Limits(max_bytes=50 << 20, min_side=20, max_side=20_000, max_pixels=120_000_000, max_frames=1_000)


@pytest.mark.parametrize("look", [inspect, decode])
def test_each_limit_has_its_own_error_and_names_its_number(look, saved, photo):
    data = saved(photo(48, 64), "PNG")
    with pytest.raises(PictureTooLarge, match="100 are allowed"):
        look(data, Limits(max_bytes=100))
    with pytest.raises(PictureTooLarge, match=r"64 × 48 pixels.*longer than 63"):
        look(data, Limits(max_side=63))
    with pytest.raises(PictureTooLarge, match=r"64 × 48 pixels.*more than 3,071"):
        look(data, Limits(max_pixels=64 * 48 - 1))
    with pytest.raises(PictureTooSmall, match=r"64 × 48 pixels.*shorter than 49"):
        look(data, Limits(min_side=49))
    look(data, Limits(max_bytes=len(data), max_side=64, max_pixels=64 * 48, min_side=48))


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_frames_are_counted_without_decoding_them(name, saved):
    frames = [Image.new("RGB", (32, 32), (8 * index, 0, 255)) for index in range(5)]
    data = saved(frames[0], name, save_all=True, append_images=frames[1:])
    assert inspect(data, Limits(max_frames=5)).frames == 5
    for look in (inspect, decode):
        with pytest.raises(PictureTooManyFrames, match="more than 4"):
            look(data, Limits(max_frames=4))


def test_a_tiff_whose_pages_form_a_ring_ends():
    data = bytearray(encode(from_array(np.zeros((8, 8), np.uint8)), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert inspect(bytes(data)).frames == 1


def test_a_hundred_megapixels_decode_under_the_service_limits_without_touching_pillows(saved):
    before = Image.MAX_IMAGE_PIXELS
    data = saved(Image.new("L", (10_000, 10_000), 77), "JPEG", quality=50)
    picture = decode(data, SERVICE)  # a bomb warning would be an error here
    assert (picture.width, picture.height) == (10_000, 10_000)
    assert abs(int(picture.pixels[5_000, 5_000, 0]) - 77) <= 2  # quality 50
    assert before == Image.MAX_IMAGE_PIXELS


def test_tiff_and_png_above_pillows_own_limit_decode_too(saved):
    flat = Image.new("1", (12_000, 9_000))
    for name, options in (("TIFF", {"compression": "group4"}), ("PNG", {})):
        assert decode(saved(flat, name, **options), SERVICE).width == 12_000


def png_of(width: int, height: int, *, extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def claims(size: int, saved) -> dict[str, bytes]:
    """One small file a format that says it has `size` × `size` pixels, or as many as the format can say."""
    small = Image.new("RGB", (16, 16))
    jpeg = bytearray(saved(small, "JPEG"))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, size, size)
    bmp = bytearray(saved(small, "BMP"))
    struct.pack_into("<II", bmp, 18, size, size)
    gif = bytearray(saved(small, "GIF"))
    struct.pack_into("<HH", gif, 6, size, size)
    frame = gif.index(b"\x2c", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
    struct.pack_into("<HH", gif, frame + 5, size, size)
    tiff = bytearray(saved(small, "TIFF"))
    for tag in (256, 257):
        struct.pack_into("<HHII", tiff, tiff.index(struct.pack("<HH", tag, 4)), tag, 4, 1, size)
    webp = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    jp2 = bytearray(saved(small, "JPEG2000"))
    struct.pack_into(">II", jp2, jp2.index(b"ihdr") + 4, size, size)
    struct.pack_into(">II", jp2, jp2.index(b"\xff\x51") + 6, size, size)
    return {
        "PNG": png_of(size, size),
        "JPEG": bytes(jpeg),
        "BMP": bytes(bmp),
        "GIF": bytes(gif),
        "TIFF": bytes(tiff),
        "WEBP": b"RIFF" + struct.pack("<I", len(webp) + 4) + b"WEBP" + webp,
        "JPEG2000": bytes(jp2),
    }


def test_what_claims_to_be_huge_is_refused_without_allocating_it(saved, tmp_path):
    """In a process that may allocate 512 MiB more: at least 800 MB of pixels are claimed."""
    files = claims(50_000, saved)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    code = """
        import resource, sys
        from pathlib import Path
        from cleanplate.errors import CleanplateError
        from cleanplate.picture import decode, inspect
        import cleanplate.picture.readers
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + (512 << 20), resource.RLIM_INFINITY))
        for path in sorted(Path(sys.argv[1]).iterdir()):
            for look in (inspect, decode):
                try:
                    look(path.read_bytes())
                    print(path.name, "was read")
                except CleanplateError as error:
                    print(path.name, error.code, error.detail)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    # with a detail it would be an allocation that failed, not a limit that held
    expected = [f"{name} picture_too_large None" for name in sorted(files) for _ in range(2)]
    assert done.stdout.splitlines() == expected


def test_metadata_that_unpacks_to_more_than_any_honest_one_is_refused(saved):
    def chunk(kind: bytes, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
        )

    bomb = zlib.compress(bytes(40 << 20))
    for extra in (
        chunk(b"iCCP", b"p\0\0" + bomb),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + bomb),
    ):
        with pytest.raises(PictureTooLarge, match="block is too large"):
            inspect(png_of(32, 32, extra=extra))
    # other compressed texts are carried along packed, never unpacked
    inspect(png_of(32, 32, extra=chunk(b"zTXt", b"Comment\0\0" + bomb)))


def test_overlapping_tiff_tags_cannot_multiply_a_file(saved):
    """Each of 3,000 tags claims the same megabyte."""
    payload = bytes(1 << 20)
    picture = encode(from_array(np.zeros((8, 8), np.uint8)), "TIFF")
    first = struct.unpack_from("<I", picture, 4)[0]
    count = struct.unpack_from("<H", picture, first)[0]
    own = picture[first + 2 : first + 2 + 12 * count]
    at = len(picture)
    more = b"".join(struct.pack("<HHII", 40_000 + i, 7, len(payload), at) for i in range(3_000))
    start = at + len(payload)
    data = picture[:4] + struct.pack("<I", start) + picture[8:] + payload
    data += struct.pack("<H", count + 3_000) + own + more + bytes(4)
    with pytest.raises(PictureTooLarge):
        decode(data)


def test_a_picture_that_is_only_a_header_costs_nothing_to_inspect(saved, photo):
    for name in ("JPEG", "PNG", "BMP", "TIFF", "GIF"):
        data = saved(photo(), name)
        header = inspect(data)
        assert (header.width, header.height, header.format) == (64, 48, name)
        assert header.media_type == Image.MIME[name]
        assert Image.open(BytesIO(data)).size == (64, 48)
