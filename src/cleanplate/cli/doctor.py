"""`cleanplate doctor`: what is installed, what works, and what to do about what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
import time
import uuid
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import typer

from cleanplate.errors import CleanplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from cleanplate.settings import Settings

LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "pillow",
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "asyncpg",
    "pgqueuer",
    "obstore",
)
MiB = 1024 * 1024
HEAR_SECONDS = 5

Finding = tuple[bool, str, str]
"""Whether it is well, what was looked at, and what was found."""


def doctor() -> None:
    """Look at everything that cleanplate stands on. Exit status 1 when something is wrong."""
    from cleanplate.cli.doctor_networks import networks
    from cleanplate.settings import load

    settings = load()
    well = True
    for look in (_versions, _decoders, networks, _machine, _storage, _database, _network, _traces):
        for good, name, found in _guarded(look, settings):
            well = well and good
            print(f"{'ok  ' if good else 'BAD '} {name}: {found}")
    raise typer.Exit(0 if well else 1)


def _guarded(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    """The findings of one look; what stops it is a finding, too."""
    try:
        yield from look(settings)
    except CleanplateError as error:
        yield False, look.__name__.strip("_"), f"{error.public_message} {error.detail or ''}".strip()
    except Exception as error:  # noqa: BLE001  # a doctor must not fall ill
        yield False, look.__name__.strip("_"), f"{type(error).__name__}: {error}"


def _versions(_settings: Settings) -> Iterator[Finding]:
    yield True, "cleanplate", f"{metadata.version('cleanplate')} on Python {platform.python_version()}"
    yield True, "libraries", ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)


def _decoders(_settings: Settings) -> Iterator[Finding]:
    import cv2
    import numpy as np
    from PIL import features

    from cleanplate.picture import decode, encode, from_array

    tried: list[str] = []
    failed: list[str] = []
    gradient = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None] * 8, (32, 32, 3)).copy()
    for name in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"):
        try:
            decode(encode(from_array(gradient), name))
        except CleanplateError as error:
            failed.append(f"{name} ({error.public_message})")
        else:
            tried.append(name)
    yield (
        not failed,
        "pictures",
        f"{', '.join(tried)}, GIF" + (f"; not {', '.join(failed)}" if failed else ""),
    )
    yield True, "HEIC", _heic()
    profiles = features.version("littlecms2")
    yield profiles is not None, "colour profiles", f"LittleCMS {profiles}"
    names = sorted(name for name in _distributions() if name.startswith("opencv"))
    one = len(names) == 1
    yield (
        one,
        "OpenCV",
        f"{cv2.__version__}, {cv2.getNumberOfCPUs()} processors"
        + ("" if one else f"; {' and '.join(names)} share one name: keep opencv-python-headless only"),
    )


def _heic() -> str:
    try:
        return f"pi-heif {metadata.version('pi-heif')}"
    except metadata.PackageNotFoundError:
        return 'not installed; to read HEIC: pip install "cleanplate[heic]"'


def _distributions() -> set[str]:
    return {str(found.metadata["Name"]).lower() for found in metadata.distributions()}


def _machine(settings: Settings) -> Iterator[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MiB
    most = (settings.slots + 1) * settings.worker.child_memory_mib  # one more looks at uploads
    found = f"{os.cpu_count()} processors, {memory} MiB; {settings.slots} slots may take {most} MiB"
    if most > memory:
        found += ": set fewer CLEANPLATE_WORKER__SLOTS or less CLEANPLATE_WORKER__CHILD_MEMORY_MIB to be safe"
    yield True, "machine", found


def _storage(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.blobs_url)
    if parts.scheme != "file":
        asyncio.run(_try_blobs(settings))
        at = f" at {settings.blobs.endpoint}" if settings.blobs.endpoint else ""
        yield True, "storage", f"{settings.blobs_url}{at}, written, read and removed"
        return
    folder = Path(unquote(parts.path))
    there = folder
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield (
            False,
            "storage",
            f"{there} cannot be written ({error.strerror}): set CLEANPLATE_DATA_DIR",
        )
        return
    disk = os.statvfs(there)
    free = disk.f_bavail * disk.f_frsize // MiB
    made = "" if there == folder else ", made at the first start"
    yield free > settings.http.max_body_bytes // MiB, "storage", f"{folder}, {free} MiB free{made}"


async def _try_blobs(settings: Settings) -> None:
    from cleanplate.store import Blobs

    blobs = Blobs(settings.blobs_url, settings.blobs)
    key = f"doctor/{uuid.uuid4()}"
    await blobs.put(key, b"cleanplate doctor")
    await blobs.get(key)
    await blobs.delete([key])


def _database(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.database_url)
    file = Path(unquote(parts.path.removeprefix("/")))
    if parts.scheme.startswith("sqlite") and not file.exists():
        yield True, "database", f"{file}, made at the first start"
        return
    level, newest, depth = asyncio.run(_look_into(settings))
    name = file if parts.scheme.startswith("sqlite") else f"{parts.scheme}://{parts.hostname}{parts.path}"
    if level == newest:
        yield True, "database", f"{name}, tables of level {level}"
    else:
        yield True, "database", f"{name}, tables of level {level}; the next start brings them to {newest}"
    if not parts.scheme.startswith("sqlite"):
        yield True, "wake-ups", asyncio.run(_hear(settings))
    if depth is not None:
        full = depth >= settings.task.max_queued
        yield not full, "queue", f"{depth} of {settings.task.max_queued} tasks unfinished"


async def _hear(settings: Settings) -> str:
    """Say something on the line to the database, and wait until it is heard."""
    from cleanplate.cli.errors import WakeupsUnheard
    from cleanplate.store import Database

    line = Database(settings.database_url, settings.database.busy_seconds).line()
    assert line is not None  # noqa: S101  # only asked of a database that has one
    heard = asyncio.Event()
    channel = f"cleanplate_doctor_{os.getpid()}"
    async with line:
        await line.listen(channel, lambda _: heard.set())
        begun = time.monotonic()
        await line.notify(channel, "well?")
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                await heard.wait()
        except TimeoutError:
            raise WakeupsUnheard from None
    return f"over PostgreSQL's LISTEN and NOTIFY, heard after {(time.monotonic() - begun) * 1000:.0f} ms"


async def _look_into(settings: Settings) -> tuple[str | None, str | None, int | None]:
    """The database's level, this version's, and how many tasks are unfinished when it has tables."""
    from cleanplate.store import Database

    db = Database(settings.database_url, settings.database.busy_seconds)
    try:
        async with db.read() as connection:
            level, newest = await connection.run_sync(_levels)
            depth = None
            if level is not None:
                from cleanplate.store.queries import tasks

                depth = await tasks.count_unfinished(connection)
    finally:
        await db.close()
    return level, newest, depth


def _levels(connection: Connection) -> tuple[str | None, str | None]:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from cleanplate.store.database import migrations

    newest = ScriptDirectory.from_config(migrations(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision(), newest


def _network(settings: Settings) -> Iterator[Finding]:
    allowed = ", ".join(str(network) for network in settings.fetch.allow_networks)
    found = "public addresses only" + (f", and {allowed}" if allowed else "")
    if settings.fetch.connect_to:
        found += f"; {len(settings.fetch.connect_to)} redirected by fetch.connect_to"
    if settings.fetch.ca_file is not None:
        found += f"; also trusts {settings.fetch.ca_file}"
    yield True, "outbound network", found
    base = settings.http.public_url or "scheme and host of each request"
    yield True, "links in answers", base


def _traces(settings: Settings) -> Iterator[Finding]:
    """Whether the collector takes traces, tried with none."""
    section = settings.telemetry
    if section.endpoint is None:
        yield True, "traces", "off"
        return
    from cleanplate import tracing

    exporter = tracing.exporter_of(section)
    from opentelemetry.sdk.trace.export import SpanExportResult

    taken = exporter.export(()) is SpanExportResult.SUCCESS
    exporter.shutdown()
    share = f"{section.share:.0%} of the requests"
    yield (
        taken,
        "traces",
        f"{section.endpoint}, {share}"
        if taken
        else f"{section.endpoint} does not take them: start the "
        "collector, or unset CLEANPLATE_TELEMETRY__ENDPOINT",
    )
