"""Who may ask, and who pays: accounts, tokens, credits."""

from __future__ import annotations

from cleanplate.account.accounts import Accounts, read_account
from cleanplate.account.errors import (
    AccountNotFound,
    CreditsInsufficient,
    CreditsInvalid,
    LedgerConflict,
    NameInvalid,
    PresetExists,
    PresetNotFound,
    PresetTooMany,
    RateExceeded,
    TokenInvalid,
    TokenMissing,
    TokenNotFound,
)
from cleanplate.account.presets import Preset, Presets
from cleanplate.account.record import Account, Caller, Day, Holder, Quota, Token
from cleanplate.account.sessions import Session, Sessions

__all__ = [
    "Account",
    "AccountNotFound",
    "Accounts",
    "Caller",
    "CreditsInsufficient",
    "CreditsInvalid",
    "Day",
    "Holder",
    "LedgerConflict",
    "NameInvalid",
    "Preset",
    "PresetExists",
    "PresetNotFound",
    "PresetTooMany",
    "Presets",
    "Quota",
    "RateExceeded",
    "Session",
    "Sessions",
    "Token",
    "TokenInvalid",
    "TokenMissing",
    "TokenNotFound",
    "read_account",
]
