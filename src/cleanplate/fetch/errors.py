"""What can go wrong on the way to a URL.

Public messages name the host that was asked for, never an address that it resolved to.
"""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class UrlInvalid(CleanplateError):
    """Give a complete http:// or https:// URL, without a user name or password in it."""

    code = "url_invalid"


class FetchRefused(CleanplateError):
    """The host has no public address; only public addresses are fetched from.

    Raised alike for a name that does not exist and for one that leads into a private network, with the same
    message: whoever asks must not learn from the answer which names a private network knows. `detail` tells
    them apart for the log.
    """

    code = "fetch_refused"


class FetchFailed(CleanplateError):
    """The URL could not be fetched; check that it opens without a login."""

    code = "fetch_failed"
    retryable = True


class FetchTimeout(CleanplateError):
    """The URL took too long to answer; try again, or upload the file itself."""

    code = "fetch_timeout"
    retryable = True


class FetchTooLarge(CleanplateError):
    """The file behind the URL is too large."""

    code = "fetch_too_large"
