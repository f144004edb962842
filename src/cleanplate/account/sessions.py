"""Sessions: a browser signs in with a token once, and shows a cookie from then on.

The cookie is 32 random bytes of its own, kept as their SHA-256, so that the token itself is never stored in a
browser. A session is as good as its token: revoking that ends it, and it ends by itself after a while.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cleanplate.account.errors import TokenInvalid
from cleanplate.account.record import Caller, account_beside, token_of
from cleanplate.account.tokens import hash_secret
from cleanplate.store.queries import sessions as session_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from cleanplate.store import Database

FORGERY = b"cleanplate request from the console 1"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Attributes:
        caller: whose token it has shown.
        secret: what its cookie holds.
        expires_at: Unix seconds.
    """

    caller: Caller
    secret: str = field(repr=False)
    expires_at: float

    @property
    def proof(self) -> str:
        """What a page of ours, and no other site, can send beside the cookie, as it is told it.

        64 hexadecimal digits; the cookie itself no page can read.
        """
        return hmac.digest(self.secret.encode("utf-8", "surrogatepass"), FORGERY, "sha256").hex()

    def proven_by(self, proof: str | None) -> bool:
        """Whether a request that shows this comes from a page of ours."""
        return proof is not None and hmac.compare_digest(
            self.proof.encode(), proof.encode("utf-8", "replace")
        )


class Sessions:
    """The sessions of this server.

    Args:
        db: upgraded.
        seconds: how long one lasts.
        clock: Unix seconds.
    """

    def __init__(self, db: Database, seconds: float, clock: Callable[[], float]) -> None:
        self._db = db
        self._seconds = seconds
        self._clock = clock

    async def begin(self, caller: Caller) -> Session:
        """Sign in a browser whose user has just shown a token.

        Raises:
            TokenInvalid: the caller has none.
        """
        if caller.token is None:
            raise TokenInvalid
        now = self._clock()
        session = Session(caller, secrets.token_urlsafe(32), now + self._seconds)
        async with self._db.write() as connection:
            await session_rows.remove_expired(connection, now)
            await session_rows.add(
                connection,
                {
                    "secret_hash": hash_secret(session.secret),
                    "token_id": caller.token.id,
                    "created_at": now,
                    "expires_at": session.expires_at,
                },
            )
        return session

    async def find(self, secret: str) -> Session | None:
        """The session that a cookie stands for; None: there is none, it is over, or its token was revoked."""
        async with self._db.read() as connection:
            row = await session_rows.by_hash(connection, hash_secret(secret))
        if row is None or row["expires_at"] <= self._clock() or row["revoked_at"] is not None:
            return None
        return Session(Caller(account_beside(row), token_of(row)), secret, row["expires_at"])

    async def end(self, secret: str) -> None:
        """Sign out; a session that is over already stays so."""
        async with self._db.write() as connection:
            await session_rows.remove(connection, hash_secret(secret))
