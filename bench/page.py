"""Pages of measured tables: what was measured is written between markers, what is written by hand stays."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path


def command() -> str:
    """The command that was given; of paths only what says which set it was."""
    words = ["/".join(Path(word).parts[-3:]) if word.startswith("/") else word for word in sys.argv[1:]]
    return " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *words])


def today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()


def machine() -> str:
    """The machine's size, and that others may use it."""
    memory = Path("/proc/meminfo")
    size = f", {int(memory.read_text().split()[1]) / 2**20:.0f} GiB" if memory.is_file() else ""
    return f"{os.cpu_count()} processors{size}, load {os.getloadavg()[0]:.1f}"


def write(page: Path, name: str, text: str) -> None:
    """Put the tables into their place on the page; what is written by hand round them stays."""
    first, last = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    block = f"{first}\n{text}{last}"
    old = page.read_text()
    if first in old:
        before, rest = old.split(first, 1)
        new = before + block + rest.split(last, 1)[1]
    else:
        new = f"{old.rstrip()}\n\n## {name}\n\n{block}\n"
    page.write_text(new)
