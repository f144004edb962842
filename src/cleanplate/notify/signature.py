"""Signed headers, as Standard Webhooks describes them, so that receivers can use its ready-made verifiers."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate.fetch import Body

PREFIX = "whsec_"


async def signed_headers(delivery_id: str, body: bytes | Body, secret: str, now: float) -> dict[str, str]:
    """Build the headers of one try.

    Args:
        delivery_id: the same in every try, so that receivers can tell repetitions.
        body: what is posted.
        secret: the account's, `whsec_` and base64.
        now: time of this try in Unix seconds; verifiers refuse one that is minutes old.

    Raises:
        CleanplateError: what the body raises while it is read.
    """
    message, moment = f"msg_{delivery_id}", str(int(now))
    signature = hmac.new(b64decode(secret.removeprefix(PREFIX)), f"{message}.{moment}.".encode(), "sha256")
    if isinstance(body, bytes):
        signature.update(body)
    else:
        async for piece in body.pieces():
            signature.update(piece)
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{b64encode(signature.digest()).decode()}",
    }
