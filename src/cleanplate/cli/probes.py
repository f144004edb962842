"""What a worker tells those who look after it: whether it lives, whether it hears, and its figures."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cleanplate import metrics
from cleanplate.cli.serve import listen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from starlette.requests import Request

    from cleanplate.settings import Settings
    from cleanplate.worker import Worker


@asynccontextmanager
async def probes(settings: Settings, worker: Worker, hears: Callable[[], bool]) -> AsyncGenerator[int | None]:
    """Answer `/healthz`, `/readyz` and `/metrics` while the block runs, if a port is set.

    Args:
        settings: the section `worker` names the port.
        worker: 503 from `/healthz` when it takes no tasks any more: it must be started again.
        hears: whether it hears of new tasks; else 503 from `/readyz`, and starting it again would not help.

    Yields:
        the port.

    Raises:
        AddressTaken: with what to do about it.
    """
    if settings.worker.port is None:
        yield None
        return

    def state(*, good: bool) -> Response:
        return PlainTextResponse("ok" if good else "not working", 200 if good else 503)

    async def healthz(_: Request) -> Response:
        return state(good=worker.alive)

    async def readyz(_: Request) -> Response:
        return state(good=worker.alive and hears())

    async def figures(_: Request) -> Response:
        return Response(metrics.page(), media_type=metrics.CONTENT_TYPE)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]
    with listen(settings.worker.host, settings.worker.port) as listener:
        server = _Server(Starlette(routes=routes))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait([serving])


class _Server(uvicorn.Server):
    """uvicorn, leaving signals to the worker."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
