"""A very large JPEG written strip by strip, so that no second copy of its pixels is needed.

Encoders want the whole picture in a layout of their own: four bytes a pixel. Here each strip is encoded by
itself, and the coded data are joined by restart markers, behind which a decoder begins anew (ITU-T T.81
F.1.2.3 and E.1.4). All strips have the same tables and the restart interval is the number of coding units
in a strip, so the file is an ordinary baseline JPEG.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.picture.picture import Subsampling

UNIT = {"4:4:4": (8, 8), "4:2:2": (8, 16), "4:2:0": (16, 16)}  # rows and columns of a coding unit
LONGEST_INTERVAL = 65_535  # coding units
MOST_PIXELS = 4_000_000  # of a strip
_RESTART, _END, _SCAN, _INTERVAL = 0xD0, 0xD9, 0xDA, 0xDD
_FRAME = 0xC0  # baseline, which is what is written without "progressive"


def encode_in_strips(pixels: NDArray[Any], subsampling: Subsampling, **options: Any) -> bytes:
    """Encode pixels as a baseline JPEG.

    Args:
        pixels: (H, W, 3) RGB or (H, W, 1) grey, uint8; at most 65,500 a side.
        subsampling: of the chroma.
        options: further ones of Pillow's JPEG writer, such as `quality`, `qtables` or `dpi`; neither
            `progressive` nor `optimize`, whose tables differ from strip to strip.

    Returns:
        The file, which decodes to the very pixels of one that was encoded at once.
    """
    height, width, channels = pixels.shape
    tall, wide = (8, 8) if channels == 1 else UNIT[subsampling]
    across = -(-width // wide)
    rows = max(1, min(LONGEST_INTERVAL // across, MOST_PIXELS // (width * tall)))
    pieces: list[bytes] = []
    for number, top in enumerate(range(0, height, rows * tall)):
        strip = pixels[top : top + rows * tall]
        image = Image.fromarray(strip[..., 0] if channels == 1 else strip)
        buffer = BytesIO()
        image.save(buffer, "JPEG", subsampling=subsampling, **options)
        data = buffer.getvalue()
        scan = _start_of_scan(data)
        if number == 0:
            pieces += [_with_height(data[:scan], height), _interval(across * rows), data[scan:-2]]
        else:
            start = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4])
            pieces += [bytes([0xFF, _RESTART + (number - 1) % 8]), data[start:-2]]
    return b"".join([*pieces, bytes([0xFF, _END])])


def _interval(units: int) -> bytes:
    """The segment that defines the restart interval (T.81 B.2.4.4)."""
    return bytes([0xFF, _INTERVAL, 0, 4]) + units.to_bytes(2)


def _start_of_scan(data: bytes) -> int:
    return next(at for marker, at in _segments(data) if marker == _SCAN)


def _with_height(header: bytes, height: int) -> bytes:
    """The same header with another number of lines in its frame (T.81 B.2.2)."""
    at = next(at for marker, at in _segments(header) if marker == _FRAME)
    return header[: at + 5] + height.to_bytes(2) + header[at + 7 :]


def _segments(data: bytes) -> list[tuple[int, int]]:
    """Marker and place of each segment of a freshly written file, up to the scan."""
    found: list[tuple[int, int]] = []
    at = 2
    while at + 4 <= len(data):
        found.append((data[at + 1], at))
        if data[at + 1] == _SCAN:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return found
