"""Whose turn it is: accounts share the workers, however many tasks one of them has waiting.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), with every task of the same weight: a task's
turn is the number behind the account's last unfinished one, and not before the turn that is being served. The
lowest turn goes first. So ten thousand tasks of one account have turns 0 to 9,999, and another account's
single picture, which comes when number 40 is being served, gets turn 40 and is next but one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.store.queries import tasks as task_rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

SYNC_FIRST = 1_000_000_000  # more than any turn: someone waits on the line
LAST_TURN = SYNC_FIRST - 1


async def next_turn(connection: AsyncConnection, account_id: str, *, batched: bool = False) -> int:
    """The turn of a task that an account submits now.

    Args:
        connection: the transaction in which it is accepted.
        account_id: whose it is.
        batched: whether it belongs to a batch. An account's batches and its single pictures take turns with
            each other like two accounts.
    """
    own = await task_rows.last_turn(connection, account_id, batched=batched)
    served = await task_rows.turn_served(connection)
    return min(LAST_TURN, max(served, 0 if own is None else own + 1))


def urgency(priority: int, turn: int) -> int:
    """The number by which wake-ups are ordered, the higher first.

    Args:
        priority: 1 for a task that someone waits for on the line, else 0.
        turn: as `next_turn` gave it.
    """
    return priority * SYNC_FIRST - turn
