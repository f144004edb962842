"""Token secrets: 32 random bytes that are shown once and kept only as their SHA-256.

A fast hash is right here: 256 random bits cannot be guessed, so there is nothing for a slow one to slow down.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

MARK = "cp_"  # so that people and secret scanners can tell what they have found
PREFIX_LENGTH = 8


def draw_secret() -> str:
    """A new token's secret: `cp_` and 43 URL-safe characters."""
    return MARK + secrets.token_urlsafe(32)


def draw_webhook_secret() -> str:
    """A new key for signing callbacks, in the form of the Standard Webhooks specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def hash_secret(secret: str) -> str:
    """What is kept of a secret: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def matches(secret: str, secret_hash: str) -> bool:
    """Whether this is the secret that was hashed, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)
