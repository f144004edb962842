"""Lightness and two chromas: what a painting errs by is far larger along the first than along the others.

What a photo does under a mark is mostly a matter of light and shade; its colours change little. Measured on
photos, a painting is off four times as far along lightness as along red to blue, and eleven times as far as
along green to magenta, and by how far along each is told by how busy the surroundings are along it. So the
fit weighs each apart: a coloured mark, or a grey one on a coloured ground, is told by the chromas alone where
the light tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.engine.fit.painting import busyness

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3.0], [2.0], [6.0]])


def axes(channels: int) -> NDArray[np.float64]:
    """Orthonormal axes of colour, (C, C), one a row: lightness and two chromas for three channels."""
    return _OPPONENT if channels == 3 else np.eye(channels)


def along(values: NDArray[Any]) -> NDArray[Any]:
    """Colours (..., C) as coordinates along the axes, of the same floating type."""
    return values @ axes(values.shape[-1]).T.astype(values.dtype)


def busy_along(seen: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How busy the known pixels around every place are along each axis, (H, W, C): see `busyness`."""
    turned = along(seen)
    planes = [busyness(np.ascontiguousarray(turned[..., k : k + 1]), known) for k in range(turned.shape[2])]
    return np.stack(planes, axis=2)


def length(errors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Errors along the axes, (H, W, C), as the root mean square of a channel's, (H, W)."""
    return np.sqrt((errors * errors) @ np.full(errors.shape[2], 1 / errors.shape[2], errors.dtype))
