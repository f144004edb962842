"""Several servers and workers on one PostgreSQL and one S3 server, as processes that can be killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from backends import ACCESS_KEY, BUCKET, SECRET_KEY
from servers import COMMAND, START_SECONDS, STOP_SECONDS, Cleanplate

if TYPE_CHECKING:
    from pathlib import Path

    from backends import S3, Postgres


@dataclass
class Hand(Cleanplate):
    """`cleanplate worker` as a process."""

    slots: int = 1

    def start(self) -> Self:
        """Start it and wait until it works."""
        self.begin()
        self.greet()
        return self

    def begin(self) -> None:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("a") as log:
            self.process = subprocess.Popen(
                [*self.before, *COMMAND, "worker", "--slots", str(self.slots)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                env=self.environment,
            )

    def greet(self) -> None:
        """Wait until it works, or has ended."""
        assert self.process is not None
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        try:
            assert self.process.stdout is not None
            said = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        assert said.startswith("cleanplate works"), f"it did not start:\n{self.log}"
        self.greeting = said
        if port := re.search(r"on port (\d+)", said):
            self.port = int(port[1])


@dataclass
class Fleet:
    """Servers that only answer, workers that only work, on the same database and blobs.

    Args:
        folder: for logs.
        postgres, database: where the tasks are.
        s3: where the pictures are.
        settings: variables for every process.
    """

    folder: Path
    postgres: Postgres
    database: str
    s3: S3
    settings: dict[str, object] = field(default_factory=dict)
    servers: list[Cleanplate] = field(default_factory=list)
    workers: list[Hand] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, object]:
        """What every process is given."""
        return {
            "DATABASE__URL": self.postgres.url(self.database),
            "BLOBS__URL": f"s3://{BUCKET}/{self.database}",
            "BLOBS__ENDPOINT": self.s3.endpoint,
            "BLOBS__ACCESS_KEY": ACCESS_KEY,
            "BLOBS__SECRET_KEY": SECRET_KEY,
            "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
            "LOG__FORMAT": "json",
            **self.settings,
        }

    def add_server(self, **changes: object) -> Cleanplate:
        number = len(self.servers)
        server = Cleanplate(
            self.folder / f"server{number}", self.variables, arguments=("--no-worker",), **changes
        )
        self.servers.append(server.start())
        return server

    def add_worker(self, **changes: object) -> Hand:
        number = len(self.workers)
        hand = Hand(self.folder / f"worker{number}", {**self.variables, "WORKER__PORT": "0"}, **changes)
        self.workers.append(hand.start())
        return hand

    def query(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        return self.postgres.query(sql, *arguments, database=self.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self.servers, *self.workers):
            if one.process is not None and one.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.process.pid, signal.SIGCONT)
                one.process.send_signal(signal.SIGTERM)
        for one in (*self.servers, *self.workers):
            if one.process is not None:
                try:
                    one.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    one.process.kill()
                    one.process.wait()
                if one.process.stdout is not None:
                    one.process.stdout.close()


def until(true, seconds: float = 120, what: str = "it did not come true") -> float:
    """Look again and again until something is true; how long that took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() < begun + seconds, what() if callable(what) else what
        time.sleep(0.05)
    return time.monotonic() - begun
