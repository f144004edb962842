"""Callbacks say what the dialect's own query would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http import gptge, kaze, native, picwish
from cleanplate.http.desk import create_desk
from cleanplate.http.embedded import written

if TYPE_CHECKING:
    from cleanplate.http.embedded import Document
    from cleanplate.http.services import Services
    from cleanplate.settings import Settings
    from cleanplate.task import Task


class Callbacks:
    """Renders the body of a task's callback.

    Args:
        services: the rooms behind.
        settings: all of them.
    """

    def __init__(self, services: Services, settings: Settings) -> None:
        self._desk = create_desk(services, settings)

    async def render(self, task: Task) -> bytes | Document:
        """The JSON that the dialect's query answers for this task, with links as seen at submit.

        Raises:
            BatchNotFound: the task is the last of a batch, and that has been purged.
            BlobMissing: the result is to be inside the body, and has expired.
            StorageFailed: it could not be read.
        """
        if task.batch_id is not None:  # the last of its batch
            batch = await self._desk.services.tasks.batch_of(task)
            body: object = native.batch(batch, task.request.base_url)
        elif task.request.dialect == "kaze":
            body = kaze.result(self._desk, task, task.request.base_url)
        elif task.request.dialect == "native":
            body = native.removal(self._desk, task, task.request.base_url)
        elif task.request.dialect == "picwish":
            body = picwish.result(self._desk, task, task.request.base_url)
        else:
            body = gptge.result(self._desk, task, task.request.base_url)
        return await written(self._desk, task, body)
