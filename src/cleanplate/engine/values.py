"""The numbers that painting is done in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def working_values(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """A picture's (H, W, C) as float32 in 0..255: grey as it is, RGB as luma and two chromas (BT.601)."""
    values = np.asarray(pixels * np.float32(255.0 / np.iinfo(pixels.dtype).max), np.float32)
    return (
        values if values.shape[2] == 1 else np.asarray(cv2.cvtColor(values, cv2.COLOR_RGB2YCrCb), np.float32)
    )


def picture_values(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[np.float32]:
    """The inverse of `working_values`, but for the rounding to `dtype`."""
    rgb = values if values.shape[2] == 1 else cv2.cvtColor(values, cv2.COLOR_YCrCb2RGB)
    return np.asarray(rgb * np.float32(np.iinfo(dtype).max / 255.0), np.float32)


def channel_sum(values: NDArray[Any]) -> NDArray[Any]:
    """The sum of each pixel's channels, (H, W, C) to (H, W), of the same floating type.

    NumPy's own sum over so short an axis takes ten times as long as this product.
    """
    return values @ np.ones(values.shape[2], values.dtype)


def channel_mean(values: NDArray[Any]) -> NDArray[Any]:
    """The mean of each pixel's channels, as `channel_sum`."""
    return values @ np.full(values.shape[2], 1 / values.shape[2], values.dtype)
