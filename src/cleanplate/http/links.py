"""Links to results: signed, expiring, good without any header, ending in a real file extension."""

from __future__ import annotations

import hmac
import re
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cleanplate.http.errors import LinkInvalid
from cleanplate.task.keys import result_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cleanplate.task import Task

PURPOSE = b"cleanplate result link 1\n"  # the secret may sign other things one day
NAME = re.compile(r"(?P<task>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?P<extension>[a-z0-9]{1,8})")
ATTEMPT = re.compile(r"[1-9][0-9]{0,8}")
EXPIRY = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Linked:
    """What a good link leads to.

    Attributes:
        key: of the blob.
        name: of the file, `<task_id>.<extension>`.
        extension: without dot.
        seconds: how long the link stays good.
    """

    key: str
    name: str
    extension: str
    seconds: int


class Links:
    """Signs links and opens them: HMAC-SHA256 over the blob's key and the expiry.

    Args:
        secret: the server's own; whoever has it can make links.
        clock: Unix seconds.
    """

    def __init__(self, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def url(self, task: Task, base_url: str) -> str:
        """The link to a done task's result, good until the task expires.

        Raises:
            ValueError: the task has no result.
        """
        if task.outcome is None:
            raise ValueError(f"task {task.id} has no result to link to")
        path = PurePosixPath(task.outcome.result_key)
        name, attempt, expiry = f"{task.id}{path.suffix}", path.stem, str(int(task.expires_at))
        query = urlencode({"e": expiry, "a": attempt, "s": self._sign(str(path), expiry)})
        return f"{base_url}/files/{name}?{query}"

    def open(self, name: str, query: Mapping[str, str]) -> Linked:
        """Check a link's path and query.

        Raises:
            LinkInvalid: it was not made here, was altered, or has expired.
        """
        named = NAME.fullmatch(name)
        attempt, expiry = query.get("a", ""), query.get("e", "")
        if named is None or not ATTEMPT.fullmatch(attempt) or not EXPIRY.fullmatch(expiry):
            raise LinkInvalid
        key = result_key(named["task"], int(attempt), named["extension"])
        good = hmac.compare_digest(
            self._sign(key, expiry).encode(), query.get("s", "").encode("utf-8", "replace")
        )
        seconds = int(expiry) - int(self._clock())
        if not good or seconds <= 0:
            raise LinkInvalid
        return Linked(key, name, named["extension"], seconds)

    def _sign(self, key: str, expiry: str) -> str:
        digest = hmac.digest(self._secret, PURPOSE + f"{key}\n{expiry}".encode(), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
