"""Getting a URL safely: public addresses only, within limits of time, size and redirects."""

from __future__ import annotations

from cleanplate.fetch.data_url import decode_data_url, is_data_url
from cleanplate.fetch.errors import FetchFailed, FetchRefused, FetchTimeout, FetchTooLarge, UrlInvalid
from cleanplate.fetch.fetcher import Body, Fetched, Fetcher

__all__ = [
    "Body",
    "FetchFailed",
    "FetchRefused",
    "FetchTimeout",
    "FetchTooLarge",
    "Fetched",
    "Fetcher",
    "UrlInvalid",
    "decode_data_url",
    "is_data_url",
]
