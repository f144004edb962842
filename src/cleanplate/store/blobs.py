"""Blobs: bytes under a key, on disk, in S3 or in memory."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore

from cleanplate.settings import Blobs as BlobSettings
from cleanplate.store import s3
from cleanplate.store.errors import BlobKeyInvalid, BlobMissing, StorageFailed, StoreUrlInvalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterable

    from obstore.store import S3Store

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
MAX_KEY = 255
PUT_TRIES = (
    3  # removing the last file of a folder removes the folder, which may be the one just made for a put
)
NO_BUCKET = "NoSuchBucket"  # in what S3 answers
DELETES = 16  # files removed at the same time


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """One blob in a listing: its key, size in bytes, and when it was written (Unix seconds)."""

    key: str
    size: int
    written_at: float


class Blobs:
    """A blob store behind obstore.

    Keys are `/`-separated names of letters, digits, `.`, `_` and `-`, each beginning with a letter or
    digit, at most 255 characters in all. Any other key raises `BlobKeyInvalid`: what comes from outside can
    name neither a parent folder nor a hidden or temporary file.

    Args:
        url: `file:///folder` (made when absent, for its owner only), `s3://bucket/prefix` (the bucket is
            there), or `memory:///` (gone with the process).
        settings: the section `blobs`, for S3.

    Raises:
        StoreUrlInvalid: another kind of URL.
        StorageFailed: the folder cannot be made.
    """

    def __init__(self, url: str, settings: BlobSettings | None = None) -> None:
        parts = urlsplit(url)
        settings = settings or BlobSettings()
        self._folder: Path | None = None
        self._public: S3Store | None = None
        self._store: LocalStore | MemoryStore | S3Store
        if parts.scheme == "memory":
            self._store = MemoryStore()
        elif parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.strip("/"):
            self._folder = Path(unquote(parts.path))
            _make_private(self._folder)
            self._store = LocalStore(prefix=self._folder, automatic_cleanup=True)
        elif parts.scheme == "s3":
            self._store = s3.opened(url, settings, settings.endpoint)
            if settings.redirect:
                self._public = s3.opened(url, settings, settings.public_endpoint or settings.endpoint)
        else:
            raise StoreUrlInvalid(
                "The URL of the blob store must begin with file:/// and name a folder, "
                "or with s3:// and name a bucket."
            )

    @property
    def shared(self) -> bool:
        """Whether another process sees what is put."""
        return not isinstance(self._store, MemoryStore)

    async def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
        """Store, replacing what was there. Atomic: a reader sees the old bytes or the new; durable on return.

        Args:
            key: where.
            data: what.
            media_type: of something that may be fetched by `link`.

        Raises:
            StorageFailed: it was not stored.
        """
        path = _checked(key)
        told = None if self._public is None or media_type is None else s3.told(path, media_type)
        for left in reversed(range(PUT_TRIES)):
            try:
                with _storage():
                    await obstore.put_async(self._store, path, data, use_multipart=False, attributes=told)
                    if self._folder is not None:
                        await asyncio.to_thread(_flush, self._folder, path)
            except (StorageFailed, BlobMissing) as error:
                if not left:
                    raise StorageFailed(detail=error.detail) from error
            else:
                return

    async def get(self, key: str) -> bytes:
        """Read it all.

        Raises:
            BlobMissing: there is none.
            StorageFailed: it could not be read.
        """
        path = _checked(key)
        with _storage():
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())

    async def stream(self, key: str, chunk_bytes: int = 1 << 20) -> tuple[int, AsyncIterator[bytes]]:
        """Open for reading piece by piece.

        Returns:
            its size in bytes, and the pieces (about `chunk_bytes` each). A blob that is removed meanwhile is
            still read to its end on disk.

        Raises:
            BlobMissing: there is none; raised here, before the first piece.
            StorageFailed: it could not be read; also by the iterator.
        """
        path = _checked(key)
        with _storage():
            found = await obstore.get_async(self._store, path)
        return found.meta["size"], _pieces(found, chunk_bytes)

    async def link(self, key: str, seconds: float, method: Literal["GET", "HEAD"] = "GET") -> str | None:
        """A presigned URL under which anybody can fetch it from the store itself.

        Args:
            key: of something that was `put` with its media type; whether it is there is not looked at.
            seconds: how long the URL is good, as far as S3 allows it (a week).
            method: with which it is asked for.

        Returns:
            None: the store hands out none, or is not to: stream it.

        Raises:
            StorageFailed: there are no credentials to sign it with.
        """
        path = _checked(key)
        if self._public is None:
            return None
        with _storage():
            return await obstore.sign_async(
                self._public, method, path, timedelta(seconds=min(max(1, int(seconds)), s3.LONGEST_LINK))
            )

    async def size(self, key: str) -> int:
        """How many bytes it has.

        Raises:
            BlobMissing: there is none.
            StorageFailed: it could not be seen.
        """
        path = _checked(key)
        with _storage():
            return (await obstore.head_async(self._store, path))["size"]

    async def exists(self, key: str) -> bool:
        """Whether it is there."""
        try:
            await self.size(key)
        except BlobMissing:
            return False
        return True

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove them; those that are not there are fine.

        Raises:
            StorageFailed: some may be left.
        """
        paths = [_checked(key) for key in keys]
        slots = asyncio.Semaphore(DELETES)

        async def remove(path: str) -> None:
            async with slots:
                with suppress(BlobMissing), _storage():
                    await obstore.delete_async(self._store, path)

        await asyncio.gather(*(remove(path) for path in paths))

    async def list(self, folder: str) -> AsyncIterator[StoredBlob]:
        """All blobs below a folder (`"results"`, `"results/<task_id>"`); none when it is not there.

        Raises:
            StorageFailed: the listing is not complete.
        """
        prefix = _checked(folder)
        with _storage():
            async for batch in obstore.list(self._store, prefix):  # pyright: ignore[reportUnknownMemberType]  # an overload of it needs Arrow
                for meta in batch:
                    yield StoredBlob(meta["path"], meta["size"], meta["last_modified"].timestamp())


