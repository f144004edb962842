"""Signed headers, as Standard Webhooks describes them, so that receivers can use its ready-made verifiers."""

from __future__ import annotations

from datetime import UTC, datetime

from standardwebhooks import Webhook


def signed_headers(delivery_id: str, body: bytes, secret: str, now: float) -> dict[str, str]:
    """Build the headers of one try.

    Args:
        delivery_id: the same in every try, so that receivers can tell repetitions.
        body: UTF-8 text.
        secret: the account's, `whsec_` and base64.
        now: time of this try in Unix seconds; verifiers refuse one that is minutes old.
    """
    message = f"msg_{delivery_id}"
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": Webhook(secret).sign(message, moment, body.decode()),
    }
