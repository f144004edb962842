"""`cleanplate serve`: the whole service in one process, or the part of it that answers."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cleanplate.account import Accounts
    from cleanplate.cli.assembly import Service
    from cleanplate.cli.server import Server
    from cleanplate.settings import Settings

LOOK_SECONDS = 1.0  # between two looks at whether the worker is alive
BACKLOG = 2048
SAMPLE = Path("samples/lake.jpg")
SAMPLE_RECTANGLES = '[{"x":36,"y":462,"width":236,"height":54}]'
SAVE = (
    "import json,sys,urllib.request as u; a=json.load(sys.stdin); "
    'u.urlretrieve(a["data"]["image"], "clean.jpg"); print("saved clean.jpg")'
)


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; otherwise CLEANPLATE_HTTP__HOST, or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port to listen on, 0 for a free one; otherwise CLEANPLATE_HTTP__PORT, or 8080.",
        ),
    ] = None,
    no_worker: Annotated[
        bool,
        typer.Option(
            "--no-worker", help="Only answer; `cleanplate worker` does the work, here or elsewhere."
        ),
    ] = False,
) -> None:
    """Serve the HTTP APIs. The first start makes an admin token and shows it once."""
    from cleanplate.cli import log
    from cleanplate.settings import load

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load(**({"http": given} if given else {}))
    log.configure(settings.log)
    with (
        listen(settings.http.host, settings.http.port) as listener,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        runner.run(_serve(settings, listener, works=not no_worker))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        AddressTaken: with what to do about it.
    """
    from cleanplate.cli.errors import AddressTaken

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # `create_server` adds to the reason; getaddrinfo has negative numbers of its own.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise AddressTaken(
            f"Cannot listen on {host}, port {port} ({reason}): choose others with --host and --port."
        ) from error


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop's, where there is one."""
    try:
        import uvloop
    except ImportError:  # not made for every system; asyncio's own loop is only slower
        return None
    return uvloop.Loop


async def _serve(settings: Settings, listener: socket.socket, *, works: bool) -> None:
    from cleanplate.cli.assembly import assembled
    from cleanplate.cli.errors import PartDied
    from cleanplate.cli.server import Server

    async with assembled(settings, works=works) as service:

        async def ready() -> None:
            await _greet(settings, service.accounts, _address(listener))

        server = Server(service.app, settings.worker.drain_seconds, ready)
        watch = asyncio.create_task(_watch(service, server))
        try:
            await server.serve([listener])
        finally:
            watch.cancel()
        if not service.alive:
            raise PartDied


async def _watch(service: Service, server: Server) -> None:
    """Stop serving when nobody is left to work on what is asked for."""
    while service.alive:  # noqa: ASYNC110  # its end has no event
        await asyncio.sleep(LOOK_SECONDS)
    server.should_exit = True


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # compared with, not listened on
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _greet(settings: Settings, accounts: Accounts, address: str) -> None:
    """Say where the server is, and the very first time with which token, and how to try it."""
    lines = [f"cleanplate listens on {address}"]
    token = None
    if settings.account.require_token:
        if await accounts.list_tokens():
            lines += ["Its tokens: cleanplate token list. Another one: cleanplate token create NAME"]
        else:
            _, token = await accounts.create_token(token_name="first", admin=True)  # noqa: S106  # a name
            lines += ["", "Your first token, an admin's. It is shown only this once:", "", f"  {token}"]
    if token is not None or not settings.account.require_token:
        here = f"Open {address} in a browser, or try it here:" if settings.http.console else "Try it:"
        lines += ["", here, "", *_example(address, token), ""]
    print("\n".join(lines), flush=True)


def _example(address: str, token: str | None) -> list[str]:
    """A command that works as it is pasted."""
    picture = SAMPLE if SAMPLE.is_file() else Path("photo.jpg")
    lines = [f"curl -s {address}/task/pic/watermark"]
    if token:
        lines += [f'-H "Authorization: Bearer {token}"']
    lines += [
        f"-F image_file=@{picture}",
        f"-F {shlex.quote(f'rectangles={SAMPLE_RECTANGLES}')}",
        "-F sync=1",
    ]
    return [f"  {' '.join(lines)} \\", f"    | python3 -c {shlex.quote(SAVE)}"]
