"""One adapter for each kind of painting network: from a picture with a hole to its inputs, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from cleanplate.models.errors import ModelFailed
from cleanplate.models.painting.signature import Kind, recognised, side

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cleanplate.models.session import Session

STRIDE = 32  # cleanplate's own network takes multiples of so many pixels
OWN_SIDE = 1024  # pixels of the longest side that it is given at once: bounds the memory
MIGAN_SIDE = 512  # what MI-GAN's pipeline scales its crop to: given a square of it, it scales nothing


class Network(Protocol):
    """A network that paints the holes of pictures up to a size.

    Attributes:
        side: pixels of the longest side that it takes.
    """

    side: int

    def __call__(self, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Paint one picture.

        Args:
            values: (H, W, 3) in 0..1, neither side longer than `side`; in the hole, something near what is
                round it, for networks that scale their input.
            hole: (H, W), what to paint.

        Returns:
            (H, W, 3); only what is in the hole means anything.
        """
        ...


def network(session: Session) -> Network:
    """The adapter that fits this session.

    Raises:
        ModelNotUnderstood: none does.
    """
    return _ADAPTERS[recognised(session.inputs, session.outputs)](session)


class OwnNetwork:
    """cleanplate's own: any multiple of 32, float32 in 0..1, the hole zeroed."""

    def __init__(self, session: Session) -> None:
        self._session, self.side = session, OWN_SIDE

    def __call__(self, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        height, width = hole.shape
        padded, holes = _padded(values, hole, height + -height % STRIDE, width + -width % STRIDE)
        feeds = {"picture": _planes(np.where(holes[..., None], np.float32(0), padded)), "hole": _plane(holes)}
        return _run(self._session, feeds, holes.shape)[:height, :width]


class MiganNetwork:
    """MI-GAN's pipeline: bytes of any size, and a mask that is 0 in the hole."""

    def __init__(self, session: Session) -> None:
        self._session, self.side = session, MIGAN_SIDE

    def __call__(self, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        height, width = hole.shape
        padded, holes = _padded(values, hole, self.side, self.side)
        levels = np.rint(padded * 255).clip(0, 255).astype(np.uint8)
        mask = np.where(holes, np.uint8(0), np.uint8(255))
        answer = _run(self._session, {"image": _planes(levels), "mask": _plane(mask)}, holes.shape)
        return answer[:height, :width] / np.float32(255)


class LamaNetwork:
    """LaMa as it is exported: squares of one size, 0..1 in and 0..255 out."""

    def __init__(self, session: Session) -> None:
        fixed = next(side(port) for port in session.inputs if port.name == "image")
        assert fixed is not None  # noqa: S101  # for the type checker: it is what the kind is told by
        self._session, self.side = session, fixed

    def __call__(self, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        height, width = hole.shape
        padded, holes = _padded(values, hole, self.side, self.side)
        answer = _run(self._session, {"image": _planes(padded), "mask": _plane(holes)}, holes.shape)
        return answer[:height, :width] / np.float32(255)


_ADAPTERS: dict[Kind, Callable[[Session], Network]] = {
    "cleanplate": OwnNetwork,
    "migan": MiganNetwork,
    "lama": LamaNetwork,
}


def _padded(
    values: NDArray[np.float32], hole: NDArray[np.bool_], height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Both continued to this size as if by mirrors; what is hidden stays hidden in the mirror image."""
    below, right = height - hole.shape[0], width - hole.shape[1]
    if not below and not right:
        return values, hole
    mirror = cv2.BORDER_REFLECT
    longer = cv2.copyMakeBorder(values, 0, below, 0, right, mirror)
    holes = cv2.copyMakeBorder(hole.view(np.uint8), 0, below, 0, right, mirror)
    return np.asarray(longer, np.float32), np.asarray(holes, np.uint8).view(np.bool_)


def _planes(pixels: NDArray[Any]) -> NDArray[Any]:
    """(1, 3, H, W) of (H, W, 3)."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]


def _plane(mask: NDArray[Any]) -> NDArray[Any]:
    """(1, 1, H, W) of (H, W); a boolean one as float32."""
    return (mask.astype(np.float32) if mask.dtype == np.bool_ else mask)[None, None]


def _run(session: Session, feeds: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(H, W, 3) float32, as the network answers it.

    Raises:
        ModelFailed: it broke down, or answered something else than a picture of this shape.
        MemoryError: there is not enough memory for it.
    """
    try:
        answer = session.run(feeds)
    except MemoryError:
        raise
    except Exception as error:
        raise ModelFailed(detail=str(error)) from error
    if answer.shape != (1, 3, *shape):
        raise ModelFailed(
            f"The network answered an array of {answer.shape} to a picture of {shape}: try another, or none.",
        )
    painted = np.asarray(answer[0].transpose(1, 2, 0), np.float32)
    if not np.isfinite(painted).all():
        raise ModelFailed("The network answered what is no number: try another, or none.")
    return painted
