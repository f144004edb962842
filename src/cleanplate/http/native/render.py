"""What native answers look like. Times are Unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

if TYPE_CHECKING:
    from cleanplate.account import Account, Quota, Token


class TokenAnswer(TypedDict):
    id: str
    name: str
    account: str
    prefix: str  # how the secret begins
    admin: bool
    created_at: float
    last_used_at: float | None
    revoked_at: float | None


class NewTokenAnswer(TokenAnswer):
    token: str  # the secret, shown this once


class TokenList(TypedDict):
    tokens: list[TokenAnswer]


class CreditsAnswer(TypedDict):
    account: str
    limit: int | None  # None: unlimited
    usage: int
    remaining: int | None


class AccountAnswer(CreditsAnswer):
    webhook_secret: str  # verifies the signature of callbacks (Standard Webhooks)


def token(known: Token, account: str) -> TokenAnswer:
    """A token, without its secret."""
    return {
        "id": known.id,
        "name": known.name,
        "account": account,
        "prefix": known.prefix,
        "admin": known.admin,
        "created_at": known.created_at,
        "last_used_at": known.last_used_at,
        "revoked_at": known.revoked_at,
    }


def new_token(known: Token, account: str, secret: str) -> NewTokenAnswer:
    """A token that was just made, with its secret."""
    return {**token(known, account), "token": secret}


def tokens(known: list[tuple[Token, Account]]) -> TokenList:
    """All tokens."""
    return {"tokens": [token(one, account.name) for one, account in known]}


def credits_of(account: str, quota: Quota) -> CreditsAnswer:
    """What an account has used and has left."""
    return {"account": account, "limit": quota.limit, "usage": quota.usage, "remaining": quota.remaining}


def account(known: Account, quota: Quota) -> AccountAnswer:
    """The caller's own account."""
    return {**credits_of(known.name, quota), "webhook_secret": known.webhook_secret}
