"""A watermark in a picture: where it is, how opaque and of which colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["see-through", "opaque", "tiled"]

VISIBLE = 0.02  # an opacity up to this moves an 8-bit value by five levels at most: too little to be seen
HIDING = 0.8  # opacity over which a mark counts as opaque: it hides the photo


@dataclass(frozen=True, slots=True)
class Mark:
    """A watermark that was found.

    Attributes:
        box: (x, y, width, height) in pixels of the upright picture.
        opacity: float32 of the box's (height, width), in 0..1: how much of each pixel is the mark.
        colour: float32 of (C,) or (height, width, C), in the picture's range: what the mark is painted with.
        confidence: in 0..1, how sure the finder is that this is a watermark.
        kind: whether the photo shines through it, whether it hides the photo, or whether it is one mark whose
            copies are spread over the picture.
        likely: float32 of the box's (height, width), in 0..1: how probable it is that a pixel is the mark's,
            where the finder knows that; it tells the fit where the strokes are.
        exact: whether the area is the mark's own outline, to a pixel, and the opacity and colour say nothing:
            a user drew it. The fit then tells them.
    """

    box: tuple[int, int, int, int]
    opacity: NDArray[np.float32]
    colour: NDArray[np.float32]
    confidence: float
    kind: Kind = "see-through"
    likely: NDArray[np.float32] | None = None
    exact: bool = False

    @property
    def area(self) -> NDArray[np.bool_]:
        """Boolean of the box's (height, width): the pixels that the mark visibly changed."""
        return self.opacity > VISIBLE
