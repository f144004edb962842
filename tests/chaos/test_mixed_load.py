"""Everything at once while children and the server are killed: nothing is lost, nothing is done twice.

Twelve seconds in the suite; `CLEANPLATE_CHAOS_SECONDS=60` is the run that bench/SERVICE.md records, and
`CLEANPLATE_CHAOS_REPORT` names a file for what it saw.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sqlite3
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from servers import Cleanplate, Origin, children

SECONDS = float(os.environ.get("CLEANPLATE_CHAOS_SECONDS", "12"))
SEED = 4711
CLIENTS = 6
GRANTED = 1_000_000
PATIENCE = 180  # seconds, for what must come once nobody is killed any more
BOX = [{"x": 60, "y": 80, "width": 100, "height": 40}]
NATIVE, BATCHES = "/v1/removals", "/v1/batches"
KAZE = "/api/ext/v1/submit_watermark_removal"
GPTGE = "/task/pic/watermark"
PICWISH = "/api/tasks/visual/inpaint"
SETTINGS = {
    "WORKER__SLOTS": 2,
    "TASK__LEASE_SECONDS": 2,
    "TASK__SWEEP_SECONDS": 1,
    "TASK__MAX_WAIT_SECONDS": 0,  # its clients submit far more than is done in time
    "NOTIFY__SECONDS": 3,
    "NOTIFY__RETRY_SECONDS": [1, 1, 1, 1, 1],
    "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
    "HTTP__KAZE_HOLD_SECONDS": 0.5,
}


def picture(number):
    """A ground of one level and a mark of another, so that every task has its own answer."""
    pixels = np.full((180, 240, 3), 40 + number % 100, np.uint8)
    pixels[80:120, 60:160] = 255
    return cv2.imencode(".png", pixels)[1].tobytes()


def zipped(*numbers):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in numbers:
            archive.writestr(f"{number}.png", picture(number))
    return buffer.getvalue()


class Killer:
    """Kills a child or the whole server now and then, and starts the server again."""

    def __init__(self, server, chance):
        self._server = server
        self._chance = chance
        self.killed = Counter()

    def work(self, until):
        while time.monotonic() < until:
            time.sleep(self._chance.uniform(1.0, 2.5))  # the rhythm of the test, not a wait
            if self._chance.random() < 0.35:
                self._server.end(signal.SIGKILL)
                self.killed["server"] += 1
                self._server.start()
                continue
            pids = children(self._server.process.pid)
            if pids:
                with suppress(ProcessLookupError):
                    os.kill(self._chance.choice(pids), signal.SIGKILL)
                    self.killed["child"] += 1


class Client:
    """Asks for all kinds of things, each under a key of its own, again and again until it is answered."""

    def __init__(self, number, server, elsewhere):
        self._chance = random.Random(SEED + number)
        self._number = number
        self._server = server
        self._elsewhere = elsewhere
        self._line = requests.Session()
        self._line.headers["Authorization"] = f"Bearer {server.token}"
        self.asked = Counter()
        self.tasks = {}  # id: what its webhook is called, or None
        self.batches = {}
        self.cancelled = set()
        self.refused = 0
        self.repeats = 0

    def work(self, until):
        count = 0
        while time.monotonic() < until:
            count += 1
            key = f"{self._number}-{count}"
            kind = self._chance.choice((self.native, self.native_url, self.batch, self.gptge, self.picwish,
                                        self.kaze, self.cancelled_soon, self.broken))  # fmt: skip
            kind(key, count)
            self.asked[kind.__name__] += 1

    def native(self, key, count):
        hook = self._hook(key)
        sync = self._chance.choice(("0", "1"))
        data = {"rectangles": json.dumps(BOX), "mode": "fill", "webhook": hook, "sync": sync}
        told = self._post(NATIVE, key, files={"file": picture(count)}, data=data)
        self.tasks[told["id"]] = hook

    def native_url(self, key, count):
        hook = self._hook(key)
        missing = self._chance.random() < 0.2
        url = f"{self._elsewhere.url}/{'missing' if missing else count % 20}.png"
        told = self._post(NATIVE, key, json={"url": url, "rectangles": BOX, "webhook": hook})
        self.tasks[told["id"]] = hook

    def batch(self, key, count):
        hook = self._hook(key)
        data = {"rectangles": json.dumps(BOX), "mode": "fill", "webhook": hook}
        told = self._post(BATCHES, key, files={"zip": zipped(count, count + 1, count + 2)}, data=data)
        self.batches[told["id"]] = hook

    def gptge(self, key, count):
        hook = self._hook(key)
        data = {"rectangles": json.dumps(BOX), "callback_url": hook}
        told = self._post(GPTGE, key, files={"image_file": picture(count)}, data=data)
        self.tasks[told["data"]["task_id"]] = hook

    def picwish(self, key, count):
        hook = self._hook(key)
        data = {"rectangles": json.dumps(BOX), "callback_url": hook}
        told = self._post(PICWISH, key, files={"file": picture(count)}, data=data)
        self.tasks[told["data"]["task_id"]] = hook

    def kaze(self, key, count):
        told = self._post(KAZE, key, json={"image_url": f"{self._elsewhere.url}/{count % 20}.png"})
        self.tasks[told["data"]["task_id"]] = None

    def cancelled_soon(self, key, count):
        hook = self._hook(key)
        data = {"rectangles": json.dumps(BOX), "webhook": hook}
        told = self._post(NATIVE, key, files={"file": picture(count)}, data=data)
        self.tasks[told["id"]] = hook
        answer = self._ask("DELETE", f"{NATIVE}/{told['id']}")
        assert answer.status_code in {200, 409}, answer.text  # 409: it was done already
        if answer.status_code == 200:
            self.cancelled.add(told["id"])

    def broken(self, key, count):
        answer = self._ask("POST", NATIVE, key, files={"file": picture(count)[:200]}, data={"mode": "fill"})
        assert (answer.status_code, answer.json()["code"]) == (400, "picture_unreadable"), answer.text
        self.refused += 1

    def _hook(self, key):
        return f"{self._elsewhere.url}/heard/{key}"

    def _post(self, path, key, **what):
        answer = self._ask("POST", path, key, **what)
        assert answer.status_code in {200, 202}, answer.text
        told = answer.json()
        if self._chance.random() < 0.2:  # as if the answer had been lost
            again = self._ask("POST", path, key, **what).json()
            assert _named(again) == _named(told)
            self.repeats += 1
        return told

    def _ask(self, method, path, key=None, **what):
        headers = {} if key is None else {"Idempotency-Key": key}
        until = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._line.request(
                    method, self._server.url + path, headers=headers, timeout=60, **what
                )
                # A child that was killed while it looked at an upload is the server's trouble.
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except requests.RequestException:
                self.repeats += 1
            assert time.monotonic() < until, f"{method} {path} is not answered"
            time.sleep(0.1)  # as a client that tries again


def _named(told):
    return told["data"]["task_id"] if "data" in told else told["id"]


class Books:
    """What the database says."""

    def __init__(self, folder):
        self._folder = folder

    def rows(self, query):
        db = sqlite3.connect(self._folder / "data/cleanplate.db", timeout=30)
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()

    def until(self, query, wanted):
        """Look until a query says what is wanted; the pauses only save the processor."""
        until = time.monotonic() + PATIENCE
        while (found := self.rows(query)) != wanted:
            assert time.monotonic() < until, f"{query}: {found}"
            time.sleep(0.2)

    def expire(self):
        """Let all of it be of yesterday."""
        db = sqlite3.connect(self._folder / "data/cleanplate.db", timeout=30)
        for table in ("tasks", "batches", "idempotency"):
            db.execute(f"UPDATE {table} SET expires_at = expires_at - 2 * 86400")
        db.commit()
        db.close()
        for blob in self.blobs():
            os.utime(blob, (time.time() - 86_400,) * 2)

    def blobs(self):
        return [one for one in (self._folder / "data/blobs").rglob("*") if one.is_file()]


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path):
    server = Cleanplate(tmp_path, dict(SETTINGS))
    with Origin() as elsewhere:
        elsewhere.files = {f"{number}.png": picture(number) for number in range(20)}
        server.start()
        try:
            server.run("credits", "grant", "default", str(GRANTED))
            clients = [Client(number, server, elsewhere) for number in range(CLIENTS)]
            killer = Killer(server, random.Random(SEED))
            until = time.monotonic() + SECONDS
            with ThreadPoolExecutor(CLIENTS + 1) as people:
                for one in [people.submit(one.work, until) for one in (killer, *clients)]:
                    one.result()
            books = Books(tmp_path)
            seen = _settled(books, server, clients, elsewhere)
            seen |= _nothing_is_left(books, server)
        finally:
            server.end(signal.SIGKILL)
    asked = sum((one.asked for one in clients), Counter())
    report = {"seconds": SECONDS, "killed": dict(killer.killed), "asked": dict(asked), **seen}
    report["asked again"] = sum(one.repeats for one in clients)
    report["refused as unreadable"] = sum(one.refused for one in clients)
    if file := os.environ.get("CLEANPLATE_CHAOS_REPORT"):
        Path(file).write_text(json.dumps(report))
    assert set(killer.killed) == {"server", "child"}, "otherwise the test says nothing"


def _settled(books, server, clients, elsewhere):
    """Every task has ended once, every webhook was heard, and the sums are right."""
    started = time.monotonic()
    books.until("SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')", [(0,)])
    books.until("SELECT count(*) FROM deliveries WHERE state = 'pending'", [(0,)])
    rescue = time.monotonic() - started

    rows = books.rows("SELECT id, batch_id, state, json_extract(failure, '$.code'), losses FROM tasks")
    tasks = {task: hook for one in clients for task, hook in one.tasks.items()}
    batches = {batch: hook for one in clients for batch, hook in one.batches.items()}
    assert {task for task, batch, *_ in rows if batch is None} == set(tasks)  # none lost, none twice
    assert Counter(batch for _, batch, *_ in rows if batch) == dict.fromkeys(batches, 3)
    states = Counter(code or state for *_, state, code, _ in rows)
    assert set(states) <= {"done", "task_cancelled", "fetch_failed", "worker_crashed"}
    cancelled = {task for one in clients for task in one.cancelled}
    assert {task for task, _, _, code, _ in rows if code == "task_cancelled"} == cancelled
    assert all(losses >= 3 for *_, code, losses in rows if code == "worker_crashed")

    entries = {}
    for task, kind in books.rows("SELECT task_id, kind FROM ledger WHERE task_id IS NOT NULL"):
        entries.setdefault(task, []).append(kind)
    for task, _, state, *_ in rows:
        assert sorted(entries[task]) == (["capture", "hold"] if state == "done" else ["hold", "release"])
    assert set(entries) == {task for task, *_ in rows}
    assert books.rows("SELECT balance, used FROM accounts WHERE name = 'default'") == [
        (GRANTED - states["done"], states["done"])
    ]
    assert books.rows("SELECT sum(amount) FROM ledger") == [(GRANTED - states["done"],)]

    hooks = {hook for hook in (*tasks.values(), *batches.values()) if hook}
    heard = Counter(elsewhere.url + path for path, *_ in elsewhere.callbacks)
    assert set(heard) == hooks
    assert books.rows("SELECT state, count(*) FROM deliveries GROUP BY state") == [("delivered", len(hooks))]
    _results_are_good(server, {task for task, _, state, *_ in rows if state == "done"})
    return {
        "tasks": len(rows),
        "ended as": dict(states),
        "attempts lost": sum(losses for *_, losses in rows),
        "seconds until all had ended": round(rescue, 1),
        "webhooks": len(hooks),
        "webhooks heard again": sum(heard.values()) - len(hooks),
    }


def _results_are_good(server, done):
    """Every result can be fetched, and its mark is gone where it was told which."""
    line = requests.Session()
    line.headers["Authorization"] = f"Bearer {server.token}"
    for task in done:
        told = line.get(f"{server.url}{NATIVE}/{task}", timeout=60).json()
        data = line.get(told["result"]["url"], timeout=60).content
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        # The mark was 255, and no ground is lighter than 139. Kaze's way tells no area: nothing need be found
        # in a drawn box.
        assert pixels.max() <= 160 or told["dialect"] == "kaze", told


def _nothing_is_left(books, server):
    """When all of it has expired, no row and no blob is left: none had been forgotten."""
    blobs = len(books.blobs())
    results = books.rows("SELECT count(*) FROM tasks WHERE state = 'done'")[0][0]
    server.end()
    books.expire()
    server.start()
    books.until("SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM batches)", [(0, 0)])
    until = time.monotonic() + PATIENCE
    while books.blobs():
        assert time.monotonic() < until, books.blobs()
        time.sleep(0.2)
    return {"blobs beside the results, of attempts that were killed": blobs - results}
