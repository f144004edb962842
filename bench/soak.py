#!/usr/bin/env python3
"""Run the service for an hour at 70 % of what it can do: nothing may grow but the ledger.

    python bench/soak.py [pictures] [soak] [--minutes 60] [--share 0.7]     both without a name

pictures  As many pictures a second as go through HTTP, the database and the store: the sample with its mark
          in a rectangle, sixteen clients, on SQLite and a folder with one slot, and on PostgreSQL and S3 with
          one worker process and with two.
soak      Both kinds of house at once, each with one slot: first a minute as fast as they go, then as long as
          asked with requests at fixed times, at that share of what they did. Small pictures, so that there
          are many: most asked with `fill`, a fifth with `auto`, a quarter with a webhook, one in twenty a
          broken file that must fail and cost nothing. Every ten seconds: memory and open handles of each
          process, bytes and rows of the tables, of logs, and of what is stored. Children are replaced
          after 500 pictures, as they are everywhere.

Clients, servers, databases and whoever else uses the machine share it. Writes bench/SCALE.md and
bench/soak-*.png; the samples stay in bench/out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from page import command, machine, today, write
from plot import lines as plotted
from service_client import (
    GRANTED,
    PICTURES,
    SAMPLE,
    VARIANTS,
    Line,
    account_of,
    form,
    picture,
    status_mib,
    table,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from backends import S3, Postgres  # noqa: E402  # the servers as the tests start them
from fleet import Fleet  # noqa: E402
from servers import Cleanplate, Origin, children  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE, OUT = HERE / "SCALE.md", HERE / "out"
CLIENTS = 16
KEEP = 240  # seconds that a result is kept, so that as many go as come after a few minutes
SAMPLED = 10  # seconds between samples
CALIBRATION = 60  # seconds
SETTINGS: dict[str, object] = {
    "WORKER__SLOTS": "1",
    "TASK__KEEP_SECONDS": str(KEEP),
    "TASK__AUDIT_SECONDS": str(KEEP),
    "NOTIFY__RETRY_SECONDS": [1, 2, 5],
    "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
    "LOG__LEVEL": "warning",
}
SAMPLE_MARK = '[{"x":36,"y":462,"width":236,"height":54}]'


class Embedded:
    """One server on SQLite and a folder."""

    name = "SQLite, one process"

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self.server = Cleanplate(folder, settings)
        self.folder = folder

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.end()

    def processes(self) -> dict[str, int]:
        assert self.server.process is not None
        pid = self.server.process.pid
        return {"server": pid, **_numbered("child", children(pid))}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(self.folder / "data/cleanplate.db", timeout=30)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def sizes(self) -> dict[str, float]:
        """kB."""
        data = self.folder / "data"
        [(pages,)] = self.query("PRAGMA page_count")
        [(free,)] = self.query("PRAGMA freelist_count")
        return {
            "database in use": (pages - free) * 4,
            "database file": (data / "cleanplate.db").stat().st_size / 1024,
            "write-ahead log": (data / "cleanplate.db-wal").stat().st_size / 1024,
            "server's log": (self.folder / "log.txt").stat().st_size / 1024,
            "blobs": _bytes_below(data / "blobs") / 1024,
        }


class Distributed:
    """A server that only answers, workers that only work, PostgreSQL, S3."""

    name = "PostgreSQL and S3"

    def __init__(self, folder: Path, settings: dict[str, object], workers: int = 1) -> None:
        self.folder, self.settings, self.workers = folder, settings, workers
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        postgres = self.stack.enter_context(Postgres(durable=True))
        self.s3 = self.stack.enter_context(S3())
        self.fleet = self.stack.enter_context(
            Fleet(self.folder, postgres, postgres.create(), self.s3, self.settings)
        )
        self.server = self.fleet.add_server()
        for _ in range(self.workers):
            self.fleet.add_worker()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def processes(self) -> dict[str, int]:
        assert self.server.process is not None
        found = {"server": self.server.process.pid}
        found |= _numbered("server's child", children(self.server.process.pid))
        for number, worker in enumerate(self.fleet.workers, 1):
            assert worker.process is not None
            name = "worker" if self.workers == 1 else f"worker {number}"
            found[name] = worker.process.pid
            found |= _numbered(f"{name}'s child", children(worker.process.pid))
        return found

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.fleet.query(sql)

    def sizes(self) -> dict[str, float]:
        """kB."""
        found = {
            str(table): float(str(size)) / 1024
            for table, size in self.query(
                "SELECT relname::text, pg_total_relation_size(oid) FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        }
        kept = {name: size for name, size in found.items() if size >= 64}
        logs = [one.folder / "log.txt" for one in (self.server, *self.fleet.workers)]
        kept["logs"] = sum(file.stat().st_size for file in logs) / 1024
        kept["blobs"] = _bytes_below(self.s3.folder / "buckets") / 1024
        return kept


House = Embedded | Distributed


def _numbered(name: str, pids: list[int]) -> dict[str, int]:
    return {f"{name} {number}": pid for number, pid in enumerate(sorted(pids), 1)}


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):  # what is purged meanwhile is skipped
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


class Users:
    """Clients of one house: submit, wait, fetch, look at what came."""

    def __init__(self, house: House, bodies: list[tuple[tuple[bytes, dict[str, str]], str]]) -> None:
        self.house, self.bodies = house, bodies
        self.token = account_of(house.server)
        self.told: Counter[str] = Counter()
        self.seconds: list[float] = []
        self._lines = threading.local()
        self._lock = threading.Lock()

    def one(self, number: int, due: float | None = None) -> None:
        """One picture from its submission to its result; `due`: when it should have been asked."""
        due = due or time.monotonic()
        body, expected = self.bodies[number % len(self.bodies)]
        try:
            came = self._cleaned(body)
        except (OSError, KeyError, ValueError) as error:
            came = f"{type(error).__name__}: {error}"
            self._lines.__dict__.clear()
        with self._lock:
            self.told["as it should" if came == expected else f"{expected} expected: {came[:200]}"] += 1
            self.seconds.append(time.monotonic() - due)

    def _cleaned(self, body: tuple[bytes, dict[str, str]]) -> str:
        data, headers = body
        headers = {**headers, "Idempotency-Key": uuid4().hex}
        try:
            status, told = self._line().ask("POST", "/v1/removals", data, headers)
        except ConnectionError:  # it was idle for so long that the server closed it: as every client does
            del self._lines.line
            status, told = self._line().ask("POST", "/v1/removals", data, headers)
        line = self._line()
        known = json.loads(told)
        while status < 300 and known["state"] in {"queued", "running"}:
            status, told = line.ask("GET", f"/v1/removals/{known['id']}?wait=20")
            known = json.loads(told)
        if status >= 300:
            return str(known.get("code", known))
        if known["state"] != "done":
            return str(known["error"]["code"])
        address = urlsplit(known["result"]["url"])
        status, data = line.ask("GET", f"{address.path}?{address.query}")
        return "done" if status == 200 and len(data) > 1000 else f"{status} for the result"

    def _line(self) -> Line:
        """This thread's connection."""
        if not hasattr(self._lines, "line"):
            self._lines.line = Line(self.house.server, self.token)
        return self._lines.line

    def as_fast_as_they_go(self, seconds: float) -> float:
        """Pictures a second of `CLIENTS` clients; each picture that was begun is waited for."""
        over = time.monotonic() + seconds
        numbers = iter(range(10**9))
        began = time.monotonic()

        def client(_: int) -> None:
            while time.monotonic() < over:
                self.one(next(numbers))

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(client, range(CLIENTS)))
        return len(self.seconds) / (time.monotonic() - began)

    def at_fixed_times(self, rate: float, seconds: float) -> None:
        """`rate` pictures a second, whether the last ones are done or not."""
        began = time.monotonic()
        with ThreadPoolExecutor(4 * CLIENTS) as pool:
            for number in range(round(rate * seconds)):
                due = began + number / rate
                time.sleep(max(0.0, due - time.monotonic()))
                pool.submit(self.one, number, due)


