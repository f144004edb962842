"""Painting what is truly hidden: classically, with pieces of the picture, or with a network someone chose."""

from __future__ import annotations

from cleanplate.engine.fill.canvas import TILE, Painted, fill
from cleanplate.engine.fill.network import fill_with

__all__ = ["TILE", "Painted", "fill", "fill_with"]
