"""PostgreSQL and an S3 server as processes of this test run, on free ports of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

START_SECONDS = 30
STOP_SECONDS = 30
ACCESS_KEY, SECRET_KEY = "test-access", "test-secret-of-the-s3-server"
BUCKET = "pictures"


class Unavailable(Exception):
    """This machine cannot run the server; the message says what is missing."""


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


@functools.cache
def postgres_programs() -> Path:
    """The folder of `initdb` and `postgres`; Debian keeps them off the PATH."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Unavailable("no PostgreSQL server on this machine: install Debian's package postgresql")


def _nobody_in_particular() -> str | None:
    """PostgreSQL refuses root; someone who may own the data then."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise Unavailable("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


class Postgres:
    """A PostgreSQL server with its data in a temporary folder; `postgres` without a password is its owner.

    Args:
        host: address to listen on.
        durable: whether commits wait for the disk, as in production; otherwise tests are quicker.
        settings: further ones, as in postgresql.conf.
    """

    def __init__(self, host: str = "127.0.0.1", *, durable: bool = False, **settings: object) -> None:
        self.host = host
        self.port = 0
        self._programs = postgres_programs()
        self._user = _nobody_in_particular()
        self.folder = Path(tempfile.mkdtemp(prefix="cleanplate-postgres-"))
        self._settings = {
            "listen_addresses": host,
            "unix_socket_directories": "",
            "fsync": "on" if durable else "off",
            "shared_buffers": "64MB",
            "max_connections": 200,
            "log_min_messages": "warning",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(self.folder, self._user)

    def __enter__(self) -> Self:
        initdb = [
            *(self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres"),
            *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        ]
        subprocess.run(initdb, check=True, capture_output=True, user=self._user, cwd=self.folder)
        with (self.folder / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        self.port = free_port(self.host)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.folder,
            )
        until = time.monotonic() + START_SECONDS
        while (refusal := self._refusal()) is not None:
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop(signal.SIGKILL)
                raise AssertionError((self.folder / "log.txt").read_text()) from refusal
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT ends every connection and shuts down in order, SIGQUIT is like a crash."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(STOP_SECONDS)
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres@{self.host}:{self.port}/{database}"

    def query(self, sql: str, *arguments: object, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside of any event loop."""

        async def ask() -> list[tuple[object, ...]]:
            import asyncpg

            connection = await asyncpg.connect(self.dsn(database))
            try:
                return [tuple(row) for row in await connection.fetch(sql, *arguments)]
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:  # the caller's own may have an event loop that runs
            return thread.submit(asyncio.run, ask()).result()

    def dsn(self, database: str) -> str:
        return self.url(database).replace("+asyncpg", "")

    def create(self, template: str = "template1") -> str:
        """A new database, a copy of `template`; its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.query(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        self.query(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def _refusal(self) -> Exception | None:
        """Why it does not answer yet; None as soon as it does."""
        try:
            self.query("SELECT 1")
        except Exception as error:  # noqa: BLE001  # it is still starting, in one of many ways
            return error
        return None


class S3:
    """`rclone serve s3` with one empty bucket: real HTTP, and signatures that are really checked.

    Args:
        host: address to listen on.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._program = Path(sys.executable).parent / "rclone"
        if not self._program.exists():
            raise Unavailable("no rclone beside this Python: install the tools for tests (make setup)")
        self.host = host
        self.port = 0
        self.folder = Path(tempfile.mkdtemp(prefix="cleanplate-s3-"))
        (self.folder / "buckets" / BUCKET).mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.port = free_port(self.host)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._program, "serve", "s3", self.folder / "buckets"),
                    *("--addr", f"{self.host}:{self.port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"),
                    *("--config", os.devnull, "--cache-dir", self.folder / "cache"),
                ],
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1):
                return
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop(signal.SIGKILL)
                raise AssertionError((self.folder / "log.txt").read_text())
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(STOP_SECONDS)
        self._process = None
