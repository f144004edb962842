"""Pixels in, pixels out: find marks, undo what shines through, fill what is hidden, compose the answer."""

from __future__ import annotations

from cleanplate.engine.errors import (
    ModeUnknown,
    NothingToPaintFrom,
    RegionNotUnderstood,
    SensitivityInvalid,
)
from cleanplate.engine.mark import Mark
from cleanplate.engine.pipeline import MODES, Filled, Mode
from cleanplate.engine.removal import Removal, remove

__all__ = [
    "MODES",
    "Filled",
    "Mark",
    "Mode",
    "ModeUnknown",
    "NothingToPaintFrom",
    "RegionNotUnderstood",
    "Removal",
    "SensitivityInvalid",
    "remove",
]
