"""No query that runs for every request, or every few seconds, reads a whole table."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from cleanplate.store.queries import (
    accounts,
    audit,
    batches,
    buckets,
    deliveries,
    idempotency,
    ledger,
    presets,
    tasks,
    tokens,
)

QUERIES = {
    "account by name": lambda c: accounts.by_name(c, "ann"),
    "account by id": lambda c: accounts.by_id(c, "x"),
    "token by hash": lambda c: tokens.by_hash(c, "x"),
    "token by prefix": lambda c: tokens.called(c, "cp_12345"),
    "tokens of an account": lambda c: tokens.listed(c, "x"),
    "ledger of a task": lambda c: ledger.of_task(c, "x"),
    "ledger of an account": lambda c: ledger.of_account(c, "x"),
    "task by id": lambda c: tasks.find(c, "x"),
    "task locked": lambda c: tasks.lock(c, "x"),
    "task changed": lambda c: tasks.change(c, "x", fence=1, state="running", values={"losses": 1}),
    "depth": tasks.count_unfinished,
    "queued": lambda c: tasks.queued(c, 1.0),
    "overdue": lambda c: tasks.overdue(c, 1.0),
    "expired unfinished": lambda c: tasks.expired_unfinished(c, 1.0),
    "expired finished": lambda c: tasks.expired_finished(c, 1.0),
    "unfinished of": lambda c: tasks.unfinished_of(c, ["x", "y"]),
    "known": lambda c: tasks.known(c, ["x", "y"]),
    "removed": lambda c: tasks.remove(c, ["x", "y"]),
    "delivery by id": lambda c: deliveries.find(c, "x"),
    "delivery of a task": lambda c: deliveries.of_task(c, "x"),
    "delivery changed": lambda c: deliveries.change(c, "x", attempts=0, values={"attempts": 1}),
    "tries": lambda c: deliveries.tries_of(c, "x"),
    "listed": lambda c: tasks.listed(c, "x", now=1.0, limit=9, after=(1.0, "x")),
    "unfinished of an account": lambda c: tasks.count_unfinished_of(c, "x"),
    "last turn": lambda c: tasks.last_turn(c, "x", batched=False),
    "last turn of batches": lambda c: tasks.last_turn(c, "x", batched=True),
    "batch": lambda c: batches.find(c, "x"),
    "batch counts": lambda c: batches.counts(c, "x"),
    "batch tasks": lambda c: batches.tasks_of(c, "x"),
    "batched": batches.count_unfinished,
    "batches expired": lambda c: batches.remove_expired(c, 1.0),
    "turn served": tasks.turn_served,
    "ahead": lambda c: tasks.count_ahead(c, 0, 7),
    "key": lambda c: idempotency.find(c, "x", "y"),
    "keys expired": lambda c: idempotency.remove_expired(c, 1.0),
    "presets": lambda c: presets.listed(c, "x"),
    "presets counted": lambda c: presets.count(c, "x"),
    "bucket": lambda c: buckets.fill(c, "x", level=1.0, now=1.0),
    "unfinished": tasks.unfinished,
    "mean seconds": lambda c: tasks.mean_seconds(c, 50),
    "running": tasks.count_running,
    "audit forgotten": lambda c: audit.remove_older(c, 1.0),
    "due": lambda c: deliveries.due(c, 1.0),
    "pending": lambda c: deliveries.pending_of(c, ["x", "y"]),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_every_query_has_its_index(db, name):
    sent = []
    async with db.write() as connection:
        sync = connection.sync_connection

        def note(_connection, _cursor, statement, parameters, _context, _many):
            sent.append((statement, parameters))

        event.listen(sync, "before_cursor_execute", note)
        await QUERIES[name](connection)
        event.remove(sync, "before_cursor_execute", note)
        assert sent
        for statement, parameters in sent:
            plan = [
                row[3]
                for row in (
                    await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                ).all()
            ]
            assert not [step for step in plan if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"], (
                statement,
                plan,
            )


async def test_a_table_without_its_index_would_be_noticed(db):
    async with db.write() as connection:
        await connection.execute(text("DROP INDEX tasks_state_lease_until"))
        await connection.execute(text("DROP INDEX tasks_state_turn"))
        await connection.execute(text("DROP INDEX tasks_state_finished_at"))
        plan = (
            await connection.execute(text("EXPLAIN QUERY PLAN SELECT 1 FROM tasks WHERE state = 'x'"))
        ).all()
        assert plan[0][3].startswith("SCAN")
