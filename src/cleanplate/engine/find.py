"""Finding marks in a picture.

No finder is bundled yet: `find` is the interface that the pipeline and its callers are written against, and
its honest answer today is that nothing was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VISIBLE = 0.02  # an opacity up to this moves an 8-bit value by five levels at most: too little to be seen


@dataclass(frozen=True, slots=True)
class Mark:
    """A watermark that was found.

    Attributes:
        box: (x, y, width, height) in pixels of the upright picture.
        opacity: float32 of the box's (height, width), in 0..1: how much of each pixel is the mark.
        colour: float32 of (C,) or (height, width, C), in the picture's range: what the mark is painted with.
        confidence: in 0..1, how sure the finder is that this is a watermark.
    """

    box: tuple[int, int, int, int]
    opacity: NDArray[np.float32]
    colour: NDArray[np.float32]
    confidence: float

    @property
    def area(self) -> NDArray[np.bool_]:
        """Boolean of the box's (height, width): the pixels that the mark visibly changed."""
        return self.opacity > VISIBLE


def find(pixels: NDArray[Any], within: NDArray[np.bool_] | None = None) -> tuple[Mark, ...]:
    """Find the watermarks of a picture.

    No finder is bundled yet, so the answer is always that there are none.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        within: (H, W), look only where this is true; None looks everywhere.

    Returns:
        The marks, most confident first.
    """
    del pixels, within
    return ()
