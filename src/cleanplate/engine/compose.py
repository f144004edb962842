"""Writing what was painted into the picture: inside the area, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compose(pixels: NDArray[Any], painted: NDArray[Any], area: NDArray[np.bool_]) -> None:
    """Write `painted` into `pixels` where `area` is true.

    Args:
        pixels: (h, w, C), uint8 or uint16; changed in place inside the area only.
        painted: (h, w, C), any real dtype, in the range of `pixels`; rounded and clipped.
        area: (h, w).
    """
    top = np.iinfo(pixels.dtype).max
    exact = np.rint(painted).clip(0, top).astype(pixels.dtype)
    np.copyto(pixels, exact, where=area[..., None])
