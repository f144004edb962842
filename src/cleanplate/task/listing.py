"""Going through one's own tasks, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate.task.record import State, Task

Place = tuple[float, str]  # `created_at` and `id` of a task: where a page ended


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tasks are asked for.

    Attributes:
        limit: most of them on one page, 1 or more.
        state: only those in this state.
        since: only those accepted then or later, Unix seconds.
        until: only those accepted before.
        after: where the page before ended.
        batch_id: only those of this batch.
    """

    limit: int
    state: State | None = None
    since: float | None = None
    until: float | None = None
    after: Place | None = None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some tasks, and where the next page begins; None: there is none."""

    tasks: tuple[Task, ...]
    after: Place | None
