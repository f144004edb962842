"""How often a token may submit: a token bucket, kept in the database, the same for every process.

A bucket holds at most `burst` and fills at `per_second`; each create takes one out of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.account.errors import RateExceeded
from cleanplate.store.queries import buckets as bucket_rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Rate:
    """What is allowed: `per_second` in the long run (greater than 0), and `burst` at once (1 or more)."""

    per_second: float
    burst: int

    def level(self, before: float, seconds: float) -> float:
        """What is in a bucket `seconds` after it held `before`; a clock that was put back adds nothing."""
        return min(float(self.burst), before + max(0.0, seconds) * self.per_second)

    def seconds_until_one(self, level: float) -> float:
        """How long until one may be taken out."""
        return max(0.0, 1.0 - level) / self.per_second


async def take(connection: AsyncConnection, bucket_id: str, rate: Rate, now: float) -> None:
    """Take one out of a bucket, in the caller's transaction.

    Raises:
        RateExceeded: it is empty; with the seconds until it is not.
    """
    row = await bucket_rows.lock(connection, bucket_id, level=rate.burst, now=now)
    level = rate.level(row["level"], now - row["at"])
    if level < 1:
        raise RateExceeded(retry_after=math.ceil(rate.seconds_until_one(level)))
    await bucket_rows.fill(connection, bucket_id, level=level - 1, now=now)
