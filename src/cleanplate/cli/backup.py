"""`cleanplate backup`: a copy of everything, while the server runs."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer


def backup(
    to: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
) -> None:
    """Copy the database and the blobs of the data folder. The copy is a data folder to start from.

    Blobs are copied before the database, and those that are new once more after it. So whatever the copied
    database names is there, but for a picture that came and went in between: its task fails and is refunded.
    """
    from cleanplate.cli.errors import BackupImpossible
    from cleanplate.settings import load

    settings = load()
    database, blobs = urlsplit(settings.database_url), urlsplit(settings.blobs_url)
    file = Path(settings.database_url.removeprefix("sqlite+aiosqlite:///"))
    if not database.scheme.startswith("sqlite") or blobs.scheme != "file":
        raise BackupImpossible
    if not file.is_file():
        raise BackupImpossible(f"There is no database at {file}: has the server been started here?")
    if to.exists():
        raise BackupImpossible(f"{to} is there already: name a new folder.")
    to.mkdir(parents=True, mode=0o700)
    folder = Path(unquote(blobs.path))
    _copy_new(folder, to / "blobs")
    with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(to / file.name)) as copy:
        live.backup(copy)
    (to / file.name).chmod(0o600)
    _copy_new(folder, to / "blobs")
    print(f"saved in {to}: to start from it, CLEANPLATE_DATA_DIR={to} cleanplate serve")


def _copy_new(source: Path, target: Path) -> None:
    """Copy files that are not there yet; what disappears meanwhile is not needed any more."""
    target.mkdir(exist_ok=True, mode=0o700)
    for file in source.rglob("*"):
        copy = target / file.relative_to(source)
        if file.is_file() and "#" not in file.name and not copy.exists():  # `#`: still being written
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copy2(file, copy)
            except FileNotFoundError:
                copy.unlink(missing_ok=True)
