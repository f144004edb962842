"""Pictures that come as base64 in a text field."""

from __future__ import annotations

import base64
import binascii

from cleanplate.http.errors import Base64Invalid

URL_SAFE = bytes.maketrans(b"-_", b"+/")
WHITE_SPACE = b" \t\r\n\x0b\x0c"
LONGEST_PREFIX = 256


def decode_base64(field: str, text: str) -> bytes:
    """Decode what clients call base64.

    Tolerant where they differ: a `data:image/png;base64,` prefix, white space, the URL-safe alphabet, missing
    padding. Strict in everything else.

    Args:
        field: its name, for the message.
        text: as sent.

    Raises:
        Base64Invalid: it is not base64, or nothing.
    """
    if text[:5].lower() == "data:":
        comma = text.find(",", 0, LONGEST_PREFIX)
        text = text[comma + 1 :] if comma >= 0 else ""
    try:
        payload = text.encode("ascii").translate(URL_SAFE, WHITE_SPACE).rstrip(b"=")
        padding = b"=" * (-len(payload) % 4)
        data = base64.b64decode(payload + padding if padding else payload, validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Base64Invalid(f"{field} is not valid base64.") from error
    if not data:
        raise Base64Invalid(f"{field} is empty.")
    return data
