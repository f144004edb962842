"""Pictures of 16 bits a channel, which Pillow would cut to 8 where there is more than one channel.

OpenCV decodes and encodes the samples; headers and metadata never pass through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.picture.errors import PictureUnreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.picture.picture import Pixels


def decode_samples(data: bytes, width: int, height: int) -> NDArray[Any]:
    """Decode PNG, TIFF or JPEG 2000 samples as stored.

    Returns:
        (height, width, channels) uint8 or uint16 in the order grey, grey-alpha, RGB or RGB-alpha.

    Raises:
        PictureUnreadable: when OpenCV cannot, or finds another size than the header said.
    """
    decoded: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.shape[:2] != (height, width):
        raise PictureUnreadable(detail="OpenCV could not decode it")
    if decoded.dtype.name not in ("uint8", "uint16"):
        raise PictureUnreadable(detail=f"samples are {decoded.dtype}")
    if decoded.ndim == 2:
        return decoded[..., np.newaxis]
    if decoded.shape[2] >= 3:
        return _swap_red_and_blue(decoded)
    return decoded


def encode_samples(extension: str, samples: Pixels, options: list[int]) -> bytes:
    """Encode (H, W, 1, 3 or 4) samples without loss; `extension` is `.png` or `.jp2`."""
    ordered = _swap_red_and_blue(samples) if samples.shape[2] >= 3 else samples
    done, encoded = cv2.imencode(extension, ordered, options)
    if not done:
        raise ValueError(f"OpenCV could not write {extension}")
    return encoded.tobytes()


def _swap_red_and_blue(values: NDArray[Any]) -> NDArray[Any]:
    code = cv2.COLOR_BGR2RGB if values.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return cv2.cvtColor(values, code)


def to_16(values: NDArray[Any], depth: int) -> NDArray[np.uint16]:
    """Stretch samples of 9 to 16 bits over the whole range of 16 by repeating their high bits."""
    wide = values.astype(np.uint16, copy=False)
    if depth >= 16:
        return wide
    return np.bitwise_or(wide << np.uint16(16 - depth), wide >> np.uint16(2 * depth - 16))


def to_8(values: Pixels) -> NDArray[np.uint8]:
    """Scale samples to 8 bits, rounding to the nearest; 65535 becomes 255."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    scaled = np.empty(values.shape, np.uint8)
    for row, target in zip(values, scaled, strict=True):
        target[...] = (row.astype(np.uint32) * 255 + 32_767) // 65_535
    return scaled


def unassociated(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Divide (H, W, C) 16-bit samples that were multiplied by their (H, W) alpha by it again."""
    divided = np.empty_like(pixels)
    for row, opacity, target in zip(pixels, alpha, divided, strict=True):
        whole = np.maximum(opacity, 1).astype(np.uint64)[:, np.newaxis]
        target[...] = np.minimum(65_535, (row.astype(np.uint64) * 65_535 + whole // 2) // whole)
    return divided
