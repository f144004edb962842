"""BMP with an alpha channel: the version-4 header with its masks, which Pillow does not write."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE_HEADER, _V4_HEADER, _BITFIELDS = 14, 108, 3
_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
_SRGB = 0x73524742


def encode_with_alpha(
    pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], dpi: tuple[float, float] | None
) -> bytes:
    """Write (H, W, 3) RGB with (H, W) alpha as 32 bits a pixel, bottom row first (BITMAPV4HEADER)."""
    height, width = alpha.shape
    samples = np.empty((height, width, 4), np.uint8)
    samples[..., :3] = pixels[::-1, :, ::-1]
    samples[..., 3] = alpha[::-1]
    x, y = (round(value / 0.0254) for value in dpi) if dpi else (0, 0)
    start = _FILE_HEADER + _V4_HEADER
    info = struct.pack(
        "<IiiHHIIiiII", _V4_HEADER, width, height, 1, 32, _BITFIELDS, samples.nbytes, x, y, 0, 0
    )
    header = info + struct.pack("<5I", *_MASKS, _SRGB)
    name = struct.pack("<2sIHHI", b"BM", start + samples.nbytes, 0, 0, start)
    return name + header.ljust(_V4_HEADER, b"\0") + samples.tobytes()
