"""Who may ask, and who pays: accounts, tokens, credits."""

from __future__ import annotations

from cleanplate.account.accounts import Accounts, read_account
from cleanplate.account.errors import (
    AccountNotFound,
    CreditsInsufficient,
    CreditsInvalid,
    LedgerConflict,
    NameInvalid,
    TokenInvalid,
    TokenMissing,
    TokenNotFound,
)
from cleanplate.account.record import Account, Caller, Quota, Token

__all__ = [
    "Account",
    "AccountNotFound",
    "Accounts",
    "Caller",
    "CreditsInsufficient",
    "CreditsInvalid",
    "LedgerConflict",
    "NameInvalid",
    "Quota",
    "Token",
    "TokenInvalid",
    "TokenMissing",
    "TokenNotFound",
    "read_account",
]
