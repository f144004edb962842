"""The ledger's rules, as pure functions: what one event adds to an account's ledger, and what it leaves.

Rules: a balance is the sum of the ledger's amounts and never negative; a task's credits are held at most
once, then captured or released at most once; an unlimited account is never charged (amount 0), but what it
uses is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cleanplate.account.errors import CreditsInsufficient, CreditsInvalid, LedgerConflict

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_GRANTED = 1_000_000_000_000  # at once; keeps sums far inside 64 bits


class Kind(StrEnum):
    """What an entry says."""

    GRANT = "grant"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Purse:
    """What an account has.

    Attributes:
        unlimited: whether nothing is charged.
        balance: credits left, 0 or more.
        used: units held or captured, 0 or more.
    """

    unlimited: bool = True
    balance: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger.

    Attributes:
        kind: what happened.
        task_id: of the task; None for a grant.
        units: credits that it is about, 1 or more.
        amount: signed change of the balance.
    """

    kind: Kind
    task_id: str | None
    units: int
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """An entry, and the purse after it."""

    entry: Entry
    purse: Purse


def grant(purse: Purse, units: int) -> Posting:
    """Add credits. The first grant turns an unlimited account into a metered one.

    Raises:
        CreditsInvalid: fewer than 1 or more than a million million.
    """
    if not 1 <= units <= MOST_GRANTED:
        raise CreditsInvalid
    return Posting(
        Entry(Kind.GRANT, None, units, units),
        Purse(unlimited=False, balance=purse.balance + units, used=purse.used),
    )


def hold(purse: Purse, task_id: str, units: int, entries: Sequence[Entry] = ()) -> Posting:
    """Set a task's credits aside when it is accepted.

    Args:
        purse: before.
        task_id: whose credits.
        units: 1 or more.
        entries: what the ledger has of this task.

    Raises:
        CreditsInsufficient: a metered account has fewer.
        LedgerConflict: they are held already.
    """
    if entries or units < 1:
        raise LedgerConflict(detail=f"hold of {units} for task {task_id}, which has {len(entries)} entries")
    amount = 0 if purse.unlimited else -units
    if purse.balance + amount < 0:
        raise CreditsInsufficient
    return Posting(
        Entry(Kind.HOLD, task_id, units, amount),
        Purse(purse.unlimited, purse.balance + amount, purse.used + units),
    )


def capture(entries: Sequence[Entry]) -> Entry:
    """Keep what was held: the task is done. The purse changed when it was held, and stays as it is.

    Raises:
        LedgerConflict: nothing is held, or it is settled already.
    """
    held = _held(entries)
    return Entry(Kind.CAPTURE, held.task_id, held.units, 0)


def release(purse: Purse, entries: Sequence[Entry]) -> Posting:
    """Give back what was held, and no more: the task has failed.

    Raises:
        LedgerConflict: nothing is held, or it is settled already.
    """
    held = _held(entries)
    return Posting(
        Entry(Kind.RELEASE, held.task_id, held.units, -held.amount),
        Purse(purse.unlimited, purse.balance - held.amount, purse.used - held.units),
    )


def _held(entries: Sequence[Entry]) -> Entry:
    if len(entries) != 1 or entries[0].kind is not Kind.HOLD:
        raise LedgerConflict(detail=f"to be settled: {[entry.kind.value for entry in entries]}")
    return entries[0]
