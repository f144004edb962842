"""The bundled networks: which there are, and running them."""

from __future__ import annotations

from cleanplate.models.catalogue import CATALOGUE, Weights, find
from cleanplate.models.errors import ModelUnknown, WeightsDamaged, WeightsMissing
from cleanplate.models.session import Model, load, threads

__all__ = [
    "CATALOGUE",
    "Model",
    "ModelUnknown",
    "Weights",
    "WeightsDamaged",
    "WeightsMissing",
    "find",
    "load",
    "threads",
]
