"""`cleanplate worker`: works on what servers on the same database accept."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Generator

    from cleanplate.settings import Settings

LOOK_SECONDS = 1.0  # between two looks at whether the worker is alive
STOPS = (signal.SIGINT, signal.SIGTERM)


def worker(
    slots: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Pictures cleaned at the same time; otherwise CLEANPLATE_WORKER__SLOTS, or one a processor.",
        ),
    ] = None,
) -> None:
    """Clean the pictures that servers on the same PostgreSQL accept. SIGTERM: finish what runs, then end."""
    from cleanplate.cli import log
    from cleanplate.cli.serve import loop_factory
    from cleanplate.settings import load

    settings = load(**({"worker": {"slots": slots}} if slots is not None else {}))
    log.configure(settings.log)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_work(settings))


async def _work(settings: Settings) -> None:
    from cleanplate.cli.assembly import worker_alone
    from cleanplate.cli.errors import PartDied
    from cleanplate.cli.probes import probes

    async with worker_alone(settings) as (hand, hears), probes(settings, hand, hears) as port:
        with _stop() as stop:
            told = "" if port is None else f"; /healthz, /readyz and /metrics are on port {port}"
            print(f"cleanplate works on {settings.slots} pictures at a time{told}", flush=True)
            while hand.alive and not stop.is_set():
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await stop.wait()
                except TimeoutError:
                    pass
        if not stop.is_set():
            raise PartDied


@contextmanager
def _stop() -> Generator[asyncio.Event]:
    """Set by a first signal in the block; after it, while the worker drains, a second ends the process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in STOPS:
            loop.remove_signal_handler(number)
