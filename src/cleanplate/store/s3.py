"""S3 behind obstore: how it is reached, and what is said with each result."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from obstore.store import S3Store

from cleanplate.store.errors import StoreUrlInvalid

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import ClientConfig, S3Config

    from cleanplate import settings

CONNECT_SECONDS = 5
MOST_TRIES = 12  # `retry_seconds` ends them sooner
LONGEST_LINK = 7 * 86_400  # seconds; the most that S3 signs for


def opened(url: str, section: settings.Blobs, endpoint: str | None) -> S3Store:
    """The store behind `s3://bucket/prefix`. Nothing is asked of the server yet.

    Args:
        url: bucket and prefix.
        section: the rest.
        endpoint: the server; None: Amazon's.

    Raises:
        StoreUrlInvalid: there is no bucket in it, or more than a bucket and a prefix.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc or ":" in parts.netloc:
        raise StoreUrlInvalid(
            "The URL of an S3 store is s3://bucket or s3://bucket/prefix; server and keys are settings of "
            "their own (CLEANPLATE_BLOBS__ENDPOINT, …__ACCESS_KEY, …__SECRET_KEY)."
        )
    config: S3Config = {
        "bucket": parts.netloc,
        "region": section.region,
        "virtual_hosted_style_request": section.bucket_in_host,
    }
    if endpoint is not None:
        config["endpoint"] = endpoint.rstrip("/")
    if section.access_key is not None and section.secret_key is not None:
        config["access_key_id"] = section.access_key.get_secret_value()
        config["secret_access_key"] = section.secret_key.get_secret_value()
    client: ClientConfig = {
        "timeout": timedelta(seconds=section.seconds),
        "connect_timeout": timedelta(seconds=min(section.seconds, CONNECT_SECONDS)),
        "allow_http": endpoint is not None and endpoint.startswith("http://"),
    }
    return S3Store(
        config=config,
        prefix=unquote(parts.path).strip("/") or None,
        client_options=client,
        retry_config={
            "max_retries": MOST_TRIES,
            "retry_timeout": timedelta(seconds=section.retry_seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=0.1),
                "max_backoff": timedelta(seconds=3),
                "base": 2,
            },
        },
    )


def told(path: str, media_type: str) -> Attributes:
    """What S3 says of a result to whoever fetches it by a presigned URL: `results/<task_id>/1.png`."""
    file = PurePosixPath(path)
    return {
        "Content-Type": media_type,
        "Content-Disposition": f'inline; filename="{file.parent.name}{file.suffix}"',
        "Cache-Control": "private, immutable",
    }
