"""What can be wrong with a caller."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class TokenMissing(CleanplateError):
    """A token is needed: send it as `Authorization: Bearer <token>` or `X-API-KEY: <token>`."""

    code = "token_missing"


class TokenInvalid(CleanplateError):
    """This token is not valid: check it, or ask for a new one."""

    code = "token_invalid"


class TokenNotFound(CleanplateError):
    """There is no such token: `cleanplate token list` shows them."""

    code = "token_not_found"


class AccountNotFound(CleanplateError):
    """There is no such account: create a token for it first."""

    code = "account_not_found"


class NameInvalid(CleanplateError):
    """A name has 1 to 100 printable characters, without spaces around it."""

    code = "name_invalid"


class PresetNotFound(CleanplateError):
    """There is no such preset: `cleanplate preset list` and `GET /v1/presets` show them."""

    code = "preset_not_found"


class PresetExists(CleanplateError):
    """There is a preset of this name already: choose another name, or delete that one."""

    code = "preset_exists"


class PresetTooMany(CleanplateError):
    """The account has as many presets as are allowed: delete one that is not needed."""

    code = "preset_too_many"


class RateExceeded(CleanplateError):
    """This token submits more often than it may: wait for as long as Retry-After says.

    Attributes:
        retry_after: whole seconds (1 or more) after which the next one is accepted.
    """

    code = "rate_exceeded"
    retryable = True

    def __init__(
        self, public_message: str | None = None, *, retry_after: int = 1, detail: str | None = None
    ) -> None:
        super().__init__(public_message, detail=detail)
        self.retry_after = max(1, retry_after)


class CreditsInsufficient(CleanplateError):
    """Insufficient credits: the account's credits are used up, ask for more."""

    code = "credits_insufficient"


class CreditsInvalid(CleanplateError):
    """Credits are granted in whole numbers of 1 or more."""

    code = "credits_invalid"


class LedgerConflict(CleanplateError):
    """A task's credits are held once, and captured or released once.

    Raised by the pure ledger; seen only when a caller breaks its rules, never by a user.
    """

    code = "ledger_conflict"
