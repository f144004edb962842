"""What native answers look like. Times are Unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.task import State

if TYPE_CHECKING:
    from cleanplate.account import Account, Preset, Quota, Token
    from cleanplate.http.desk import Desk
    from cleanplate.task import Batch, Callback, Outcome, Task


# Spelled out, so that generated clients know the words.
RemovalState: TypeAlias = Literal["queued", "running", "done", "failed"]
BatchState: TypeAlias = Literal["running", "done"]
WebhookState: TypeAlias = Literal["none", "pending", "delivered", "failed"]
Spoken: TypeAlias = Literal["native", "kaze", "gptge", "picwish"]
Unit: TypeAlias = Literal["pixel", "fraction"]
Corner: TypeAlias = Literal["top-left", "top-right", "bottom-left", "bottom-right"]


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


class RemovalResult(TypedDict):
    url: str  # of the picture; needs no token
    format: str
    media_type: str
    width: int
    height: int
    changed: bool  # false: the very bytes that were sent, when no other format was asked for
    box: list[int] | None  # around all that was removed
    found: list[FoundMark]  # the watermarks that were found, the surest first
    timings: dict[str, float]  # seconds by step


class RemovalError(TypedDict):
    code: str
    detail: str


class RemovalAnswer(TypedDict):
    id: str
    dialect: Spoken  # that it was asked for in
    state: RemovalState
    created_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float
    mode: str
    sensitivity: float
    credits: int  # charged, or held until it has ended; 0 when it failed
    metadata: dict[str, Any]  # as sent
    preset: str | None  # whose region it was
    batch: str | None  # that it belongs to
    name: str | None  # of the picture within its batch
    result: RemovalResult | None  # of one that is done
    error: RemovalError | None  # of one that failed or was cancelled


class Counts(TypedDict):
    queued: int
    running: int
    done: int
    failed: int


class BatchAnswer(TypedDict):
    id: str
    state: BatchState  # done when every picture is done or failed
    pictures: int
    counts: Counts
    created_at: float
    expires_at: float
    metadata: dict[str, Any]  # as sent
    results_url: str  # of a ZIP with what is done; needs the token


class RemovalList(TypedDict):
    removals: list[RemovalAnswer]
    next_cursor: str | None  # None: that is all


class Sides(TypedDict):
    x: float
    y: float
    width: float
    height: float


class PresetAnswer(TypedDict):
    id: str
    name: str
    rectangles: list[Sides]
    unit: Unit
    anchor: Corner  # from which x and y count
    created_at: float


class PresetList(TypedDict):
    presets: list[PresetAnswer]


class WebhookTry(TypedDict):
    number: int
    at: float
    status: int | None  # the receiver's; None: there was none
    error: str | None


class WebhookLog(TypedDict):
    url: str | None
    state: WebhookState
    next_at: float | None
    tries: list[WebhookTry]


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


def batch(known: Batch, base_url: str) -> BatchAnswer:
    """How far a batch is."""
    return {
        "id": known.id,
        "state": "done" if known.ended else "running",
        "pictures": known.pictures,
        "counts": {
            "queued": known.counts.get(State.QUEUED, 0),
            "running": known.counts.get(State.RUNNING, 0),
            "done": known.counts.get(State.DONE, 0),
            "failed": known.counts.get(State.FAILED, 0),
        },
        "created_at": known.created_at,
        "expires_at": known.expires_at,
        "metadata": dict(known.metadata),
        "results_url": f"{base_url}/v1/batches/{known.id}/results.zip",
    }


def credit_headers(quota: Quota) -> dict[str, str]:
    """What the account has left, beside every answer that may have cost something."""
    remaining = "unlimited" if quota.remaining is None else str(quota.remaining)
    return {"X-Credits-Used": str(quota.usage), "X-Credits-Remaining": remaining}


def preset(known: Preset) -> PresetAnswer:
    """A named region."""
    region = known.region
    return {
        "id": known.id,
        "name": known.name,
        "rectangles": [
            {"x": one.x, "y": one.y, "width": one.width, "height": one.height} for one in region.items
        ],
        "unit": region.unit,
        "anchor": region.anchor,
        "created_at": known.created_at,
    }


def webhook_log(known: Callback | None) -> WebhookLog:
    """What became of a webhook; `none`: none was asked for, or it is not time yet."""
    if known is None:
        return {"url": None, "state": "none", "next_at": None, "tries": []}
    return {
        "url": known.url,
        "state": cast("WebhookState", known.state),
        "next_at": known.next_at,
        "tries": [
            {"number": one.number, "at": one.at, "status": one.status, "error": one.error}
            for one in known.tries
        ],
    }


def removal(desk: Desk, known: Task, base_url: str) -> RemovalAnswer:
    """A removal, whichever dialect it was asked for in."""
    failure, outcome = known.failure, known.outcome
    return {
        "id": known.id,
        "dialect": known.request.dialect,
        "state": known.state.value,
        "created_at": known.created_at,
        "started_at": known.started_at,
        "finished_at": known.finished_at,
        "expires_at": known.expires_at,
        "mode": known.request.mode,
        "sensitivity": known.request.sensitivity,
        "credits": 0 if failure is not None else known.request.credits,
        "metadata": known.request.metadata,
        "preset": known.request.preset,
        "batch": known.batch_id,
        "name": known.request.name,
        "result": None if outcome is None else _result(outcome, desk.links.url(known, base_url)),
        "error": None if failure is None else {"code": failure.code, "detail": failure.message},
    }


def _result(outcome: Outcome, url: str) -> RemovalResult:
    return {
        "url": url,
        "format": outcome.format,
        "media_type": outcome.media_type,
        "width": outcome.width,
        "height": outcome.height,
        "changed": outcome.changed,
        "box": None if outcome.box is None else list(outcome.box),
        "found": [_mark(one) for one in outcome.found],
        "timings": {"download": outcome.download_ms / 1000, **outcome.timings},
    }


def _mark(known: dict[str, Any]) -> FoundMark:
    return {
        "box": list(known["box"]),
        "kind": known["kind"],
        "opacity": known["opacity"],
        "colour": known["colour"],
        "confidence": known["confidence"],
    }