def sample(house: House, users: Users, began: float) -> dict[str, Any]:
    found: dict[str, Any] = {"at": time.monotonic() - began, "done": len(users.seconds)}
    found["mib"], found["handles"] = {}, {}
    for name, pid in house.processes().items():
        with contextlib.suppress(OSError, StopIteration):  # a child that has just ended
            found["mib"][name] = status_mib(pid, "VmRSS")
            found["handles"][name] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    found["kb"] = house.sizes()
    for name in ("tasks", "ledger", "deliveries", "audit"):
        [(found[f"{name} rows"],)] = house.query(f"SELECT count(*) FROM {name}")
    return found


def small_pictures(heard: str) -> list[tuple[tuple[bytes, dict[str, str]], str]]:
    """Twenty requests that differ, with what must come of each."""
    bodies = []
    for number in range(20):
        data = picture(*PICTURES["small"], number % VARIANTS)
        fields = {"mode": "auto" if number % 5 == 0 else "fill", "sync": "1"}
        if number % 4 == 1:
            fields |= {"webhook": heard}
        expected = "done"
        if number == 19:
            data, expected = data[: len(data) // 3], "picture_unreadable"
        bodies.append((form(data, **fields), expected))
    return bodies


def soak(minutes: float, share: float) -> str:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(Origin())
        bodies = small_pictures(f"{origin.url}/heard")
        houses: list[House] = [
            stack.enter_context(Embedded(folder / "embedded", SETTINGS)),
            stack.enter_context(Distributed(folder / "fleet", SETTINGS)),
        ]
        crowds = [Users(house, bodies) for house in houses]
        with ThreadPoolExecutor(2) as pool:
            most = list(pool.map(lambda crowd: crowd.as_fast_as_they_go(CALIBRATION), crowds))
        print("as fast as they go:", most, [dict(crowd.told) for crowd in crowds], flush=True)
        for crowd in crowds:
            crowd.seconds.clear()
            crowd.told.clear()
        began, over = time.monotonic(), threading.Event()
        samples: list[list[dict[str, Any]]] = [[] for _ in houses]
        OUT.mkdir(exist_ok=True)

        def watch() -> None:
            with (OUT / "soak.jsonl").open("w") as file:
                while True:
                    for house, crowd, known in zip(houses, crowds, samples, strict=True):
                        known.append(sample(house, crowd, began))
                        print(json.dumps({"house": house.name, **known[-1]}), file=file, flush=True)
                    if over.wait(SAMPLED):
                        return

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with ThreadPoolExecutor(2) as pool:
                list(
                    pool.map(
                        lambda crowd, rate: crowd.at_fixed_times(share * rate, minutes * 60), crowds, most
                    )
                )
        finally:
            over.set()
            watcher.join()
        books = [_books(house) for house in houses]
        heard = len(origin.callbacks)
    pages = [
        _page(house, crowd, known, rate, book, f"soak-{number}.png")
        for number, (house, crowd, known, rate, book) in enumerate(
            zip(houses, crowds, samples, most, books, strict=True), 1
        )
    ]
    return "\n".join([*pages, f"Webhooks heard by both together: {heard}.\n"])


def _books(house: House) -> str:
    """Whether balance, use and ledger agree, and whether anything is still open."""
    [(balance, used)] = house.query("SELECT balance, used FROM accounts WHERE name = 'bench'")
    kinds = {str(kind): (int(n), int(total)) for kind, n, total in house.query(
        "SELECT kind, count(*), CAST(sum(amount) AS BIGINT) FROM ledger GROUP BY kind")}  # fmt: skip
    [(unfinished,)] = house.query("SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')")
    right = balance == sum(total for _, total in kinds.values()) == GRANTED - used and unfinished == 0
    settled = kinds["hold"][0] == kinds["capture"][0] + kinds.get("release", (0, 0))[0]
    counted = ", ".join(f"{n} {kind}" for kind, (n, _) in sorted(kinds.items()))
    return f"{counted}; {'sums right' if right and settled else 'sums WRONG'}, {unfinished} unfinished"


def _page(
    house: House, crowd: Users, samples: list[dict[str, Any]], most: float, books: str, plot: str
) -> str:
    """The table and the plots of one house."""
    names = [name for name in samples[-1]["mib"] if any(name in one["mib"] for one in samples)]
    of = {
        field: {
            name: [(one["at"] / 60, one[field][name]) for one in samples if name in one[field]]
            for name in (names if field != "kb" else samples[-1]["kb"])
        }
        for field in ("mib", "handles", "kb")
    }
    tables = {name: line for name, line in of["kb"].items() if name != "blobs"}
    plotted(HERE / plot, of["mib"], "minutes", "MiB", of["handles"], "minutes", "", tables, "minutes", "kB")
    quick = statistics.quantiles(crowd.seconds, n=100)
    told = "; ".join(f"{n} {what}" for what, n in crowd.told.most_common())
    lines = [
        f"### {house.name}",
        "",
        f"{most:.2f} pictures a second as fast as it went, {len(crowd.seconds)} at fixed times: {told}. "
        f"From when one was due to its result p50 {quick[49]:.2f}, p95 {quick[94]:.2f}, "
        f"longest {max(crowd.seconds):.1f} s. Ledger: {books}.",
        "",
        f"![memory, handles, tables]({plot})",
        "",
    ]
    return "\n".join([*lines, *_rows(samples, names)]) + "\n"


def _rows(samples: list[dict[str, Any]], names: list[str]) -> Iterator[str]:
    """How things were at six moments, and how they grew over the second half."""
    last = samples[-1]["at"]
    marks = [next(one for one in samples if one["at"] >= last * part / 5 - 1) for part in range(6)]
    half = [one for one in samples if one["at"] >= last / 2]
    yield (
        "| after | "
        + " | ".join(f"{one['at'] / 60:.0f} min" for one in marks)
        + " | a thousand pictures, second half |"
    )
    yield "|" + " --- |" * 8
    rows: list[tuple[str, Callable[[dict[str, Any]], float | None]]] = [
        ("pictures done", lambda one: one["done"]),
        *((f"{name}, MiB", lambda one, name=name: one["mib"].get(name)) for name in names),
        *((f"{name}, handles", lambda one, name=name: one["handles"].get(name)) for name in names),
        *((f"{name}, kB", lambda one, name=name: one["kb"].get(name)) for name in samples[-1]["kb"]),
        *((f"{name}", lambda one, name=name: one[name]) for name in samples[-1] if name.endswith(" rows")),
    ]
    for name, of in rows:
        points = [(one["done"], of(one)) for one in half]
        known = [(x, y) for x, y in points if y is not None]
        grown = ""
        if len(known) > 2 and name != "pictures done":
            slope = statistics.linear_regression(*zip(*known, strict=True)).slope * 1000
            grown = f"{slope:+.1f}"
        shown = " | ".join("" if of(one) is None else f"{of(one):,.0f}" for one in marks)
        yield f"| {name} | {shown} | {grown} |"


# -- pictures


def pictures(seconds: float = 90) -> str:
    body, lines = form(SAMPLE.read_bytes(), rectangles=SAMPLE_MARK, unit="pixel", sync="1"), []
    kinds: list[tuple[str, Callable[[Path], House]]] = [
        ("SQLite and a folder, one slot", lambda folder: Embedded(folder, SETTINGS)),
        ("PostgreSQL and S3, one worker", lambda folder: Distributed(folder, SETTINGS)),
        ("PostgreSQL and S3, two workers", lambda folder: Distributed(folder, SETTINGS, 2)),
    ]
    for name, made in kinds:
        with tempfile.TemporaryDirectory() as folder, made(Path(folder)) as house:
            crowd = Users(house, [(body, "done")])
            crowd.as_fast_as_they_go(10)
            crowd.seconds.clear()
            crowd.told.clear()
            used = _processor(house)
            rate = crowd.as_fast_as_they_go(seconds)
            spent = {
                part: (after - used.get(part, 0.0)) / len(crowd.seconds)
                for part, after in _processor(house).items()
            }
            told = "; ".join(f"{n} {what}" for what, n in crowd.told.most_common())
            parts = ", ".join(f"{part} {each:.3f}" for part, each in spent.items())
            lines.append((name, f"{rate:.2f} | {parts} | {told}"))
    return table(["", "pictures a second", "seconds of a processor a picture", "came"], lines)


def _processor(house: House) -> dict[str, float]:
    """Seconds of the processor that each process has used."""
    found = {}
    for name, pid in house.processes().items():
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found[name] = (int(words[11]) + int(words[12])) / 100
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["pictures", "soak"])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--share", type=float, default=0.7)
    parser.add_argument("--dry", action="store_true", help="leave bench/SCALE.md as it is")
    options = parser.parse_args()
    measures: dict[str, Callable[[], str]] = {
        "pictures": pictures,
        "soak": lambda: soak(options.minutes, options.share),
    }
    for name in options.parts:
        text = f"`{command()}` on {today()}, {machine()}.\n\n{measures[name]()}"
        print(text, flush=True)
        if not options.dry:
            write(PAGE, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
