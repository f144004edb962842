"""The pictures that are looked at for people who wait: no more at a time than a person would wait behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cleanplate.http.errors import ServerBusy

if TYPE_CHECKING:
    from collections.abc import Generator


class Looks:
    """Counts them.

    Args:
        most: at a time, those that wait included.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    def check(self) -> None:
        """Pass if there is a place, without taking it.

        Raises:
            ServerBusy: there is none; with when to come back.
        """
        if self._count >= self._most:
            raise ServerBusy("The server is looking at too many pictures at once: try again in a moment.")

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Have a place during the block.

        Raises:
            ServerBusy: as `check`.
        """
        self.check()
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
