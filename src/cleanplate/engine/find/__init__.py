"""Finding marks: what the network sees and what repeats, made into objects that are judged."""

from __future__ import annotations

from cleanplate.engine.find.finder import find
from cleanplate.engine.find.parts import parts

__all__ = ["find", "parts"]
