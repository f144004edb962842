"""What can be wrong with a region. Each first docstring line is what a user is told to do."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class RegionInvalid(CleanplateError):
    """The rectangles are not valid: send a list such as [{"x": 0, "y": 0, "width": 100, "height": 100}]."""

    code = "region_invalid"


class RegionEmpty(CleanplateError):
    """The region or mask is empty: mark what should be removed."""

    code = "region_empty"


class RegionSizeMismatch(CleanplateError):
    """The mask has another shape than the picture: send one of the picture's own size."""

    code = "region_size_mismatch"


class RegionTooMany(CleanplateError):
    """There are too many rectangles: send fewer, or a mask."""

    code = "region_too_many"
