"""The browsers that follow something live: how many they are, and when they are to be sent away."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


class Listeners:
    """Counts them; `closing` is set when the server stops, which must not wait for streams without an end."""

    def __init__(self) -> None:
        self.count = 0
        self.closing = asyncio.Event()

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Count one during the block."""
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
