"""The audit trail: who asked for what and when, written in the transaction that accepts it.

Pictures and URLs are named by their SHA-256 only: whoever has the picture can find out who sent it, and
whoever has the trail cannot find out what it shows. Addresses of clients are kept likewise, by a keyed hash:
there are so few of them that a plain one could be tried out.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cleanplate.account import Caller
    from cleanplate.task.record import Task


def digest(source: bytes | str) -> str:
    """SHA-256 of a picture's bytes, or of its URL in UTF-8; 64 hexadecimal digits."""
    return hashlib.sha256(source.encode() if isinstance(source, str) else source).hexdigest()


def client(address: str, how: Literal["hashed", "plain", "off"], key: bytes) -> str | None:
    """An address as the trail keeps it.

    Args:
        address: IPv4 or IPv6, as text.
        how: the setting `task.audit_client`.
        key: of this service; the same address has the same hash under it.

    Returns:
        the address; or 32 hexadecimal digits; or None.
    """
    if how == "off" or not address:
        return None
    if how == "plain":
        return address
    return hmac.new(key, b"audit client " + address.encode(), hashlib.sha256).hexdigest()[:32]


def entry(caller: Caller, task: Task, sha256: str) -> dict[str, Any]:
    """The row of one accepted task."""
    return {
        "at": task.created_at,
        "account_id": task.account_id,
        "token_id": None if caller.token is None else caller.token.id,
        "task_id": task.id,
        "dialect": task.request.dialect,
        "operation": task.request.operation,
        "source": task.request.source.kind,
        "sha256": sha256,
        "request_id": task.request.request_id,
        "client": caller.client,
    }
