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

from cleanplate.picture.segments import DRI, EOI, FRAMES, RST0, Segment, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.picture.picture import Subsampling

UNIT = {"4:4:4": (8, 8), "4:2:2": (8, 16), "4:2:0": (16, 16)}  # rows and columns of a coding unit
LONGEST_INTERVAL = 65_535  # coding units
MOST_PIXELS = 4_000_000  # of a strip


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
        *_, scan = segments(data)
        if number == 0:
            header = _with_height(data[: scan.at], height)
            pieces += [header, Segment(DRI, (across * rows).to_bytes(2)).written, data[scan.at : -2]]
        else:
            pieces += [bytes([0xFF, RST0 + (number - 1) % 8]), data[scan.end : -2]]
    return b"".join([*pieces, bytes([0xFF, EOI])])


def _with_height(header: bytes, height: int) -> bytes:
    """The same header with another number of lines in its frame (T.81 B.2.2)."""
    at = next(segment.at for segment in segments(header) if segment.marker in FRAMES)
    return header[: at + 5] + height.to_bytes(2) + header[at + 7 :]
