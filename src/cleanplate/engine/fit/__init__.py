"""Finding how opaque a mark is, and of which colours, from the picture and the mark's outline."""

from __future__ import annotations

from cleanplate.engine.fit.evidence import Level
from cleanplate.engine.fit.hint import Hint
from cleanplate.engine.fit.inversion import inverted
from cleanplate.engine.fit.recovery import Recovery, recover

__all__ = ["Hint", "Level", "Recovery", "inverted", "recover"]
