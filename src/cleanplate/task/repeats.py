"""Idempotency keys: a request that is sent again, because its answer was lost, makes no second task.

A key belongs to an account and lives as long as what it made. It is written down in the transaction that
accepts the work, so that of two requests that come at the same moment only one is accepted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cleanplate.store.queries import idempotency as key_rows
from cleanplate.task.errors import IdempotencyConflict
from cleanplate.task.rows import dump_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cleanplate.task.record import Request


@dataclass(frozen=True, slots=True)
class Key:
    """What a caller calls one request.

    Attributes:
        value: as sent, 1–255 characters.
        fingerprint: SHA-256 of all that was asked for, 64 hexadecimal digits.
    """

    value: str
    fingerprint: str


def fingerprint(request: Request, uploads: Mapping[str, bytes]) -> str:
    """What tells one request from another: everything but the names under which it came.

    Args:
        request: as given to `Tasks.submit`.
        uploads: what came with it.
    """
    asked = dump_request(replace(request, request_id="", base_url="", credits=0))
    del asked["trace"], asked["for_browsers"]  # nothing that is asked for: it follows from the dialect
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in uploads.items()}
    text = json.dumps([asked, sums], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def known(connection: AsyncConnection, account_id: str, key: Key, now: float) -> str | None:
    """The id of what this key has made, or None.

    Raises:
        IdempotencyConflict: it was something else that was asked for.
    """
    row = await key_rows.find(connection, account_id, key.value)
    if row is None or row["expires_at"] <= now:
        return None
    if row["fingerprint"] != key.fingerprint:
        raise IdempotencyConflict
    return row["subject_id"]


async def take(
    connection: AsyncConnection, account_id: str, key: Key, subject_id: str, now: float, expires_at: float
) -> str:
    """Write down that this key makes `subject_id`, in the caller's transaction.

    Returns:
        `subject_id`; or the id of what another request with this key has made meanwhile.

    Raises:
        IdempotencyConflict: that was something else.
    """
    await key_rows.remove_expired(connection, now, account_id=account_id, key=key.value)
    await key_rows.add_if_absent(
        connection,
        account_id=account_id,
        key=key.value,
        fingerprint=key.fingerprint,
        subject_id=subject_id,
        expires_at=expires_at,
    )
    return await known(connection, account_id, key, now) or subject_id
