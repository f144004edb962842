"""Rows and bytes that survive: the database, its queries, and the blobs."""

from __future__ import annotations

from cleanplate.store.blobs import Blobs, StoredBlob
from cleanplate.store.database import Database, uninterrupted
from cleanplate.store.errors import BlobKeyInvalid, BlobMissing, StorageFailed, StoreUrlInvalid
from cleanplate.store.line import Line, passing

__all__ = [
    "BlobKeyInvalid",
    "BlobMissing",
    "Blobs",
    "Database",
    "Line",
    "StorageFailed",
    "StoreUrlInvalid",
    "StoredBlob",
    "passing",
    "uninterrupted",
]
