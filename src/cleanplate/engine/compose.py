"""Writing what was painted into the picture: inside the area, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.engine.crops import window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.fill import Painted


def compose(pixels: NDArray[Any], painted: Painted) -> None:
    """Write a painted crop into its picture, in place and inside its area only.

    Args:
        pixels: (H, W, C), uint8 or uint16.
        painted: what to write; it is rounded, and clipped to the range of `pixels`.
    """
    top = np.iinfo(pixels.dtype).max
    exact = np.rint(painted.values).clip(0, top).astype(pixels.dtype)
    np.copyto(pixels[window(painted.box)], exact, where=painted.area[..., None])