async def _pieces(found: obstore.GetResult, chunk_bytes: int) -> AsyncIterator[bytes]:
    with _storage():
        async for piece in found.stream(min_chunk_size=chunk_bytes):
            yield bytes(piece)


def _checked(key: str) -> str:
    if len(key) > MAX_KEY or not KEY.fullmatch(key):
        raise BlobKeyInvalid(detail=f"blob key {key[:MAX_KEY]!r}")
    return key


@contextmanager
def _storage() -> Generator[None]:
    """Turn the store's errors into ours."""
    try:
        yield
    except FileNotFoundError as error:
        if NO_BUCKET in str(error):  # not one picture that has expired, but the whole store
            raise StorageFailed(detail=str(error)) from error
        raise BlobMissing(detail=str(error)) from error
    except (OSError, BaseError) as error:
        raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error


def _make_private(folder: Path) -> None:
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)  # another process may start at the same time
            folder.chmod(stat.S_IRWXU)
            _flush_entry(folder.parent)
    except OSError as error:
        raise StorageFailed(f"The folder {folder} cannot be created: {error.strerror}.") from error


def _flush(folder: Path, path: str) -> None:
    """Wait until a file just put, and every folder entry that leads to it, is on disk.

    obstore writes to a temporary name and renames, so a reader never sees half a file, but it does not flush
    (as of 0.12, seen with strace; object_store has an option for it that obstore does not offer). Flushing
    after the rename is enough: nobody is told about the blob before this returns.
    """
    file = folder / path
    _flush_entry(file)
    for parent in file.parents:
        _flush_entry(parent)
        if parent == folder:
            break


def _flush_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
