"""What is known of a mark before it is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of a mark roughly: a network's estimate, or many copies'.

    Attributes:
        probability: (H, W) float32 in 0..1, that a pixel is the mark's.
        opacity: (H, W) float32 in 0..1.
    """

    probability: NDArray[np.float32]
    opacity: NDArray[np.float32]
