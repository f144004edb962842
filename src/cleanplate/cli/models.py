"""`cleanplate models`: the networks that there are, and fetching larger ones."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from cleanplate.models import ModelFolder, Weights

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, fetch, check and delete networks that paint."
)

Name = Annotated[str, typer.Argument(help="Its name, as `cleanplate models list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, on standard output.")]

MiB = 1024 * 1024
TERMINATED = 143


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List all networks: those that come with the package, and those that can be fetched."""
    from cleanplate import models
    from cleanplate.cli.tables import print_table

    folder, _ = _place()
    rows = [_described(weights, folder, _presence(weights, folder)) for weights in models.CATALOGUE]
    if as_json:
        _print_json(rows)
        return
    table = [
        (
            row["name"],
            row["task"],
            row["state"],
            f"{row['bytes'] / MiB:.1f} MiB",
            row["licence"],
            row["source"],
        )
        for row in rows
    ]
    print_table(("name", "for", "state", "size", "licence", "source"), table)
    for weights in models.FETCHABLE:
        if weights.consent:
            print(f"{weights.id}: {weights.note}", file=sys.stderr)


@app.command()
def pull(
    name: Name,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", "--yes", "-y", help="Accept its licence without being asked."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a network, once; it is checked, and works offline from then on."""
    from cleanplate import models

    weights = models.find(name)
    folder, mirror = _place()
    accepted = accept_licence or (weights.consent and folder.state(weights) != "good" and _asked(weights))
    with _stopped_properly(), _progress(weights) as told:
        fetched = folder.pull(weights, mirror=mirror, accepted=accepted, told=told)
    if as_json:
        _print_json({**_described(weights, folder, "good"), "fetched": fetched})
    else:
        print(f"{folder.file(weights)} {'fetched' if fetched else 'is there already'}")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Their names; without any, all that are there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check networks against their SHA-256. Exit status 1 when one is damaged, or named and not there."""
    from cleanplate import models
    from cleanplate.cli.tables import print_table

    folder, _ = _place()
    rows = [
        _described(weights, folder, _state(weights, folder))
        for weights in ([models.find(name) for name in names] if names else models.CATALOGUE)
    ]
    if not names:
        rows = [row for row in rows if row["state"] != "absent"]
    if as_json:
        _print_json(rows)
    else:
        print_table(("name", "state", "file"), [(row["name"], row["state"], row["file"]) for row in rows])
    raise typer.Exit(0 if all(row["state"] in {"bundled", "good"} for row in rows) else 1)


@app.command()
def remove(name: Name) -> None:
    """Delete a network that was fetched."""
    from cleanplate import models

    weights = models.find(name)
    folder, _ = _place()
    removed = folder.remove(weights)
    print(f"{folder.file(weights)} {'deleted' if removed else 'was not there'}")


def _place() -> tuple[ModelFolder, str]:
    """The folder of fetched networks, and where they are fetched from."""
    from cleanplate import models
    from cleanplate.settings import load

    section = load().models
    return models.ModelFolder(section.folder or models.default_folder()), section.mirror


def _presence(weights: Weights, folder: ModelFolder) -> str:
    """What can be said without reading it all."""
    if weights.bundled:
        return "bundled"
    return "fetched" if folder.has(weights) else "absent"


def _state(weights: Weights, folder: ModelFolder) -> str:
    from cleanplate import models
    from cleanplate.models.session import read

    if not weights.bundled:
        return folder.state(weights)
    try:
        read(weights)
    except (models.WeightsMissing, models.WeightsDamaged):
        return "damaged"
    return "bundled"


def _described(weights: Weights, folder: ModelFolder, state: str) -> dict[str, Any]:
    from cleanplate.models.catalogue import FOLDER

    place = FOLDER / weights.file if weights.bundled else folder.file(weights)
    return {
        "name": weights.id,
        "task": weights.task,
        "state": state,
        "file": str(place),
        "bytes": weights.bytes,
        "sha256": weights.sha256,
        "licence": weights.licence,
        "source": weights.source,
        "note": weights.note,
    }


def _asked(weights: Weights) -> bool:
    """Whether someone at a terminal accepts the licence; where nobody is, nobody does."""
    if not sys.stdin.isatty():
        return False
    print(f"{weights.id}: {weights.note}", file=sys.stderr)
    return typer.confirm("Fetch it?", err=True)


@contextmanager
def _progress(weights: Weights) -> Generator[Callable[[int], None] | None]:
    """A bar on a terminal; where there is none, nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn(weights.id), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(weights.id, total=weights.bytes)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def _stopped_properly() -> Generator[None]:
    """Have SIGTERM put away what was begun, as Ctrl-C does."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False, indent=1))
