"""What can be wrong with a bundled network."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class ModelUnknown(CleanplateError):
    """No bundled network has that name: use one of the catalogue's."""

    code = "model_unknown"


class WeightsMissing(CleanplateError):
    """A bundled network's file is missing: install cleanplate again."""

    code = "weights_missing"


class WeightsDamaged(CleanplateError):
    """A bundled network's file is not the one that was released: install cleanplate again."""

    code = "weights_damaged"
