"""What can go wrong while a picture is being cleaned."""

from __future__ import annotations

from cleanplate.errors import CleanplateError
from cleanplate.region import RegionInvalid


class ModeUnknown(CleanplateError):
    """The mode is not known: use "auto", "undo" or "fill"."""

    code = "mode_unknown"


class SensitivityInvalid(CleanplateError):
    """The sensitivity must be a number from 0 (only what is certain) to 1 (also what is faint)."""

    code = "sensitivity_invalid"


class NothingToPaintFrom(CleanplateError):
    """The region covers the whole picture, so nothing is left to paint from: mark a smaller region."""

    code = "nothing_to_paint_from"


class RegionNotUnderstood(RegionInvalid):
    """The region is neither rectangles, a mask, a smear nor an array: pass one of these."""
