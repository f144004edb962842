"""Taking a mark off whose opacity and colour are known already, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cleanplate.engine.fit.painting import busyness, finished, usual_error
from cleanplate.engine.fit.recovery import EXACT, LOSSY, THIN, TRUSTY, Recovery
from cleanplate.engine.values import channel_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

OFF = 0.02  # what an opacity that many copies agree on is usually off by
NOISY = 0.7  # share of the most that storing a picture may move a value by, which it usually does


def inverted(
    seen: NDArray[np.float32],
    opacity: NDArray[np.float32],
    colour: NDArray[np.float32],
    *,
    lossy: bool,
) -> Recovery:
    """Invert the blend, photo = (seen - opacity · colour) / (1 - opacity), with what is known as it is.

    What an error of the opacity and the noise of a lossy encoder leave, both of which 1 / (1 - opacity)
    amplifies, is weighed against what a painting would be off by: on quiet ground and where a mark is dense
    the painting has its say, on texture the photo's own values do.

    Args:
        seen: (H, W, C) float32, 0..255.
        opacity: (H, W) float32 in 0..1, 0 outside the mark.
        colour: (H, W, C) or (C,) float32, 0..255.
        lossy: whether the picture has been through a lossy encoder.
    """
    area = opacity > 0
    through = np.maximum(1 - opacity, 0.01)[..., None]
    light = opacity[..., None] * colour
    photo = np.asarray(np.clip((seen - light) / through, 0, 255), np.float32)
    doubt = usual_error(busyness(seen, ~area), area)
    contrast = channel_mean(np.abs(colour - photo))
    own = np.hypot(NOISY * (LOSSY if lossy else EXACT), OFF * contrast) / through[..., 0]
    hidden = area & (through[..., 0] < THIN)
    trust = np.where(area & ~hidden, doubt**2 / (doubt**2 + own**2), 0).astype(np.float32)
    second = finished(seen, photo, area, area & (trust < TRUSTY))
    values = np.where(area[..., None], trust[..., None] * photo + (1 - trust[..., None]) * second, seen)
    sure = 1.0 if area.any() else 0.0
    return Recovery(
        values.astype(np.float32), opacity, light, trust, (), hidden, np.zeros_like(opacity), sure
    )
