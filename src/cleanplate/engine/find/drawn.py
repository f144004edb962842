"""Whether a user drew a mark's own outline, or only something around it.

Masks that come from a template or from another program are exact, those of a brush are not, and nothing in a
request tells which is which. The picture does: where a mark ends, neighbouring pixels differ by more than
they do further out, and they do so along most of its outline. The outline may be a pixel or two off; where
the steps are tells that, too. Strokes finer than any brush are an outline whatever the picture says. The
thresholds were set on marks of two made sets, where nine outlines of ten were recognised, and one smear or
rectangle of 640.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import grown, window
from cleanplate.engine.find.parts import boxed, parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TIGHTER, LOOSER = 1, 2  # pixels by which an outline may be too small and too large
BEYOND = (2, 3, 4)  # pixels further out: where the photo's own steps are measured
SHARES = (30, 50, 70)  # percentiles of the steps along a border: most of it has to be one
LEAST = 0.5  # levels that are added to a step: what rounding makes of none
FINE = 7.0  # pixels of area to a pixel of border: made of strokes, of which a brush draws only the wider
FINEST = 2.0  # the same: too fine for a brush, whatever the picture says
STEEP_FINE, STEEP = 1.3, 1.6  # times the photo's steps, as means of roots: a mark's border
EVEN = 1.2  # times: as they are in the photo
OUTERMOST = 0.6  # of the steepest: soft edges are steep over two pixels, and the outer one is the border
FEWEST = 40  # pairs of neighbours that a border must have
LARGEST = 16e6  # pixels of a region's box: what is fitted as it is takes 45 bytes each, and a microsecond


def drawn(pixels: NDArray[Any], region: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The mark's outline, where a region is that, a pixel too small or two too large at most.

    Args:
        pixels: (H, W, C), uint8 or uint16.
        region: (H, W), what a user marked, at least a pixel.

    Returns:
        (H, W), every pixel that the mark touches, and few others; None where the region is something else.
    """
    height, width = region.shape
    box = cv2.boundingRect(region.view(np.uint8))
    reach = grown((box[0], box[1], box[2], box[3]), TIGHTER + max(BEYOND) + 1, width, height)
    if reach[2] * reach[3] > LARGEST:
        return None
    place = window(reach)
    areas = {by: _shifted(region[place], by) for by in range(-LOOSER, TIGHTER + max(BEYOND) + 1)}
    steps = {by: _steps(pixels[place], area) for by, area in areas.items()}
    thickness = _thickness(areas[0])
    if _loose_part(pixels[place], areas[0]):
        return None
    steepness = {by: _steepness(steps, by) for by in range(-LOOSER, TIGHTER + 1)}
    by = _shift(steepness, fine=thickness < FINE)
    if by is None and thickness < FINEST and steps[0] is not None:
        by = 0
    if by is None:
        return None
    outline = np.zeros_like(region)
    outline[place] = areas[by] | _thin(areas[0], -by) if by < 0 else areas[by]
    return outline


def _loose_part(pixels: NDArray[Any], region: NDArray[np.bool_]) -> bool:
    """Whether one of several parts that lie apart is wide, and its border none of a mark's."""
    labels = parts(region)
    boxes = boxed(labels)
    for part, box in enumerate(boxes if len(boxes) > 1 else [], 1):
        place = window(grown(box, max(BEYOND) + 1, region.shape[1], region.shape[0]))
        own = labels[place] == part
        if _thickness(own) >= FINE:
            grow = (0, TIGHTER, *BEYOND, *(TIGHTER + more for more in BEYOND))
            steps = {by: _steps(pixels[place], _shifted(own, by)) for by in grow}
            if max(_steepness(steps, 0), _steepness(steps, TIGHTER)) < STEEP:
                return True
    return False


def _thin(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """What is lost of an area that is shrunk by so many pixels: nothing of one that was grown by them."""
    return area & ~_shifted(_shifted(area, -by), by)


def _shift(steepness: Mapping[int, float], *, fine: bool) -> int | None:
    """By how many pixels the region is smaller than the outline that it is; None where it is none."""
    steep = STEEP_FINE if fine else STEEP
    # inside something wide, much may be steep: the strip that a smear is drawn on
    inward = range(0, -LOOSER - 1, -1) if fine else (0,)
    most = max(steepness[by] for by in (TIGHTER, *inward))
    if steepness[TIGHTER] > max(steep, OUTERMOST * most):
        return TIGHTER
    first = next((by for by in inward if steepness[by] > EVEN), None)
    return first if first is not None and steepness[first] > steep else None


def _steepness(steps: Mapping[int, float | None], by: int) -> float:
    """The steps at a border over those further out; 0 where it is too short to tell."""
    here = steps[by]
    beyond = [value for value in (steps[by + more] for more in BEYOND) if value is not None]
    return 0.0 if here is None or not beyond else here / float(np.mean(beyond))


def _steps(pixels: NDArray[Any], area: NDArray[np.bool_]) -> float | None:
    """How much pixels on either side of an area's border differ, as a root; None where it is too short."""
    right, below = area[:, 1:] != area[:, :-1], area[1:] != area[:-1]
    pairs = ((pixels[:, 1:], pixels[:, :-1], right), (pixels[1:], pixels[:-1], below))
    off = np.concatenate([one[at].astype(np.float32) - other[at] for one, other, at in pairs])
    if len(off) < FEWEST:
        return None
    share = np.full(pixels.shape[2], 255 / np.iinfo(pixels.dtype).max / pixels.shape[2], np.float32)
    return float(np.sqrt(np.percentile(np.abs(off) @ share, SHARES) + LEAST).sum())


def _thickness(area: NDArray[np.bool_]) -> float:
    """Pixels of an area to a pair of neighbours across its border: about half of its strokes' width."""
    border = np.count_nonzero(area[:, 1:] != area[:, :-1]) + np.count_nonzero(area[1:] != area[:-1])
    return np.count_nonzero(area) / max(border, 1)


def _shifted(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """An area grown by so many pixels, or shrunk."""
    kernel = np.ones((3, 3), np.uint8)
    change = cv2.dilate if by > 0 else cv2.erode
    changed = change(area.view(np.uint8), kernel, iterations=abs(by)) if by else area
    return np.asarray(changed).astype(bool)
