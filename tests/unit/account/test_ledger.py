from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.account import CreditsInsufficient, CreditsInvalid, LedgerConflict
from cleanplate.account.ledger import MOST_GRANTED, Entry, Kind, Posting, Purse, capture, grant, hold, release

TASKS = ["t1", "t2", "t3"]
events = st.one_of(
    st.tuples(st.just("grant"), st.integers(-2, 20)),
    st.tuples(st.just("hold"), st.sampled_from(TASKS), st.integers(1, 5)),
    st.tuples(st.sampled_from(["capture", "release"]), st.sampled_from(TASKS)),
)


def post(purse, ledger, event):
    match event:
        case ("grant", units):
            return grant(purse, units)
        case ("hold", task, units):
            return hold(purse, task, units, [entry for entry in ledger if entry.task_id == task])
        case ("capture", task):
            return Posting(capture([entry for entry in ledger if entry.task_id == task]), purse)
        case ("release", task):
            return release(purse, [entry for entry in ledger if entry.task_id == task])
    raise AssertionError(event)


@given(st.lists(events, max_size=40))
def test_whatever_happens_the_books_are_right(history):
    purse, ledger = Purse(), []
    for event in history:
        try:
            posting = post(purse, ledger, event)
        except (CreditsInsufficient, CreditsInvalid, LedgerConflict):
            continue
        purse = posting.purse
        ledger.append(posting.entry)
        assert purse.balance >= 0
        assert purse.balance == sum(entry.amount for entry in ledger)
    for task in TASKS:
        kinds = [entry.kind for entry in ledger if entry.task_id == task]
        assert kinds in ([], [Kind.HOLD], [Kind.HOLD, Kind.CAPTURE], [Kind.HOLD, Kind.RELEASE])
    held = sum(entry.units for entry in ledger if entry.kind is Kind.HOLD)
    released = sum(entry.units for entry in ledger if entry.kind is Kind.RELEASE)
    assert purse.used == held - released >= 0
    assert purse.unlimited is not any(entry.kind is Kind.GRANT for entry in ledger)
    if (
        not ledger or ledger[0].kind is Kind.GRANT
    ):  # metered from the start: what is left and used is all there was
        assert purse.balance + purse.used == sum(entry.units for entry in ledger if entry.kind is Kind.GRANT)


def test_a_metered_account_pays_when_it_asks_and_not_again_when_it_gets():
    held = hold(Purse(unlimited=False, balance=3), "t1", 2)
    assert (held.entry, held.purse) == (Entry(Kind.HOLD, "t1", 2, -2), Purse(False, 1, 2))
    assert capture([held.entry]) == Entry(Kind.CAPTURE, "t1", 2, 0)


def test_a_failed_task_costs_nothing():
    before = Purse(unlimited=False, balance=3)
    held = hold(before, "t1", 2)
    assert release(held.purse, [held.entry]).purse == before


def test_an_unlimited_account_is_counted_but_not_charged():
    held = hold(Purse(), "t1", 2)
    assert held.purse == Purse(unlimited=True, balance=0, used=2)


def test_what_was_held_for_nothing_is_not_given_back_as_credits():
    """Asked for while unlimited, metered meanwhile, failed: no credits out of thin air."""
    held = hold(Purse(), "t1", 2)
    metered = grant(held.purse, 5)
    assert release(metered.purse, [held.entry]).purse == Purse(unlimited=False, balance=5, used=0)


def test_the_last_credit_can_be_spent_and_no_further_one():
    last = hold(Purse(unlimited=False, balance=1), "t1", 1)
    assert last.purse.balance == 0
    with pytest.raises(CreditsInsufficient):
        hold(last.purse, "t2", 1)


@pytest.mark.parametrize("units", [0, -1, MOST_GRANTED + 1])
def test_only_a_sensible_number_of_credits_can_be_granted(units):
    with pytest.raises(CreditsInvalid):
        grant(Purse(), units)
