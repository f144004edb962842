#!/usr/bin/env python3
"""Measure the service: what it costs beside the library, whether it loses anything, and its memory.

    python bench/service.py [load] [memory] [large]     all three without a name

load    1,000 native submits over 16 connections against `cleanplate serve`, as it is installed, with SQLite
        and a folder: pictures of one megapixel with a small mark, uploaded, and a rectangle around it. In the
        same run, before and after it, the library does the same pictures in a plain loop, in as many
        processes as the server has slots, as nice as the server's children. Every result is fetched and
        compared with the library's; states, ledger and blobs are looked at in the database and on the disk.
        --mode auto looks for the mark inside the rectangle first (four times the work), fill does not.
memory  10,000 submits of small pictures (so that it ends), 16 at a time, each waited for and fetched; the
        memory of every process of the server every second. Children are not replaced meanwhile.
large   one picture of 100 megapixels through the service: seconds by step, and the peak memory of its child.

Client, server and library share the machine, and whoever else uses it: throughput is by the clock, and beside
it stand the seconds of the processor that a picture costs, which others hardly change. Writes
bench/SERVICE.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from PIL import Image

from page import command, machine, today, write
from plot import lines as lines_of
from service_client import (
    GRANTED,
    MARK,
    PICTURES,
    SLOTS,
    VARIANTS,
    Line,
    account_of,
    form,
    picture,
    rows,
    settings,
    states,
    status_mib,
    table,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from service_client import Body

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from servers import Cleanplate, children  # noqa: E402  # the server as the tests start it

PAGE = HERE / "SERVICE.md"
CONNECTIONS = 16
LARGE = 10_000, 10_000
LARGE_REGION = (9_500, 9_800, 400, 150)
NICE = 5  # as the server's children


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["load", "memory", "large"])
    parser.add_argument("--mode", choices=("fill", "auto"), default="fill", help="of load")
    parser.add_argument("--submits", type=int, help="1,000 of load, 10,000 of memory")
    parser.add_argument("--dry", action="store_true", help="leave bench/SERVICE.md as it is")
    parser.add_argument("--loop", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        return loop(Path(options.loop[0]), options.loop[1])
    measures: dict[str, Callable[[int | None, str], str]] = {"load": load, "memory": memory, "large": large}
    for name in options.parts:
        text = f"`{command()}` on {today()}, {machine()}.\n\n{measures[name](options.submits, options.mode)}"
        print(text, flush=True)
        if not options.dry:
            write(PAGE, f"{name}, {options.mode}" if name == "load" else name, text)
    return 0


# -- load


def load(submits: int | None, mode: str) -> str:
    submits = submits or 1_000
    variants = max(1, min(VARIANTS, submits // 2))  # so that the first half of the loop makes each
    drawn = [picture(*PICTURES["1 MP"], seed) for seed in range(variants)]
    with tempfile.TemporaryDirectory() as folder, Cleanplate(Path(folder, "server"), settings()) as server:
        # Half of the loop before and half after: whoever else uses the machine is there for both.
        first = Library(Path(folder, "first"), drawn, submits // 2, mode)
        before = first.seconds()
        token = account_of(server)
        spent, started = processor_seconds(server), time.time()
        answers, ids = submitted(server, token, [form(data, mode=mode) for data in drawn], submits)
        wait_for(lambda: states(server).keys() <= {"done", "failed"})
        spent = processor_seconds(server) - spent
        removals = listed(server, token)
        second = Library(Path(folder, "second"), drawn, submits - submits // 2, mode)
        after = second.seconds()
        wrong = differing(server, removals, ids, first.results())
        lines = checks(server, submits, ids, removals, wrong)
    waits = [one["finished_at"] - one["created_at"] for one in removals]
    took = max(one["finished_at"] for one in removals) - started
    ratio, worked = (before + after) / took, first.worked + second.worked
    rows = [
        ("pictures a second, library", f"{submits / (before + after):.2f}"),
        ("pictures a second, service", f"{submits / took:.2f}"),
        ("service / library", f"**{ratio:.2f}**"),
        ("processor seconds a picture, library", f"{worked / submits:.3f}"),
        ("processor seconds a picture, service with its children", f"{spent / submits:.3f}"),
        ("library / service, by the processor", f"**{worked / spent:.2f}**"),
        ("submit to its answer, p50 and p95", f"{percentiles(answers, 1000)} ms"),
        ("submit to its result, p50 and p95", f"{percentiles(waits, 1)} s; all were submitted at once"),
    ]
    return table([f"{submits} submits, {CONNECTIONS} connections, {SLOTS} slots", ""], [*rows, *lines])


class Library:
    """The library in a plain loop, in as many processes as the server has slots."""

    def __init__(self, folder: Path, drawn: list[bytes], pictures: int, mode: str) -> None:
        folder.mkdir()
        for number, data in enumerate(drawn):
            (folder / f"{number}.jpg").write_bytes(data)
        self._folder, self._variants = folder, len(drawn)
        self.worked = 0.0  # seconds of the processor
        self._processes = [
            subprocess.Popen(
                [sys.executable, __file__, "--loop", str(folder), mode],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(SLOTS)
        ]
        for number, process in enumerate(self._processes):
            assert process.stdin is not None
            assert process.stdout is not None
            share = list(range(pictures))[number::SLOTS]
            process.stdin.write(json.dumps([one % len(drawn) for one in share]) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"

    def seconds(self) -> float:
        """How long all of them take together, loading not counted."""
        started = time.perf_counter()
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in self._processes:
            self.worked += float(process.communicate()[0])
        assert all(process.returncode == 0 for process in self._processes)
        return time.perf_counter() - started

    def results(self) -> list[np.ndarray]:
        """The pixels that it made of each variant."""
        return [decoded((self._folder / f"{number}.clean").read_bytes()) for number in range(self._variants)]


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)))


def processor_seconds(server: Cleanplate) -> float:
    """What the server and its children have used so far, those that have ended included."""
    assert server.process is not None
    ticks = 0
    for pid in (server.process.pid, *children(server.process.pid)):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, words[11:15] if pid == server.process.pid else words[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def loop(folder: Path, mode: str) -> int:
    """In a process of its own: removals from bytes to bytes, one after the other."""
    from cleanplate import Rectangle, Rectangles, models, remove

    share = json.loads(sys.stdin.readline())
    data = {number: (folder / f"{number}.jpg").read_bytes() for number in set(share)}
    cv2.setNumThreads(1)
    models.configure(threads=1)
    os.nice(NICE)
    region = Rectangles((Rectangle(*MARK),), "fraction")
    remove(data[share[0]], region, mode).encode(quality=95)  # loads what is loaded once
    print("ready", flush=True)
    sys.stdin.readline()
    worked = time.process_time()
    for number in share:
        made = remove(data[number], region, mode).encode(quality=95)
        (folder / f"{number}.clean").write_bytes(made)
    print(time.process_time() - worked)
    return 0


def submitted(
    server: Cleanplate, token: str, bodies: list[Body], submits: int
) -> tuple[list[float], dict[str, int]]:
    """Submit over `CONNECTIONS` connections, as fast as answers come: seconds of each, ids with variants."""
    numbers = count()
    answers: list[float] = []
    ids: dict[str, int] = {}

    def talk(_: int) -> None:
        line = Line(server, token)
        while (number := next(numbers)) < submits:
            started = time.perf_counter()
            status, told = line.ask("POST", "/v1/removals", *bodies[number % len(bodies)])
            answers.append(time.perf_counter() - started)
            if status != 202:
                raise SystemExit(f"a submit was answered with {status}: {told[:200]!r}")
            ids[json.loads(told)["id"]] = number % len(bodies)

    with ThreadPoolExecutor(CONNECTIONS) as talkers:
        list(talkers.map(talk, range(CONNECTIONS)))
    return answers, ids


def listed(server: Cleanplate, token: str) -> list[dict[str, Any]]:
    """All removals of the account, page after page."""
    line, found, cursor = Line(server, token), [], ""
    while True:
        _, told = line.ask("GET", f"/v1/removals?limit=200{cursor}")
        page = json.loads(told)
        found += page["removals"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def differing(
    server: Cleanplate, removals: list[dict[str, Any]], ids: dict[str, int], expected: list[np.ndarray]
) -> int:
    """Fetch every result: how many have not the very pixels of what the library made."""
    line, wrong = Line(server, ""), 0
    for one in removals:
        address = urlsplit(one["result"]["url"]) if one["result"] else None
        data = line.ask("GET", f"{address.path}?{address.query}")[1] if address else b""
        wrong += not (data and np.array_equal(decoded(data), expected[ids[one["id"]]]))
    return wrong


def checks(
    server: Cleanplate,
    submits: int,
    ids: dict[str, int],
    removals: list[dict[str, Any]],
    wrong: int,
) -> list[tuple[str, str]]:
    """What must be true afterwards, as it was found."""
    done = Counter(one["state"] for one in removals)
    ledger = dict(rows(server, "SELECT kind, count(*) FROM ledger GROUP BY kind"))
    [(balance, used, total)] = rows(
        server,
        "SELECT balance, used, (SELECT sum(amount) FROM ledger WHERE account_id = accounts.id) FROM accounts "
        "WHERE name = 'bench'",
    )
    charged = rows(server, "SELECT count(DISTINCT task_id) FROM ledger WHERE kind = 'capture'")[0][0]
    blobs = [one for one in (server.folder / "data/blobs").rglob("*") if one.is_file()]
    sums = (balance, total, used, charged) == (GRANTED - submits, GRANTED - submits, submits, submits)
    return [
        (
            "accepted, done, lost",
            f"{len(ids)}, {done['done']}, {len(set(ids) - {one['id'] for one in removals})}",
        ),
        ("results unlike the library's", str(wrong)),
        ("ledger", f"{ledger}; sums {'right' if sums else f'WRONG: {balance}, {total}, {used}, {charged}'}"),
        (
            "blobs left",
            f"{len(blobs)}, one result a picture" if len(blobs) == submits else f"WRONG: {len(blobs)}",
        ),
    ]


def percentiles(values: list[float], scale: float) -> str:
    parts = statistics.quantiles(values, n=20)
    return f"{parts[9] * scale:.1f} and {parts[18] * scale:.1f}"


# -- memory


def memory(submits: int | None, _: str) -> str:
    submits = submits or 10_000
    drawn = [picture(*PICTURES["small"], seed) for seed in range(VARIANTS)]
    bodies = [form(data, mode="fill", sync="1") for data in drawn]
    numbers = count()
    samples: list[tuple[int, dict[str, float]]] = []
    over = threading.Event()
    done: list[float] = []
    more = settings() | {"WORKER__CHILD_TASKS": 10 * submits}
    with tempfile.TemporaryDirectory() as folder, Cleanplate(Path(folder), more) as server:
        token = account_of(server)

        def watch() -> None:
            while not over.wait(1):
                samples.append((len(done), sizes(server)))

        def talk(_: int) -> None:
            line = Line(server, token)
            while (number := next(numbers)) < submits:
                status, told = line.ask("POST", "/v1/removals", *bodies[number % VARIANTS])
                known = json.loads(told)
                if status != 200 or known["state"] != "done":
                    raise SystemExit(f"a picture was answered with {status}: {told[:300]!r}")
                address = urlsplit(known["result"]["url"])
                line.ask("GET", f"{address.path}?{address.query}")
                done.append(time.time())

        watcher = threading.Thread(target=watch)
        watcher.start()
        started = time.time()
        try:
            with ThreadPoolExecutor(CONNECTIONS) as talkers:
                list(talkers.map(talk, range(CONNECTIONS)))
        finally:
            over.set()
            watcher.join()
        seconds = time.time() - started
        samples.append((len(done), sizes(server)))
        states_then = states(server)
    names = samples[-1][1]
    series = {name: [(n, known[name]) for n, known in samples if name in known] for name in names}
    lines_of(HERE / "service-memory.png", series, "pictures done", "MiB")
    lines = [
        f"{submits} pictures in {seconds:.0f} s, {dict(states_then)}",
        "",
        "![memory](service-memory.png)",
        "",
    ]
    marks = (submits // 10, submits // 2, submits)
    head = (
        "| MiB after | " + " | ".join(f"{one:,}" for one in marks) + " | growth, kB a picture, second half |"
    )
    lines += [head, "|" + " --- |" * (len(marks) + 2)]
    for name in samples[-1][1]:
        at = [next(known[name] for n, known in samples if n >= mark and name in known) for mark in marks]
        half = [(n, known[name]) for n, known in samples if n >= submits // 2 and name in known]
        slope = float(np.polyfit(*zip(*half, strict=True), 1)[0]) * 1024 if len(half) > 2 else float("nan")
        lines.append(f"| {name} | " + " | ".join(f"{one:.0f}" for one in at) + f" | {slope:.2f} |")
    return "\n".join(lines) + "\n"


def sizes(server: Cleanplate) -> dict[str, float]:
    """MiB in memory of the server and of each of its children, the oldest first."""
    assert server.process is not None
    pids = [server.process.pid, *sorted(children(server.process.pid))]
    names = ["server", *(f"child {number}" for number in range(1, len(pids)))]
    found: dict[str, float] = {}
    for name, pid in zip(names, pids, strict=True):
        found[name] = status_mib(pid, "VmRSS")
    return found


# -- large


def large(_: int | None, __: str) -> str:
    width, height = LARGE
    data = picture(width, height, 0, LARGE_REGION)
    x, y, across, down = LARGE_REGION
    area = json.dumps([{"x": x, "y": y, "width": across, "height": down}])
    more = settings() | {"WORKER__SLOTS": 1, "PICTURE__DECODE_SECONDS": 60, "TASK__WORK_SECONDS": 120}
    lines = ["| mode | " + " | ".join(("decode", "find", "undo", "fill", "compose", "encode")) + " | all, s "
             "| peak of the child, MiB | peak of the server, MiB |", "|" + " --- |" * 10]  # fmt: skip
    for mode in ("fill", "auto"):
        with tempfile.TemporaryDirectory() as folder, Cleanplate(Path(folder), more) as server:
            assert server.process is not None
            body = form(data, mode=mode, rectangles=area, unit="pixel")
            line = Line(server, account_of(server))
            status, told = line.ask("POST", "/v1/removals", *body)
            if status != 202:
                raise SystemExit(f"{status}: {told[:300]!r}")
            known = {"state": "queued", "id": json.loads(told)["id"]}
            while known["state"] in {"queued", "running"}:
                known = json.loads(line.ask("GET", f"/v1/removals/{known['id']}?wait=20")[1])
            if known["state"] != "done":
                raise SystemExit(f"{known['error']}")
            peaks = [status_mib(pid, "VmHWM") for pid in children(server.process.pid)]
            steps = known["result"]["timings"]
            named = " | ".join(f"{steps.get(step, 0):.2f}" for step in
                               ("decode", "find", "undo", "fill", "compose", "encode"))  # fmt: skip
            all_ = sum(steps.values())
            own = status_mib(server.process.pid, "VmHWM")
            lines.append(f"| {mode} | {named} | {all_:.1f} | {max(peaks):.0f} | {own:.0f} |")
    first = f"{width} × {height} pixels, a JPEG of {len(data) / 2**20:.0f} MiB, region {across} × {down}."
    return "\n".join([first, "", *lines]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
