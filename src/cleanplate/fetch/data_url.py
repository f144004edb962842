"""Pictures that come inside their URL: `data:image/png;base64,…` (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from cleanplate.fetch.errors import FetchTooLarge, UrlInvalid

HEAD = re.compile(r"data:(image/[a-z0-9.+-]+)(?:;[a-z0-9-]+=[^;,]*)*;base64,", re.IGNORECASE)
LONGEST_HEAD = 256
URL_SAFE = bytes.maketrans(b"-_", b"+/")


def is_data_url(url: str) -> bool:
    """Whether a URL carries its content in itself."""
    return url[:5].lower() == "data:"


def check_data_url(url: str) -> str:
    """Look at the head only and answer the media type.

    Raises:
        UrlInvalid: it is not a picture in base64.
    """
    return _head(url).group(1).lower()


def decode_data_url(url: str, max_bytes: int) -> tuple[bytes, str]:
    """Decode a data URL into its bytes and media type.

    Tolerant where clients differ: white space, percent-escapes, the URL-safe alphabet, missing padding.

    Raises:
        UrlInvalid: it is not a picture in base64.
        FetchTooLarge: more than `max_bytes` bytes; found before anything is decoded.
    """
    head = _head(url)
    text = url[head.end() :]
    payload = unquote_to_bytes(text) if "%" in text else text.encode("ascii", "replace")
    payload = b"".join(payload.split()).rstrip(b"=").translate(URL_SAFE)
    if len(payload) * 3 // 4 > max_bytes:
        raise FetchTooLarge(
            f"The picture in the data: URL is larger than {max_bytes} bytes: send a smaller one."
        )
    try:
        data = base64.b64decode(payload + b"=" * (-len(payload) % 4), validate=True)
    except binascii.Error as error:
        raise UrlInvalid("The data: URL does not hold valid base64.") from error
    if not data:
        raise UrlInvalid("The data: URL is empty.")
    return data, head.group(1).lower()


def _head(url: str) -> re.Match[str]:
    head = HEAD.match(url[:LONGEST_HEAD])
    if head is None:
        raise UrlInvalid("A data: URL must begin with data:image/…;base64, and hold a picture.")
    return head
