"""What can go wrong with what is stored."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class StorageFailed(CleanplateError):
    """The server could not read or write its storage: try again in a moment."""

    code = "storage_failed"
    retryable = True


class StoreUrlInvalid(CleanplateError):
    """This storage URL cannot be used."""

    code = "store_url_invalid"


class BlobMissing(CleanplateError):
    """The file is no longer there: it has expired, submit the picture again."""

    code = "blob_missing"


class BlobKeyInvalid(CleanplateError):
    """This is not a blob key."""

    code = "blob_key_invalid"
