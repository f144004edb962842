"""A model hub for tests, on a free port of this machine."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 1024  # a quarter of a MiB: some pieces of a download
HOLD_SECONDS = 60  # longest that an answer is held back; a test that needs longer has failed


class Hub:
    """Serves one file below any path, and can be told to misbehave."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.paths: list[str] = []
        self.failures: list[int] = []  # statuses that are answered before all is well
        self.cut_after: int | None = None  # bytes after which the connection is dropped
        self.held_after: int | None = None  # bytes after which nothing more comes
        self.declares_length = True
        self.held = threading.Event()
        self.released = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.paths.append(self.path)
                if hub.failures:
                    self.send_error(hub.failures.pop(0))
                    return
                with contextlib.suppress(OSError):
                    self._answer()

            def _answer(self) -> None:
                self.send_response(200)
                if hub.declares_length:
                    self.send_header("Content-Length", str(len(hub.content)))
                self.end_headers()
                stop = hub.cut_after if hub.cut_after is not None else hub.held_after
                self.wfile.write(hub.content[:stop])
                if hub.held_after is not None:
                    self.wfile.flush()
                    hub.held.set()
                    hub.released.wait(HOLD_SECONDS)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
