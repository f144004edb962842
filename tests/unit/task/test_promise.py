"""The promise: a task once accepted is never lost nor charged twice, whatever workers, leases and time do.

Hypothesis plays the world against a real database: several workers with fences old and new, leases that
end, wake-ups that nobody hears, sweeps and purges in between, several of them at the same moment. After
every step the rows and the books are compared with what was promised; in the end everything still open is
brought to its end, and then each accepted task must have ended exactly once.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as play
from sqlalchemy import select

from cleanplate.account import CreditsInsufficient
from cleanplate.errors import CleanplateError
from cleanplate.store import tables
from cleanplate.task import QueueFull, State

MOST_QUEUED = 6
ENDS = {"done": ["hold", "capture"], "failed": ["hold", "release"]}


class Unreadable(CleanplateError):
    """The picture cannot be read."""

    code = "picture_unreadable"


class Life(RuleBasedStateMachine):
    make_world = None  # set by the test

    tasks = Bundle("tasks")
    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.world = type(self).make_world(self.folder, max_queued=MOST_QUEUED, keep_seconds=200)
        self.accepted = {}  # id → whether it has a callback
        self.fences = Counter()  # id → the latest attempt that was given out
        self.won = Counter()  # id → how often a worker was told that it ended the task
        self.ended = {}  # id → the state in which it was first seen to have ended

    def do(self, work):
        return self.runner.run(work)

    def all(self, *works):
        async def together():
            return await asyncio.gather(*works)

        return self.do(together())

    @initialize(granted=st.integers(1, 12))
    def people(self, granted):
        async def prepare():
            await self.world.begin()
            metered = await self.world.caller("ann", granted=granted)
            return [metered, await self.world.caller("bob")]

        self.callers = self.do(prepare())

    # What users do

    @rule(
        target=tasks,
        who=st.integers(0, 1),
        upload=st.booleans(),
        callback=st.booleans(),
        many=st.integers(1, 3),
    )
    def submit(self, who, upload, callback, many):
        caller = self.callers[who]
        url = "http://x/" if callback else None
        make = self.world.upload if upload else self.world.request

        async def one():
            uploads = {"source": b"x"} if upload else {}
            try:
                return await self.world.tasks.submit(caller, make(callback_url=url), uploads)
            except (CreditsInsufficient, QueueFull):
                return None

        accepted = [task.id for task in self.all(*(one() for _ in range(many))) if task is not None]
        self.accepted.update(dict.fromkeys(accepted, callback))
        return multiple(*accepted)

    @rule(units=st.integers(1, 5))
    def grant(self, units):
        self.do(self.world.accounts.grant("ann", units))

    # What workers do

    @rule(target=claims, task=tasks, workers=st.integers(1, 3))
    def claim(self, task, workers):
        claims = self.all(*(self.world.tasks.claim(task, f"w{number}") for number in range(workers)))
        got = [claim for claim in claims if claim is not None]
        assert len(got) <= 1
        for claim in got:
            assert claim.attempt > self.fences[task]
            self.fences[task] = claim.attempt
        return multiple(*got)

    def ends(self, claim, *works):
        """Workers act on one claim at the same moment; at most one may be told that it did."""
        told = self.all(*works)
        assert sum(told) <= 1
        if any(told):
            assert claim.attempt == self.fences[claim.id]  # a stale fence never wins
        return any(told)

    @rule(claim=claims)
    def finish(self, claim):
        if self.ends(claim, self.world.tasks.finish(claim, self.world.outcome(claim))):
            self.won[claim.id] += 1

    @rule(claim=claims)
    def fail(self, claim):
        if self.ends(claim, self.world.tasks.fail(claim, Unreadable())):
            self.won[claim.id] += 1

    @rule(claim=claims)
    def quarrel(self, claim):
        works = [
            self.world.tasks.finish(claim, self.world.outcome(claim)),
            self.world.tasks.finish(claim, self.world.outcome(claim)),
            self.world.tasks.fail(claim, Unreadable()),
        ]
        if self.ends(claim, *works):
            self.won[claim.id] += 1

    @rule(claim=claims)
    def lose(self, claim):
        self.ends(claim, self.world.tasks.lose(claim))

    @rule(claim=claims)
    def hand_back(self, claim):
        self.ends(claim, self.world.tasks.hand_back(claim))

    @rule(claim=claims)
    def extend(self, claim):
        self.ends(claim, self.world.tasks.extend(claim))

    # What time does

    @rule(seconds=st.sampled_from([1, 14, 15, 60, 200]))
    def time_passes(self, seconds):
        self.world.clock.now += seconds

    @rule()
    def sweep(self):
        rows = self.rows()
        woken = set(self.do(self.world.tasks.sweep()))
        now = self.world.clock.now
        for row in rows.values():
            if row["state"] == "queued" or (row["state"] == "running" and row["lease_until"] <= now):
                assert row["id"] in woken

    @rule()
    def purge(self):
        self.do(self.world.tasks.purge())

    @rule(claim=claims)
    def purge_while_finishing(self, claim):
        _, told = self.all(
            self.world.tasks.purge(), self.world.tasks.finish(claim, self.world.outcome(claim))
        )
        if told:
            assert claim.attempt == self.fences[claim.id]
            self.won[claim.id] += 1

    # What must hold

    def rows(self):
        async def read():
            async with self.world.db.read() as connection:
                return (await connection.execute(select(tables.tasks))).mappings().all()

        return {row["id"]: row for row in self.do(read())}

    @invariant()
    def each_task_is_where_its_books_say(self):
        rows = self.rows()
        assert set(rows) <= set(self.accepted)
        for task in self.accepted:
            books = self.do(self.world.ledger(task))
            deliveries = self.do(self.world.deliveries(task))
            state = rows[task]["state"] if task in rows else None
            if state in ENDS:
                assert books == ENDS[state]
                assert len(deliveries) == self.accepted[task]
                assert self.world.crier.announced[task] == 1
                assert self.ended.setdefault(task, state) == state
            elif state is not None:
                assert books == ["hold"]
                assert not deliveries
                assert self.world.crier.announced[task] == 0
                assert task not in self.ended
            else:  # purged, and then only what had ended
                assert books in ENDS.values()
                assert not deliveries
                assert self.world.crier.announced[task] == 1
            assert self.won[task] <= 1

    @invariant()
    def the_books_are_right(self):
        for caller in getattr(self, "callers", ()):
            account = self.do(self.world.accounts.get(caller.account.name))
            entries = self.do(self.world.entries(account.id))
            quota = self.do(self.world.accounts.quota(account.id))
            assert account.balance == sum(entry.amount for entry in entries) >= 0
            held = sum(entry.units for entry in entries if entry.kind == "hold")
            assert quota.usage == held - sum(entry.units for entry in entries if entry.kind == "release")

    @invariant()
    def uploads_are_there_for_as_long_as_they_are_needed(self):
        stored = self.do(self.world.stored())
        for row in self.rows().values():
            source = row["request"]["source"]
            if source["kind"] == "blob":
                assert (source["value"] in stored) == (row["state"] not in ENDS)

    @invariant()
    def the_queue_is_bounded(self):
        assert self.do(self.world.tasks.depth()) <= MOST_QUEUED

    def teardown(self):
        try:
            if hasattr(self, "callers"):
                self.everything_comes_to_its_end()
        finally:
            self.do(self.world.db.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def everything_comes_to_its_end(self):
        """All workers are gone; one new one does what the sweep shows it, and everything ends."""
        self.world.clock.now += 15
        for task in self.do(self.world.tasks.sweep()):
            claim = self.do(self.world.tasks.claim(task, "last"))
            if claim is not None:
                assert claim.state is State.RUNNING
                assert self.do(self.world.tasks.finish(claim, self.world.outcome(claim)))
                self.won[task] += 1
        assert self.do(self.world.tasks.depth()) == 0
        self.each_task_is_where_its_books_say()
        self.the_books_are_right()
        self.world.clock.now += 1000
        self.do(self.world.tasks.purge())
        assert self.rows() == {}
        self.each_task_is_where_its_books_say()
        assert self.do(self.world.stored()) == set()


def test_a_task_once_accepted_is_never_lost_nor_charged_twice(make_world):
    Life.make_world = staticmethod(make_world)
    play(
        Life,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,  # the machine is shared; nothing here is about speed
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
