"""Three workers and two servers, killed, stopped and cut off at random: what was accepted ends exactly once.

Forty submissions by default; `CLEANPLATE_CHAOS=300` for the full form, whose figures are in bench/SCALE.md.
While pictures are submitted in all dialects, every two or three seconds a process is killed (SIGKILL) or
stopped for a while (SIGSTOP, SIGCONT); PostgreSQL is restarted, the S3 server is away for ten seconds,
wake-ups are deleted, and tasks are cancelled.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from backends import Postgres
from fleet import Fleet, until
from servers import Origin

SUBMISSIONS = int(os.environ.get("CLEANPLATE_CHAOS", "40"))
FULL = SUBMISSIONS >= 300
CANCELLED = 20 if FULL else 4
LOST_WAKEUPS = 10
AWAY_SECONDS = 10.0 if FULL else 3.0
GRANTED = 100_000
LEASE, SWEEP = 10, 5
LONGEST_RESCUE = 60
SETTINGS = {
    "TASK__LEASE_SECONDS": str(LEASE),
    "TASK__SWEEP_SECONDS": str(SWEEP),
    "TASK__MAX_WAIT_SECONDS": "0",  # its users submit far more than is done in time
    "TASK__MAX_LOSSES": "20",  # here it is the workers that kill tasks, not the other way round
    "TASK__WORK_SECONDS": "60",
    "NOTIFY__RETRY_SECONDS": [1, 1, 1, 2, 2, 5, 5, 5, 5, 5],
    "WORKER__SLOTS": "1",
    "LOG__LEVEL": "info",
}
RECTANGLES = '[{"x":30,"y":40,"width":50,"height":20}]'


def _picture(number: int) -> bytes:
    pixels = np.full((90, 120, 3), 60 + number % 100, np.uint8)
    pixels[40:60, 30:80] = 255
    return cv2.imencode(".png", pixels)[1].tobytes()


class Users:
    """Submit in every dialect, to any server, again until there is an answer; and cancel some."""

    def __init__(self, fleet: Fleet, elsewhere: Origin, token: str) -> None:
        self.fleet, self.elsewhere, self.token = fleet, elsewhere, token
        self.answered: dict[str, bool] = {}  # task id → whether it has a callback
        self.cancelled: set[str] = set()
        self.repeated = 0

    def submit(self, number: int) -> None:
        choice = random.Random(number)
        by_url = choice.random() < 0.5
        url = f"{self.elsewhere.url}/slow/{number}.png"
        heard = f"{self.elsewhere.url}/heard"
        data = _picture(number)
        match number % 4:
            case 0:
                path, told = "/api/ext/v1/submit_watermark_removal", False
                smear = np.zeros((90, 120, 3), np.uint8)
                smear[40:60, 30:80] = (0, 0, 255)
                body = {"smear_base64": base64.b64encode(cv2.imencode(".png", smear)[1]).decode()}
                body |= {"image_url": url} if by_url else {"image_base64": base64.b64encode(data).decode()}
                sent = {"json": body}
            case 1:
                path, told = "/task/pic/watermark", True
                source = {"image_url": (None, url)} if by_url else {"image_file": ("a.png", data)}
                sent = {"files": {**source, "rectangles": (None, RECTANGLES), "callback_url": (None, heard)}}
            case 2:
                path, told = "/api/tasks/visual/inpaint", True
                source = {"image_url": (None, url)} if by_url else {"image_file": ("a.png", data)}
                sent = {"files": {**source, "rectangles": (None, RECTANGLES), "callback_url": (None, heard)}}
            case _:
                path, told = "/v1/removals", True
                source = {"url": (None, url)} if by_url else {"file": ("a.png", data)}
                sent = {"files": {**source, "rectangles": (None, RECTANGLES), "webhook": (None, heard)}}
        answer = self._insist(path, sent, str(uuid.UUID(int=number + 1)))
        task_id = answer.get("id") or answer["data"]["task_id"]
        self.answered[task_id] = told

    def cancel(self) -> bool:
        """Cancel one that has not ended yet; whether there was any."""
        rows = self.fleet.query(
            "SELECT id FROM tasks WHERE state IN ('queued', 'running') ORDER BY random() LIMIT 1"
        )
        for (task_id,) in rows:
            with contextlib.suppress(requests.RequestException, AssertionError):
                server = random.choice(self.fleet.servers)
                answer = requests.delete(
                    f"{server.url}/v1/removals/{task_id}", headers=self._headers(), timeout=10
                )
                if answer.status_code == 200:
                    self.cancelled.add(task_id)
                    return True
        return False

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "X-API-KEY": self.token}

    def _insist(self, path: str, sent: dict, key: str) -> dict:
        until_ = time.monotonic() + 180
        last: object = None
        while time.monotonic() < until_:
            server = random.choice(self.fleet.servers)
            try:
                answer = requests.post(
                    f"{server.url}{path}",
                    headers={**self._headers(), "Idempotency-Key": key},
                    timeout=15,
                    **sent,
                )
                if answer.status_code in {200, 202}:
                    body = answer.json()
                    if body.get("id") or (body.get("data") or {}).get("task_id"):
                        return body
                last = (answer.status_code, answer.text[:300])
            except (requests.RequestException, ValueError) as error:
                last = error
            self.repeated += 1
            time.sleep(0.3)
        raise AssertionError(f"{path} was never accepted: {last}")


class Trouble:
    """Kills, stops and starts processes at random until it is told to end."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.random = random.Random(seed)
        self.over = threading.Event()
        self.deeds: Counter[str] = Counter()
        self.struck: dict[str, list[float]] = {}  # "host:pid" of a worker → when (Unix seconds)
        self.starting: list = []  # left alone until they are up
        self.turn = threading.Lock()

    def rage(self) -> None:
        """Strike every two or three seconds; the last one alive of its kind is only stopped, for a moment."""
        while not self.over.wait(self.random.uniform(2, 3)):
            alive = [one for one in (*self.fleet.workers, *self.fleet.servers) if self._up(one)]
            if alive:
                victim = self.random.choice(alive)
                kind = self.fleet.workers if victim in self.fleet.workers else self.fleet.servers
                with self.turn:
                    self._strike(victim, last=sum(one in kind for one in alive) == 1)

    def _up(self, one) -> bool:
        return one.process is not None and one.process.poll() is None and one not in self.starting

    def _strike(self, victim, *, last: bool) -> None:
        if victim in self.fleet.workers:
            self.struck.setdefault(str(victim.process.pid), []).append(time.time())
        kind = "worker" if victim in self.fleet.workers else "server"
        if not last and self.random.random() < 0.6:
            victim.process.kill()
            self.deeds[f"{kind} killed"] += 1
            return
        victim.process.send_signal(signal.SIGSTOP)
        self.deeds[f"{kind} stopped"] += 1
        pid = victim.process.pid

        def go_on() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        # Some for longer than a lease: they come back when their task is somebody else's.
        timer = threading.Timer(1 if last else self.random.choice([1, 4, LEASE + SWEEP + 3]), go_on)
        timer.daemon = True
        timer.start()

    def supervise(self, one) -> None:
        """Start one again whenever it has died, as whoever runs the service would."""
        while not self.over.wait(0.2):
            if one.process is not None and one.process.poll() is None:
                continue
            self.starting.append(one)
            one.process.stdout.close()
            with contextlib.suppress(AssertionError, OSError):  # PostgreSQL may be away: next time
                one.start()
            self.starting.remove(one)

    def end(self) -> None:
        self.over.set()
        for one in (*self.fleet.workers, *self.fleet.servers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.process.pid, signal.SIGCONT)


