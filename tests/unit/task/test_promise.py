"""The promise: a task once accepted is never lost nor charged twice, whatever workers, leases and time do.

Hypothesis plays the world against a real database: several workers with fences old and new, leases that
end, wake-ups that nobody hears, sweeps and purges in between, several of them at the same moment. After
every step the rows and the books are compared with what was promised; in the end everything still open is
brought to its end, and then each accepted task must have ended exactly once.
"""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as play
from sqlalchemy import select

from cleanplate.account import CreditsInsufficient
from cleanplate.picture import PictureUnreadable
from cleanplate.store import StorageFailed, tables
from cleanplate.task import IdempotencyConflict, QueueFull, State, TaskEnded, TaskNotFound

MOST_QUEUED = 4
MOST_ACCEPTED = 7
PAUSES = [5, 10]  # each shorter than a lease
DEEDS = ["finish", "fail", "quarrel", "late", "lose", "set_back", "hand_back", "extend"]
ENDS = {"done": ["hold", "capture"], "failed": ["hold", "release"]}


class Life(RuleBasedStateMachine):
    make_world = None  # set by the test
    server = False  # whether all examples share a database

    tasks = Bundle("tasks")
    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        limits = {"max_queued": MOST_QUEUED, "keep_seconds": 200, "retry_seconds": PAUSES}
        if type(self).server:  # who wins a race is chance there, and what a finished task took is remembered:
            limits["max_wait_seconds"] = 0  # Hypothesis could not play again a refusal for too long a wait
        self.world = type(self).make_world(self.folder, **limits)
        self.accepted = {}  # id → whether it has a callback
        self.owners = {}  # id → whose it is
        self.keys = {}  # who → what was asked under the key, the task that it made, until when
        self.fences = Counter()  # id → the latest attempt that was given out
        self.won = Counter()  # id → how often a worker was told that it ended the task
        self.ended = {}  # id → the state in which it was first seen to have ended

    def do(self, work):
        return self.runner.run(work)

    def all(self, *works):
        async def together():
            return await asyncio.gather(*works)

        return self.do(together())

    @initialize(target=tasks, granted=st.integers(1, 9))
    def begin(self, granted):
        async def prepare():
            if type(self).server:
                await self.world.empty()
            metered = await self.world.caller("ann", granted=granted)
            return [metered, await self.world.caller("bob")]

        self.callers = self.do(prepare())
        return multiple(*self.submitted(0, True, True, 1), *self.submitted(1, False, True, 1))

    # What users do

    @precondition(lambda self: len(self.accepted) < MOST_ACCEPTED)  # a few tasks with much life in them
    @rule(
        target=tasks,
        who=st.integers(0, 1),
        upload=st.booleans(),
        callback=st.booleans(),
        many=st.sampled_from([1, 1, 1, 3]),
        key=st.sampled_from([None, None, "key"]),
    )
    def submit(self, who, upload, callback, many, key):
        return multiple(*self.submitted(who, upload, callback, many, key))

    def submitted(self, who, upload, callback, many, key=None):
        caller = self.callers[who]
        url = "http://x/" if callback else None
        make = self.world.upload if upload else self.world.request

        async def one():
            uploads = {"source": b"x"} if upload else {}
            try:
                return await self.world.tasks.submit(caller, make(callback_url=url), uploads, key)
            except (CreditsInsufficient, QueueFull):
                return None
            except IdempotencyConflict:
                return "conflict"

        room = MOST_QUEUED - sum(row["state"] not in ENDS for row in self.rows().values())
        if 0 < room < many:  # who comes at once may pass together on a server (see submit): chance, which
            told = [self.do(one()) for _ in range(many)]  # Hypothesis could not play again
        else:
            told = self.all(*(one() for _ in range(many)))
        answers = [it for it in told if it is not None]
        if key is not None:
            return self.repeated(who, (upload, callback), answers)
        return self.noted(who, callback, [task.id for task in answers])

    def repeated(self, who, asked, answers):
        """Under one key there is one task, until its time is over."""
        before, task_id, ends = self.keys.get(who, (None, None, 0))
        if self.world.clock.now < ends:
            assert all(it == "conflict" if before != asked else it.id == task_id for it in answers)
            assert answers
            return []
        ids = {task.id for task in answers}
        assert len(ids) <= 1
        for task in answers[:1]:
            self.keys[who] = (asked, task.id, task.expires_at)
        return self.noted(who, asked[1], ids)

    def noted(self, who, callback, ids):
        self.accepted.update(dict.fromkeys(ids, callback))
        self.owners.update(dict.fromkeys(ids, self.callers[who].account.id))
        return list(ids)

    @rule(task=tasks)
    def cancel(self, task):
        """Its owner does not want it any more, and says so twice."""
        row = self.open_row(task)
        told = self.all(self.cancelled(task), self.cancelled(task))
        assert told[0] == told[1]
        if row is not None:
            assert all(told)
            self.won[task] += 1

    @rule(claim=claims)
    def cancel_while_it_is_finished(self, claim):
        row = self.open_row(claim.id)
        finished, cancelled = self.all(
            self.world.tasks.finish(claim, self.world.outcome(claim)), self.cancelled(claim.id)
        )
        if row is not None:
            assert finished + cancelled == 1
            self.won[claim.id] += 1
            self.even(claim.id)
        else:
            assert not finished

    def open_row(self, task):
        """The row of a task that may still be cancelled."""
        row = self.rows().get(task)
        is_open = row and row["state"] not in ENDS and self.world.clock.now < row["expires_at"]
        return row if is_open else None

    async def cancelled(self, task):
        try:
            task = await self.world.tasks.cancel(self.owners[task], task)
        except (TaskEnded, TaskNotFound):
            return False
        assert task.failure.code == "task_cancelled"
        return True

    # What workers do

    @rule(target=claims, task=tasks)
    def claim(self, task):
        return multiple(*self.take(task))

    def take(self, task):
        """Two workers want it at once; neither gets what rests."""
        row = self.rows().get(task)
        rests = row is not None and row["next_at"] is not None and row["next_at"] > self.world.clock.now
        claims = self.all(*(self.world.tasks.claim(task, worker) for worker in ("w1", "w2")))
        got = [claim for claim in claims if claim is not None]
        assert len(got) <= (not rests)
        for claim in got:
            assert claim.attempt > self.fences[task]
            self.fences[task] = claim.attempt
        return got

    @rule(target=claims, claim=claims, deed=st.sampled_from(DEEDS))
    def fall_silent(self, claim, deed):
        """Its worker stops without a word, another one takes over, and the first wakes up and goes on."""
        self.world.clock.now += 15
        others = self.take(claim.id)
        self.deed(claim, deed)
        return multiple(*others)

    @rule(claim=claims, deed=st.sampled_from(DEEDS))
    def act(self, claim, deed):
        """A worker does something about a claim it once got."""
        self.deed(claim, deed)

    def deed(self, claim, deed):
        """At most one of the deeds of a moment takes effect, and only by who holds the fence."""
        tasks, outcome = self.world.tasks, self.world.outcome(claim)
        row = self.rows().get(claim.id)
        holds = row is not None and row["state"] == "running" and row["attempt"] == claim.attempt
        ends = {
            "finish": lambda: [tasks.finish(claim, outcome)],
            "fail": lambda: [tasks.fail(claim, PictureUnreadable())],
            "quarrel": lambda: [
                tasks.fail(claim, PictureUnreadable()),
                *(tasks.finish(claim, outcome) for _ in "ab"),
            ],
            "late": lambda: [tasks.finish(claim, outcome), self.purge_instead()],
        }
        others = {
            "lose": tasks.lose,
            "set_back": lambda claim: tasks.set_back(claim, StorageFailed()),
            "hand_back": tasks.hand_back,
            "extend": tasks.extend,
        }
        told = self.all(*ends[deed]()) if deed in ends else self.all(others[deed](claim))
        if self.world.clock.now < claim.expires_at:
            assert sum(told) == holds  # who holds the fence is heard, who does not is not: always
        else:
            assert sum(told) <= holds
            assert not (deed == "finish" and any(told))  # nobody pays for what nobody can fetch
        if deed in ends and any(told):
            self.won[claim.id] += 1
        if deed == "quarrel" and any(told):
            self.even(claim.id)

    def even(self, task):
        """Who wins a race is chance on a server: whoever it was, the account can pay for as much then."""
        metered = self.callers[0].account.id
        if self.owners[task] == metered and self.rows()[task]["state"] == "done":
            self.do(self.world.accounts.grant("ann", 1))

    async def purge_instead(self):
        await self.world.tasks.purge()
        return False

    # What time and the server do

    @precondition(lambda self: self.fences)  # nothing happens until someone works
    @rule(
        seconds=st.sampled_from([1, 14, 15, 16, 60, 200]),
        then=st.sampled_from(["nothing", "sweep", "purge", "grant"]),
    )
    def time_passes(self, seconds, then):
        self.world.clock.now += seconds
        if then == "sweep":
            self.sweep()
        elif then == "purge":
            self.do(self.world.tasks.purge())
        elif then == "grant":
            self.do(self.world.accounts.grant("ann", 2))

    def sweep(self):
        """Nothing that could be worked on is left asleep."""
        woken = set(self.do(self.world.tasks.sweep()))
        now = self.world.clock.now
        for row in self.rows().values():
            rests = row["next_at"] is not None and row["next_at"] > now
            if row["state"] == "queued" or (row["state"] == "running" and row["lease_until"] <= now):
                assert (row["id"] in woken) == (not rests)

    # What must hold

    def snapshot(self):
        """Every row of the tables that matter, at one moment."""

        async def read():
            async with self.world.db.read() as connection:
                return [
                    (await connection.execute(select(table))).mappings().all()
                    for table in (tables.tasks, tables.ledger, tables.deliveries, tables.accounts)
                ]

        return self.do(read())

    def rows(self):
        return {row["id"]: row for row in self.snapshot()[0]}

    @invariant()
    def the_promise_is_kept(self):
        rows, ledger, deliveries, accounts = self.snapshot()
        self.each_task_is_where_its_books_say({row["id"]: row for row in rows}, ledger, deliveries)
        for account in accounts:
            entries = [entry for entry in ledger if entry["account_id"] == account["id"]]
            assert account["balance"] == sum(entry["amount"] for entry in entries) >= 0
            units = Counter()
            for entry in entries:
                units[entry["kind"]] += entry["units"]
            assert account["used"] == units["hold"] - units["release"]
        unfinished = [row for row in rows if row["state"] not in ENDS]
        assert len(unfinished) <= MOST_QUEUED
        needed = {
            row["request"]["source"]["value"]
            for row in unfinished
            if row["request"]["source"]["kind"] == "blob"
        }
        assert self.do(self.world.stored()) == needed

    def each_task_is_where_its_books_say(self, rows, ledger, deliveries):
        assert set(rows) <= set(self.accepted)
        for task, callback in self.accepted.items():
            books = [entry["kind"] for entry in ledger if entry["task_id"] == task]
            callbacks = sum(row["task_id"] == task for row in deliveries)
            state = rows[task]["state"] if task in rows else None
            if state in ENDS:
                assert books == ENDS[state]
                assert callbacks == callback
                assert self.world.crier.announced[task] == 1
                assert self.ended.setdefault(task, state) == state
            elif state is not None:
                assert books == ["hold"]
                assert callbacks == 0
                assert self.world.crier.announced[task] == 0
                assert task not in self.ended
            else:  # purged, and then only what had ended
                assert books in ENDS.values()
                assert callbacks == 0
                assert self.world.crier.announced[task] == 1
            assert self.won[task] <= 1

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
        self.sweep()
        for task in self.do(self.world.tasks.sweep()):
            claim = self.do(self.world.tasks.claim(task, "last"))
            if claim is not None:
                assert claim.state is State.RUNNING
                assert self.do(self.world.tasks.finish(claim, self.world.outcome(claim)))
                self.won[task] += 1
        assert self.do(self.world.tasks.depth()) == 0
        self.the_promise_is_kept()
        self.world.clock.now += 1000
        self.do(self.world.tasks.purge())
        assert self.rows() == {}
        self.the_promise_is_kept()
        assert self.do(self.world.stored()) == set()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_task_once_accepted_is_never_lost_nor_charged_twice(kind, make_world, request):
    Life.server = kind == "postgresql"
    url = request.getfixturevalue("postgres_url") if Life.server else None
    Life.make_world = staticmethod(functools.partial(make_world, url=url))
    play(
        Life,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,  # the machine is shared; nothing here is about speed
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
