"""Secrets that the server draws for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from cleanplate.store.queries.insert import insert_if_absent
from cleanplate.store.tables import secrets

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def get_or_insert(connection: AsyncConnection, name: str, value: bytes, now: float) -> bytes:
    """The secret kept under `name`; `value` becomes it when there is none."""
    await insert_if_absent(connection, secrets, {"name": name, "value": value, "created_at": now})
    return (await connection.execute(select(secrets.c.value).where(secrets.c.name == name))).scalar_one()
