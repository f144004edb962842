"""Having networks ready before the first picture comes."""

from __future__ import annotations

import numpy as np

from cleanplate.models.catalogue import BUNDLED, FILL
from cleanplate.models.painting import asked_for, painter
from cleanplate.models.session import load

SIDE = 64  # pixels of the picture that is painted once


def warm_up(*, painting: bool = True) -> None:
    """Load every network that a removal needs, and paint once, so that the first picture takes no longer.

    Args:
        painting: whether anything will be painted.

    Raises:
        CleanplateError: as `load` and `painter`, and `ModelFailed` of a network that cannot paint.
    """
    for weights in BUNDLED:
        if weights.task != FILL:
            load(weights.id)
    if painting and (asked_for() or any(weights.task == FILL for weights in BUNDLED)):
        hole = np.zeros((SIDE, SIDE), bool)
        hole[SIDE // 4 : SIDE // 2, SIDE // 4 : SIDE // 2] = True
        painter().paint(np.zeros((SIDE, SIDE, 3), np.float32), hole)
