"""Accounts, their tokens and their credits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate import settings
    from cleanplate.account.record import Account, Caller, Quota, Token
    from cleanplate.store import Database


class Accounts:
    """The accounts of this server."""

    def __init__(
        self, db: Database, settings: settings.Account, *, clock: Callable[[], float] = time.time
    ) -> None:
        raise NotImplementedError

    async def authenticate(self, presented: str | None) -> Caller:
        """Tell whose token this is.

        Args:
            presented: the secret as sent, trimmed; None or empty: none was sent.

        Raises:
            TokenMissing: none was sent and the server asks for one.
            TokenInvalid: unknown or revoked.
        """
        raise NotImplementedError

    async def create_token(
        self, account_name: str = "default", token_name: str = "", admin: bool = False
    ) -> tuple[Token, str]:
        """Make a token, and its account when that is new.

        Returns:
            the token and its secret (`cp_` and 43 characters), which cannot be shown again.
        """
        raise NotImplementedError

    async def list_tokens(self, account_name: str | None = None) -> list[tuple[Token, Account]]:
        """All tokens, of one account or of all, oldest first, revoked ones too.

        Raises:
            AccountNotFound: no account has this name.
        """
        raise NotImplementedError

    async def revoke_token(self, id_or_prefix: str) -> Token:
        """Refuse a token from now on; revoking twice changes nothing.

        Raises:
            TokenNotFound: none, or more than one, is called so.
        """
        raise NotImplementedError

    async def get(self, account_name: str) -> Account:
        """The account of this name.

        Raises:
            AccountNotFound: there is none.
        """
        raise NotImplementedError

    async def grant(self, account_name: str, credits: int) -> Quota:
        """Add credits; the first grant turns an unlimited account into a metered one.

        Raises:
            CreditsInvalid: fewer than 1.
            AccountNotFound: no account has this name.
        """
        raise NotImplementedError

    async def quota(self, account_id: str) -> Quota:
        """What an account has used and has left.

        Raises:
            AccountNotFound: there is none with this id.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Wait for what is still being noted down (`last_used_at`); before the database is closed."""
        raise NotImplementedError
