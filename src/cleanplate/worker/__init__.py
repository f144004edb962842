"""Slots, the child processes that hold the pixels, and the engine of wake-ups.

    run.py       `Worker`: children, schedules, drain; embedded in a server or alone
    work.py      one attempt at a task: claim, fetch, remove, finish
    children.py  the parent's side of child processes: `Slots`, `Inspector`
    finder.py    a child process for those who sit in front of a picture: `Finder`
    child.py     the child process itself
    frames.py    what parent and child say to each other
    engine.py    what a worker needs of the engine that wakes it
    wakeups.py   that engine inside one process: PgQueuer in memory
    queue.py     the same for many processes: PgQueuer on PostgreSQL, with lane.py for its managers

Everything is loaded when it is first used: a child process must not pay for what only its parent needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate.worker.children import Inspector
    from cleanplate.worker.engine import engine_over
    from cleanplate.worker.finder import Finder
    from cleanplate.worker.run import Worker
    from cleanplate.worker.wakeups import InMemoryWakeups

__all__ = ["Finder", "InMemoryWakeups", "Inspector", "Worker", "engine_over"]

_HOME = {
    "Finder": "cleanplate.worker.finder",
    "Inspector": "cleanplate.worker.children",
    "InMemoryWakeups": "cleanplate.worker.wakeups",
    "Worker": "cleanplate.worker.run",
    "engine_over": "cleanplate.worker.engine",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
