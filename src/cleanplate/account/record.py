"""What is known of accounts and tokens. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays for tasks, and whose they are.

    Attributes:
        id: UUID version 4.
        name: chosen by the operator, unique; `"default"` always works.
        unlimited: whether nothing is charged; ends with the first grant.
        balance: credits left, 0 or more (0 while unlimited).
        webhook_secret: key that signs its callbacks, `whsec_…` as Standard Webhooks want it.
    """

    id: str
    name: str
    unlimited: bool
    balance: int
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A key to an account; the secret itself is not kept.

    Attributes:
        id: UUID version 4.
        account_id: whose it is.
        name: what it is for, chosen by whoever created it.
        prefix: the secret's first 8 characters, to tell tokens apart.
        admin: whether it may create tokens for others.
        created_at: when it was made.
        last_used_at: within a minute; None: never.
        revoked_at: since when it is refused; None: it is good.
    """

    id: str
    account_id: str
    name: str
    prefix: str
    admin: bool
    created_at: float
    last_used_at: float | None
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Attributes:
        account: who pays.
        token: None on a server that asks for none.
        client: where the request came from, as the audit trail keeps it; None: it does not.
    """

    account: Account
    token: Token | None
    client: str | None = None

    @property
    def admin(self) -> bool:
        """Whether the caller may create tokens."""
        return self.token is not None and self.token.admin


@dataclass(frozen=True, slots=True)
class Quota:
    """How many credits an account has.

    Attributes:
        limit: `usage + remaining`; None: unlimited.
        usage: credits captured or held.
        remaining: credits left; None: unlimited.
    """

    limit: int | None
    usage: int
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Holder:
    """An account as an operator sees it.

    Attributes:
        account: it.
        used: credits captured or held.
        tokens: how many of its tokens are good.
        last_used_at: when one of them was last used, within a minute; None: never.
        created_at: when it was made.
    """

    account: Account
    used: int
    tokens: int
    last_used_at: float | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Day:
    """What an account used on one day.

    Attributes:
        start: when the day began.
        charged: credits of tasks that were done.
        refunded: credits of tasks that failed.
        granted: credits added.
    """

    start: float
    charged: int
    refunded: int
    granted: int


def account_beside(row: Mapping[Any, Any]) -> Account:
    """The account's columns of a token's row."""
    return Account(
        row["account_id"], row["account_name"], row["unlimited"], row["balance"], row["webhook_secret"]
    )


def token_of(row: Mapping[Any, Any]) -> Token:
    """The token that a row describes."""
    return Token(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        prefix=row["prefix"],
        admin=row["admin"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
