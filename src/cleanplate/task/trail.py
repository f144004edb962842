"""The audit trail: who asked for what and when, written in the transaction that accepts it.

Pictures and URLs are named by their SHA-256 only: whoever has the picture can find out who sent it, and
whoever has the trail cannot find out what it shows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cleanplate.account import Caller
    from cleanplate.task.record import Task


def digest(source: bytes | str) -> str:
    """SHA-256 of a picture's bytes, or of its URL in UTF-8; 64 hexadecimal digits."""
    return hashlib.sha256(source.encode() if isinstance(source, str) else source).hexdigest()


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
    }
