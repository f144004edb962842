"""What native answers look like. Times are Unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

if TYPE_CHECKING:
    from cleanplate.account import Account, Quota, Token
    from cleanplate.http.desk import Desk
    from cleanplate.task import Outcome, Task


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


class FoundMark(TypedDict):
    box: list[int]  # x, y, width, height in pixels of the upright picture
    kind: str  # see-through, opaque or tiled
    opacity: float  # 0..1, typical of the mark
    colour: str  # #rrggbb
    confidence: float  # 0..1


class TaskResult(TypedDict):
    url: str  # of the picture; needs no token
    format: str
    media_type: str
    width: int
    height: int
    changed: bool  # false: the very bytes that were sent, when no other format was asked for
    box: list[int] | None  # around all that was removed
    found: list[FoundMark]  # the watermarks that were found, the surest first


class TaskError(TypedDict):
    code: str
    detail: str


class TaskAnswer(TypedDict):
    id: str
    state: str  # queued, running, done or failed
    created_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float
    sensitivity: float
    result: TaskResult | None  # of a done task
    error: TaskError | None  # of a failed task


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


def task(desk: Desk, known: Task, base_url: str) -> TaskAnswer:
    """A task, whichever dialect it was asked for in."""
    failure, outcome = known.failure, known.outcome
    return {
        "id": known.id,
        "state": known.state.value,
        "created_at": known.created_at,
        "started_at": known.started_at,
        "finished_at": known.finished_at,
        "expires_at": known.expires_at,
        "sensitivity": known.request.sensitivity,
        "result": None if outcome is None else _result(outcome, desk.links.url(known, base_url)),
        "error": None if failure is None else {"code": failure.code, "detail": failure.message},
    }


def _result(outcome: Outcome, url: str) -> TaskResult:
    return {
        "url": url,
        "format": outcome.format,
        "media_type": outcome.media_type,
        "width": outcome.width,
        "height": outcome.height,
        "changed": outcome.changed,
        "box": None if outcome.box is None else list(outcome.box),
        "found": [_mark(one) for one in outcome.found],
    }


def _mark(known: dict[str, Any]) -> FoundMark:
    return {
        "box": list(known["box"]),
        "kind": known["kind"],
        "opacity": known["opacity"],
        "colour": known["colour"],
        "confidence": known["confidence"],
    }
