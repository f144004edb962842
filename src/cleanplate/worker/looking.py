"""What a child process can be asked to do with a picture without changing it. Loads the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.find import find
from cleanplate.engine.report import described
from cleanplate.picture import Limits, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cleanplate.worker.frames import Frame, Header

DECODED = "decoded"
MOST_SHOWN = (
    200  # marks whose shapes are told; a page that offers more to be accepted one by one helps nobody
)
THUMBNAIL_QUALITY = 80


def find_marks(header: Header, bodies: list[bytes], step: Callable[[str], None]) -> Frame:
    """Find the marks of a picture and leave it as it is.

    Args:
        header: `limits` and `sensitivity`.
        bodies: the picture.
        step: told `"decoded"` when the picture has been read.

    Returns:
        `width`, `height` and `marks`, described as a removal describes them; for each of them a body: its
        area inside its box as a PNG of one bit, white where the mark is.
    """
    picture = decode(bodies.pop(0), Limits(**header["limits"]))
    step(DECODED)
    top = float(np.iinfo(picture.pixels.dtype).max)
    marks = find(picture.pixels, None, header["sensitivity"])[:MOST_SHOWN]
    told: dict[str, Any] = {
        "width": picture.width,
        "height": picture.height,
        "marks": [described(mark, top) for mark in marks],
    }
    return told, [_one_bit(mark.area) for mark in marks]


def make_thumbnail(header: Header, bodies: list[bytes], step: Callable[[str], None]) -> Frame:
    """Make a small picture of a large one, for lists.

    Args:
        header: `limits`, and `side`, the longest side of the small one in pixels.
        bodies: the picture.
        step: told `"decoded"` when the picture has been read.

    Returns:
        nothing but a body: the small picture as WebP, see-through where the large one is.
    """
    picture = decode(bodies.pop(0), Limits(**header["limits"]))
    step(DECODED)
    scale = min(1.0, header["side"] / max(picture.width, picture.height))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    pixels = _small(picture.pixels, size)
    pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., ::-1]
    if picture.alpha is not None:
        pixels = np.dstack([pixels, _small(picture.alpha[..., None], size)])
    _, encoded = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, THUMBNAIL_QUALITY])
    return {}, [encoded.tobytes()]


def _one_bit(area: NDArray[np.bool_]) -> bytes:
    white = area.astype(np.uint8) * np.uint8(255)
    return cv2.imencode(".png", white, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()


def _small(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, C) of any depth scaled to `size` (width, height), eight bits deep."""
    small: NDArray[Any] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if small.dtype == np.uint16:
        small = np.right_shift(small, 8)
    return small.astype(np.uint8).reshape(size[1], size[0], -1)
