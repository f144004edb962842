"""A house that makes callbacks, and its clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from receivers import Clock, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    opened = House(tmp_path, clock)
    await opened.db.upgrade()
    yield opened
    await opened.close()
