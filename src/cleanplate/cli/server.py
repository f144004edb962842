"""uvicorn, told to leave the end of the process to us."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Generator

    from fastapi import FastAPI

STOPS = (signal.SIGINT, signal.SIGTERM)
KEEP_ALIVE = 75  # seconds that an idle connection is kept, as in nginx: longer than most clients keep theirs,
# so that it is they who close it, and none sends a picture into a connection that was just closed


class Server(uvicorn.Server):
    """Serves an app until a signal or `should_exit`, and says when it is ready.

    uvicorn raises a signal again when it has stopped, which would end the process before the worker has
    drained. Here a first signal stops serving and a second, while the worker drains, ends the process.

    Args:
        app: what to serve.
        drain_seconds: how long requests that are being answered may take when it stops.
        on_ready: called when connections are taken.
    """

    def __init__(self, app: FastAPI, drain_seconds: float, on_ready: Callable[[], Awaitable[None]]) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `http.trust_forwarded` decides
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, then say so."""
        await super().startup(sockets)
        await self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send away who only listens, then let the other requests end."""
        desk = getattr(self._app.state, "desk", None)
        if desk is not None:  # the app of a worker alone has nobody who listens
            desk.listeners.closing.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop serving at a signal."""
        loop = asyncio.get_running_loop()
        for stop in STOPS:
            loop.add_signal_handler(stop, self.handle_exit, stop, None)
        try:
            yield
        finally:
            for stop in STOPS:
                loop.remove_signal_handler(stop)
