"""Accounts, their tokens and their credits."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import structlog

from cleanplate.account import bookkeeping
from cleanplate.account.errors import (
    AccountNotFound,
    NameInvalid,
    TokenInvalid,
    TokenMissing,
    TokenNotFound,
)
from cleanplate.account.rate import Rate, take
from cleanplate.account.record import Account, Caller, Day, Holder, Quota, Token, account_beside, token_of
from cleanplate.account.sessions import Sessions
from cleanplate.account.tokens import PREFIX_LENGTH, draw_secret, draw_webhook_secret, hash_secret, matches
from cleanplate.store import StorageFailed
from cleanplate.store.queries import accounts as account_rows
from cleanplate.store.queries import ledger as ledger_rows
from cleanplate.store.queries import tokens as token_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cleanplate import settings
    from cleanplate.store import Database

log = structlog.get_logger(__name__)

DEFAULT_ACCOUNT = "default"
MAX_NAME = 100
TOUCH_SECONDS = 60  # a token's last use is written down at most this often


class Accounts:
    """The accounts of this server.

    Args:
        db: upgraded.
        settings: the section `account`.
        clock: Unix seconds.
    """

    def __init__(
        self, db: Database, settings: settings.Account, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._db = db
        self._require_token = settings.require_token
        self._rate = Rate(settings.creates_per_second, settings.creates_burst)
        self._clock = clock
        self.sessions = Sessions(db, settings.session_seconds, clock)
        self._touched: dict[str, float] = {}  # token id → when its use was last noted
        self._touching: set[asyncio.Task[None]] = set()

    async def authenticate(self, presented: str | None) -> Caller:
        """Tell whose token this is.

        On a server that asks for no token, a good one still names its account, and anything else but a
        revoked one is the account `default`: clients that must send something may send anything.

        Args:
            presented: the secret as sent, trimmed; None or empty: none was sent.

        Raises:
            TokenMissing: none was sent and the server asks for one.
            TokenInvalid: unknown or revoked.
        """
        if not presented:
            if self._require_token:
                raise TokenMissing
            return Caller(await self._ensure(DEFAULT_ACCOUNT), None)
        async with self._db.read() as connection:
            row = await token_rows.by_hash(connection, hash_secret(presented))
        if row is None or not matches(presented, row["secret_hash"]):
            if self._require_token:
                raise TokenInvalid
            return Caller(await self._ensure(DEFAULT_ACCOUNT), None)
        token = token_of(row)
        if token.revoked_at is not None:
            raise TokenInvalid("This token has been revoked: ask for a new one.")
        self._note_use(token)
        return Caller(account_beside(row), token)

    async def admit(self, caller: Caller) -> None:
        """Count one create against the rate of the caller's token, or of the account without one.

        Raises:
            RateExceeded: it comes too soon.
        """
        if not self._rate.per_second:
            return
        bucket_id = caller.account.id if caller.token is None else caller.token.id
        async with self._db.write() as connection:
            await take(connection, bucket_id, self._rate, self._clock())

    async def create_token(
        self, account_name: str = DEFAULT_ACCOUNT, token_name: str = "", admin: bool = False
    ) -> tuple[Token, str]:
        """Make a token, and its account when that is new.

        Args:
            account_name: 1 to 100 printable characters.
            token_name: what it is for; at most 100 printable characters, or empty.
            admin: whether it may create tokens.

        Returns:
            the token and its secret (`cp_` and 43 characters), which cannot be shown again.

        Raises:
            NameInvalid: a name is too long or not printable.
        """
        check_name(account_name)
        if token_name:
            check_name(token_name)
        secret = draw_secret()
        now = self._clock()
        async with self._db.write() as connection:
            account = await self._ensure_in(connection, account_name)
            token = Token(
                id=str(uuid.uuid4()),
                account_id=account.id,
                name=token_name,
                prefix=secret[:PREFIX_LENGTH],
                admin=admin,
                created_at=now,
                last_used_at=None,
                revoked_at=None,
            )
            await token_rows.add(
                connection,
                {
                    "id": token.id,
                    "account_id": token.account_id,
                    "name": token.name,
                    "prefix": token.prefix,
                    "secret_hash": hash_secret(secret),
                    "admin": token.admin,
                    "created_at": token.created_at,
                },
            )
        return token, secret

    async def list_tokens(self, account_name: str | None = None) -> list[tuple[Token, Account]]:
        """All tokens, of one account or of all, oldest first, revoked ones too.

        Raises:
            AccountNotFound: no account has this name.
        """
        account_id = None if account_name is None else (await self.get(account_name)).id
        async with self._db.read() as connection:
            rows = await token_rows.listed(connection, account_id)
        return [(token_of(row), account_beside(row)) for row in rows]

    async def revoke_token(self, id_or_prefix: str) -> Token:
        """Refuse a token from now on; revoking twice changes nothing.

        Raises:
            TokenNotFound: none, or more than one, is called so.
        """
        async with self._db.write() as connection:
            rows = await token_rows.called(connection, id_or_prefix)
            if not rows:
                raise TokenNotFound
            if len(rows) > 1:
                raise TokenNotFound("More than one token begins like this: give its id instead.")
            return token_of(await token_rows.revoke(connection, rows[0]["id"], self._clock()))

    async def get(self, account_name: str) -> Account:
        """The account of this name. `default` always exists.

        Raises:
            AccountNotFound: there is none.
        """
        if account_name == DEFAULT_ACCOUNT:
            return await self._ensure(DEFAULT_ACCOUNT)
        async with self._db.read() as connection:
            row = await account_rows.by_name(connection, account_name)
        if row is None:
            raise AccountNotFound
        return _account(row)

    async def grant(self, account_name: str, units: int) -> Quota:
        """Add credits; the first grant turns an unlimited account into a metered one.

        Raises:
            CreditsInvalid: fewer than 1, or more than a million million.
            AccountNotFound: no account has this name.
        """
        account = await self.get(account_name)
        async with self._db.write() as connection:
            purse = await bookkeeping.grant(connection, account.id, units, self._clock())
        return Quota(purse.used + purse.balance, purse.used, purse.balance)

    async def quota(self, account_id: str) -> Quota:
        """What an account has used and has left.

        Raises:
            AccountNotFound: there is none with this id.
        """
        async with self._db.read() as connection:
            row = await account_rows.by_id(connection, account_id)
        if row is None:
            raise AccountNotFound
        if row["unlimited"]:
            return Quota(None, row["used"], None)
        return Quota(row["used"] + row["balance"], row["used"], row["balance"])

    async def listed(self) -> list[Holder]:
        """All accounts by name."""
        async with self._db.read() as connection:
            rows = await account_rows.listed(connection)
        return [
            Holder(_account(row), row["used"], row["tokens"], row["last_used_at"], row["created_at"])
            for row in rows
        ]

    async def usage(self, account_id: str, starts: Sequence[float]) -> list[Day]:
        """What an account used, day by day.

        Args:
            account_id: whose.
            starts: when each day begins, Unix seconds, the first first, and when the last one ends.
        """
        async with self._db.read() as connection:
            rows = await ledger_rows.by_day(connection, account_id, starts)
        units = {(row["day"], row["kind"]): row["units"] for row in rows}
        return [
            Day(start, *(int(units.get((place, kind), 0)) for kind in ("capture", "release", "grant")))
            for place, start in enumerate(starts[:-1])
        ]

    async def aclose(self) -> None:
        """Wait for what is still being noted down (`last_used_at`); before the database is closed."""
        while self._touching:
            await asyncio.wait(self._touching)

    async def _ensure(self, name: str) -> Account:
        async with self._db.read() as connection:
            row = await account_rows.by_name(connection, name)
        if row is not None:
            return _account(row)
        async with self._db.write() as connection:
            return await self._ensure_in(connection, name)

    async def _ensure_in(self, connection: AsyncConnection, name: str) -> Account:
        return _account(
            await account_rows.ensure(
                connection,
                account_id=str(uuid.uuid4()),
                name=name,
                webhook_secret=draw_webhook_secret(),
                now=self._clock(),
            )
        )

    def _note_use(self, token: Token) -> None:
        """Write down that a token was used, beside the request that used it."""
        now = self._clock()
        last = max(self._touched.get(token.id, 0.0), token.last_used_at or 0.0)
        if now - last < TOUCH_SECONDS:
            return
        self._touched[token.id] = now
        task = asyncio.create_task(self._touch(token.id, now))
        self._touching.add(task)  # asyncio itself keeps only a weak reference
        task.add_done_callback(self._touching.discard)

    async def _touch(self, token_id: str, now: float) -> None:
        try:
            async with self._db.write() as connection:
                await token_rows.touch(connection, token_id, now)
        except StorageFailed as error:
            log.warning("the use of a token was not noted", token=token_id, detail=error.detail)


async def read_account(connection: AsyncConnection, account_id: str) -> Account | None:
    """The account with this id, in the caller's transaction."""
    row = await account_rows.by_id(connection, account_id)
    return None if row is None else _account(row)


def check_name(name: str) -> None:
    """Accept a name that people can read.

    Raises:
        NameInvalid: it is too long or not printable.
    """
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip()):
        raise NameInvalid


def _account(row: Mapping[Any, Any]) -> Account:
    return Account(row["id"], row["name"], row["unlimited"], row["balance"], row["webhook_secret"])