class Witness:
    """Notes down who worked on what when, by looking at the table again and again."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.over = threading.Event()
        self.attempts: dict[tuple[str, int], tuple[str, float]] = {}  # (task, attempt) → (worker, since)

    def watch(self) -> None:
        while not self.over.wait(0.2):
            with contextlib.suppress(Exception):  # the database is away
                for task_id, attempt, worker, since in self.fleet.query(
                    "SELECT id, attempt, worker, started_at FROM tasks WHERE state = 'running'"
                ):
                    self.attempts[task_id, attempt] = (worker, since)

    def rescues(self, struck: dict[str, list[float]]) -> list[float]:
        """Seconds from a blow to a worker at a task until somebody began it anew."""
        found = []
        for (task_id, attempt), (worker, since) in self.attempts.items():
            after = self.attempts.get((task_id, attempt + 1))
            if after is None:
                continue
            blows = [at for at in struck.get(worker.rpartition(":")[2], []) if since <= at <= after[1]]
            if blows:
                found.append(after[1] - blows[0])
        return sorted(found)


@pytest.fixture
def postgres_of_its_own():
    with Postgres(durable=True, max_connections=200) as server:
        yield server


@pytest.mark.slow
def test_whatever_is_killed_every_accepted_task_ends_once(postgres, postgres_of_its_own, s3, tmp_path):
    del postgres  # asked for, so that the test is skipped where there is none
    server = postgres_of_its_own
    with Origin() as elsewhere, Fleet(tmp_path, server, server.create(), s3, SETTINGS) as fleet:
        elsewhere.slow_seconds = 2.0
        elsewhere.files = {f"{number}.png": _picture(number) for number in range(SUBMISSIONS)}
        token = fleet.add_server().token
        fleet.add_server()
        for _ in range(3):
            fleet.add_worker()
        fleet.servers[0].run("credits", "grant", "default", str(GRANTED))
        users, trouble, witness = Users(fleet, elsewhere, token), Trouble(fleet, 7), Witness(fleet)
        watching = threading.Thread(target=witness.watch)
        threads = [threading.Thread(target=trouble.rage), watching]
        threads += [
            threading.Thread(target=trouble.supervise, args=(one,))
            for one in (*fleet.workers, *fleet.servers)
        ]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        try:
            lost = _play(fleet, users)
        finally:
            trouble.end()
        for thread in threads:
            if thread is not watching:
                thread.join()
        with contextlib.suppress(AssertionError):
            for one in (*fleet.workers, *fleet.servers):
                if one.process.poll() is not None:
                    one.process.stdout.close()
                    one.start()
        until(lambda: _open(fleet) == (0, 0), 180, lambda: f"still open: {_open(fleet)} {_logs(fleet)}")
        took = time.monotonic() - begun
        witness.over.set()
        watching.join()
        rescues = witness.rescues(trouble.struck)
        late = _logs(fleet).count('"accepted": false') + _logs(fleet).count("task taken away")
        _the_books_are_right(fleet, users)
        _the_callbacks_were_made(fleet, users, elsewhere)
        report = {
            "submissions": SUBMISSIONS,
            "seconds": round(took),
            "deeds": dict(trouble.deeds),
            "wakeups_deleted": lost,
            "cancelled": len(users.cancelled),
            "states": dict(fleet.query("SELECT state, count(*) FROM tasks GROUP BY state")),
            "failures": _failures(fleet),
            "attempts": dict(fleet.query("SELECT attempt, count(*) FROM tasks GROUP BY attempt ORDER BY 1")),
            "requests_repeated": users.repeated,
            "rescues": len(rescues),
            "longest_rescue": round(rescues[-1], 1) if rescues else None,
            "late_finishes_refused": late,
            "callbacks": len(elsewhere.callbacks),
        }
        print(json.dumps(report))
        if out := os.environ.get("CLEANPLATE_CHAOS_REPORT"):
            Path(out).write_text(json.dumps(report, indent=1) + "\n")
        assert not rescues or rescues[-1] < LONGEST_RESCUE


def _play(fleet: Fleet, users: Users) -> int:
    """Submit all, with what else happens in between; how many wake-ups were deleted."""
    lost = 0
    with ThreadPoolExecutor(6) as pool:
        half = SUBMISSIONS // 2
        waiting = [pool.submit(users.submit, number) for number in range(half)]
        until(lambda: len(users.answered) >= half // 2, 300)
        lost += _lose_wakeups(fleet, LOST_WAKEUPS)
        fleet.postgres.stop()
        fleet.postgres.start()
        _cancel(users, CANCELLED // 2)
        for one in waiting:
            one.result()
        waiting = [pool.submit(users.submit, number) for number in range(half, SUBMISSIONS)]
        fleet.s3.stop()
        time.sleep(AWAY_SECONDS)
        fleet.s3.start()
        _cancel(users, CANCELLED)
        lost += _lose_wakeups(fleet, LOST_WAKEUPS - lost)
        for one in waiting:
            one.result()
    return lost


def _lose_wakeups(fleet: Fleet, most: int) -> int:
    deleted = fleet.query(
        "DELETE FROM cleanplate_wakeups WHERE id IN (SELECT id FROM cleanplate_wakeups "
        "WHERE entrypoint = 'run_task' ORDER BY id LIMIT $1) RETURNING id",
        most,
    )
    return len(deleted)


def _cancel(users: Users, enough: int) -> None:
    until_ = time.monotonic() + 30
    while len(users.cancelled) < enough and time.monotonic() < until_:
        with contextlib.suppress(Exception):  # the database may be on its way up
            users.cancel()
        time.sleep(0.2)


def _open(fleet: Fleet) -> tuple[int, int]:
    """How many tasks have not ended, and how many callbacks are still to be made."""
    [(tasks,)] = fleet.query("SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')")
    [(deliveries,)] = fleet.query("SELECT count(*) FROM deliveries WHERE state = 'pending'")
    return tasks, deliveries


def _failures(fleet: Fleet) -> dict[str, int]:
    rows = fleet.query("SELECT failure->>'code', count(*) FROM tasks WHERE state = 'failed' GROUP BY 1")
    return {str(code): int(str(count)) for code, count in rows}


def _logs(fleet: Fleet) -> str:
    return "\n".join(one.log for one in (*fleet.workers, *fleet.servers))


def _the_books_are_right(fleet: Fleet, users: Users) -> None:
    """Every task that anybody was told of has ended; each in the table was paid for, or given back, once."""
    states = dict(fleet.query("SELECT id, state FROM tasks"))
    assert set(users.answered) <= set(states)
    assert set(states.values()) <= {"done", "failed"}
    entries: dict[str, list[str]] = {}
    for task_id, kind in fleet.query(
        "SELECT task_id, kind FROM ledger WHERE task_id IS NOT NULL ORDER BY id"
    ):
        entries.setdefault(task_id, []).append(kind)
    assert entries == {
        task_id: ["hold", "capture" if state == "done" else "release"] for task_id, state in states.items()
    }
    [(balance, used)] = fleet.query("SELECT balance, used FROM accounts WHERE name = 'default'")
    [(posted,)] = fleet.query("SELECT sum(amount)::bigint FROM ledger")
    done = sum(state == "done" for state in states.values())
    assert (balance, used, posted) == (GRANTED - done, done, GRANTED - done)
    # Nothing but what was cancelled failed: an upload whose answer was lost is submitted again under its key.
    ended = _failures(fleet)
    assert ended.get("task_cancelled", 0) >= len(users.cancelled)
    assert set(ended) <= {"task_cancelled"}, ended
    assert done + ended.get("task_cancelled", 0) == len(states)
    assert len(states) == SUBMISSIONS


def _the_callbacks_were_made(fleet: Fleet, users: Users, elsewhere: Origin) -> None:
    heard = Counter()
    for _, _, body in elsewhere.callbacks:
        told = json.loads(body)
        heard[told.get("id") or told["data"]["task_id"]] += 1
    assert {task_id for task_id, told in users.answered.items() if told} <= set(heard)
    assert fleet.query("SELECT count(*) FROM deliveries WHERE state <> 'delivered'") == [(0,)]
