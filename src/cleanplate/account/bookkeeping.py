"""The ledger in the database.

Each function is part of the caller's transaction, and stands or falls with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.account import ledger
from cleanplate.account.ledger import Entry, Kind, Posting, Purse
from cleanplate.store.queries import accounts as account_rows
from cleanplate.store.queries import ledger as ledger_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncConnection


async def grant(connection: AsyncConnection, account_id: str, units: int, now: float) -> Purse:
    """Add credits to an account.

    Raises:
        CreditsInvalid: fewer than 1 or too many.
    """
    purse = await _purse(connection, account_id)
    return await _post(connection, account_id, ledger.grant(purse, units), now)


async def hold(
    connection: AsyncConnection, account_id: str, task_ids: Sequence[str], units: int, now: float
) -> None:
    """Set aside the credits of new tasks: of all of them or, when the account cannot pay for all, of none.

    Raises:
        CreditsInsufficient: the account has fewer.
    """
    purse = await _purse(connection, account_id)
    rows: list[dict[str, Any]] = []
    for task_id in task_ids:
        posting = ledger.hold(purse, task_id, units)
        purse = posting.purse
        rows.append(_row(account_id, posting.entry, now))
    await ledger_rows.add_all(connection, rows)
    await _write(connection, account_id, purse)


async def capture(connection: AsyncConnection, account_id: str, task_id: str, now: float) -> None:
    """Charge for a task that is done; what its account has changed when it was held.

    Raises:
        LedgerConflict: it is settled already.
    """
    entry = ledger.capture(await of_task(connection, task_id))
    await ledger_rows.add_all(connection, [_row(account_id, entry, now)])


async def release(connection: AsyncConnection, account_id: str, task_id: str, now: float) -> None:
    """Refund a task that has failed.

    Raises:
        LedgerConflict: it is settled already.
    """
    purse = await _purse(connection, account_id)
    entries = await of_task(connection, task_id)
    await _post(connection, account_id, ledger.release(purse, entries), now)


async def of_task(connection: AsyncConnection, task_id: str) -> list[Entry]:
    """What the ledger has of a task, oldest first."""
    return [_entry(row) for row in await ledger_rows.of_task(connection, task_id)]


async def of_account(connection: AsyncConnection, account_id: str) -> list[Entry]:
    """What the ledger has of an account, oldest first."""
    return [_entry(row) for row in await ledger_rows.of_account(connection, account_id)]


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(Kind(row["kind"]), row["task_id"], row["units"], row["amount"])


async def _purse(connection: AsyncConnection, account_id: str) -> Purse:
    row = await account_rows.lock(connection, account_id)
    return Purse(row["unlimited"], row["balance"], row["used"])


async def _post(connection: AsyncConnection, account_id: str, posting: Posting, now: float) -> Purse:
    entry, purse = posting.entry, posting.purse
    await ledger_rows.add_all(connection, [_row(account_id, entry, now)])
    await _write(connection, account_id, purse)
    return purse


def _row(account_id: str, entry: Entry, now: float) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "task_id": entry.task_id,
        "kind": entry.kind.value,
        "units": entry.units,
        "amount": entry.amount,
        "created_at": now,
    }


async def _write(connection: AsyncConnection, account_id: str, purse: Purse) -> None:
    await account_rows.set_credits(
        connection, account_id, unlimited=purse.unlimited, balance=purse.balance, used=purse.used
    )
