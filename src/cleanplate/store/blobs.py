"""Blobs: bytes under a key, on disk or in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """One blob in a listing: its key, size in bytes, and when it was written (Unix seconds)."""

    key: str
    size: int
    written_at: float


class Blobs:
    """A blob store behind obstore.

    Keys are `/`-separated names of letters, digits, `.`, `_` and `-`, each beginning with a letter or
    digit, at most 255 characters in all. Any other key raises `BlobKeyInvalid`.

    Args of the constructor:
        url: `file:///folder` (made when absent) or `memory:///`.
    """

    def __init__(self, url: str) -> None:
        raise NotImplementedError

    async def put(self, key: str, data: bytes) -> None:
        """Store, replacing what was there. Atomic: a reader sees the old bytes or the new; durable on return.

        Raises:
            StorageFailed: it was not stored.
        """
        raise NotImplementedError

    async def get(self, key: str) -> bytes:
        """Read it all.

        Raises:
            BlobMissing: there is none.
            StorageFailed: it could not be read.
        """
        raise NotImplementedError

    async def stream(self, key: str, chunk_bytes: int = 1 << 20) -> tuple[int, AsyncIterator[bytes]]:
        """Open for reading piece by piece.

        Returns:
            its size in bytes, and the pieces.

        Raises:
            BlobMissing: there is none; raised here, before the first piece.
        """
        raise NotImplementedError

    async def exists(self, key: str) -> bool:
        """Whether it is there."""
        raise NotImplementedError

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove them; those that are not there are fine."""
        raise NotImplementedError

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """All blobs below a folder (`"results"`, `"results/<task_id>"`)."""
        raise NotImplementedError
