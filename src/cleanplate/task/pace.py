"""How fast work gets done, for an honest `Retry-After`."""

from __future__ import annotations

import math

FIRST_GUESS = 2.0  # seconds a task, before any was seen
WEIGHT = 0.1  # of the latest task: about the last twenty count
LONGEST = 600  # seconds; nobody plans further ahead, and by then all may be different


class Pace:
    """A moving average of the seconds that one task takes."""

    def __init__(self) -> None:
        self._seconds = FIRST_GUESS

    def note(self, seconds: float) -> None:
        """A task took this long."""
        self._seconds += WEIGHT * (max(0.0, seconds) - self._seconds)

    def retry_after(self, depth: int, slots: int) -> int:
        """Whole seconds (1–600) in which `depth` tasks are done when `slots` work on them."""
        return max(1, min(LONGEST, math.ceil(self._seconds * depth / slots)))
