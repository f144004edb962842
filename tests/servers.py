"""Real servers for tests: ours as a process of its own, and the ones that it talks to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

COMMAND = [sys.executable, "-c", "from cleanplate.cli import main; main()"]
START_SECONDS = 60
STOP_SECONDS = 60
HOLD_SECONDS = 60  # longest that an origin holds an answer back; a test that needs longer has failed


class Origin:
    """Somebody else's web server on a free port of this machine: serves files, takes callbacks.

    Args:
        context: for HTTPS; None serves HTTP.
        host: address to listen on.
    """

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.files: dict[str, bytes] = {}
        self.asked = threading.Event()  # something below /held/ has been asked for
        self.released = threading.Event()  # what is below /held/ is answered from then on
        self.slow_seconds = 0.0  # how long each answer to what is below /slow/ takes
        self.callbacks: list[tuple[str, dict[str, str], bytes]] = []
        self._changed = threading.Condition()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/held/"):
                    origin.asked.set()
                    origin.released.wait(HOLD_SECONDS)
                if self.path.startswith("/slow/"):
                    time.sleep(origin.slow_seconds)
                data = origin.files.get(self.path.rpartition("/")[2])
                with contextlib.suppress(OSError):  # who asked may have been killed meanwhile
                    self.send_response(200 if data else 404)
                    self.send_header("Content-Length", str(len(data or b"")))
                    self.end_headers()
                    self.wfile.write(data or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                with origin._changed:
                    origin.callbacks.append((self.path, dict(self.headers.items()), body))
                    origin._changed.notify_all()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that was killed is no news
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        scheme = "https" if context else "http"
        self.port = self._server.server_port
        self.url = f"{scheme}://{host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for_callbacks(self, enough, seconds: float = 60) -> list[tuple[str, dict[str, str], bytes]]:
        """All callbacks so far, once `enough(callbacks)` is true."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.callbacks), seconds), (
                f"only {len(self.callbacks)} callbacks came in {seconds} s"
            )
            return list(self.callbacks)


@dataclass
class Cleanplate:
    """`cleanplate serve` as a process with its data in a folder; `settings` are its variables."""

    folder: Path
    settings: dict[str, object] = field(default_factory=dict)
    port: int = 0
    token: str | None = None
    greeting: str = ""
    process: subprocess.Popen[str] | None = None
    arguments: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    before: tuple[str, ...] = ()  # the command that runs it, such as one that enters a network namespace

    def start(self) -> Self:
        """Start it and wait until it listens; the port and the first token are kept for later starts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(*self.before, *COMMAND, "serve"),
                    *("--host", self.host, "--port", str(self.port), *self.arguments),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                env=self.environment,
            )
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        self.greeting = ""
        try:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.greeting += line
                if "token list" in line or "python3 -c" in line:  # its last line, on later and first starts
                    break
        finally:
            watchdog.cancel()
        listening = re.search(r"listens on (http://\S+:(\d+))", self.greeting)
        assert listening, f"it did not start:\n{self.greeting}\n{self.log}"
        self.port = int(listening[2])
        if shown := re.search(r"^  (cp_\S+)$", self.greeting, re.MULTILINE):
            self.token = shown[1]
        return self

    @property
    def environment(self) -> dict[str, str]:
        """The process's variables: this one's without any of cleanplate's, then `settings`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CLEANPLATE_")}
        given = {
            f"CLEANPLATE_{name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.settings.items()
        }
        return inherited | given

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def run(self, *arguments: str) -> str:
        """Another command on the same data; its output."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended; the exit status."""
        assert self.process is not None
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end()


def children(pid: int) -> list[int]:
    """The process ids of a process's children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found
