"""What the HTTP room is built on: the rooms behind it, handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from cleanplate.account import Accounts, Presets
    from cleanplate.picture import Header
    from cleanplate.store import Blobs
    from cleanplate.task import AskedRegion, Tasks


class UrlChecker(Protocol):
    """Looks at a URL without touching the network; `fetch.Fetcher` is one."""

    def check_url(self, url: str) -> object:
        """Accept the URL's syntax.

        Raises:
            UrlInvalid: with a message that says what is wrong.
        """
        ...


class Inspector(Protocol):
    """Looks at uploaded bytes before a task is accepted, outside this process; `worker.Inspector` is one."""

    async def check(
        self,
        picture: bytes | None,
        region: AskedRegion | None = None,
        region_bytes: bytes | None = None,
    ) -> Header | None:
        """Check what was uploaded, as far as it is there.

        Args:
            picture: encoded picture; None: it comes by URL, so that only the region can be looked at.
            region: what was asked for. Rectangles are compared with the picture's size. For a mask or a smear
                `kind` says how to read `region_bytes`.
            region_bytes: encoded mask or smear; None: there is none, or it comes by URL.

        Returns:
            the picture's header, or None without a picture.

        Raises:
            CleanplateError: what is wrong, as `picture` and `region` say it: `picture_unreadable`,
                `picture_format_unsupported`, `picture_too_large`, `picture_too_small`, `region_invalid`,
                `region_empty`, `region_size_mismatch`, …
        """
        ...


def _yes() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms that answers are made with.

    Attributes:
        presets: regions that accounts keep under a name.
        accounts: who calls, and what they have left.
        tasks: where removals are submitted and asked for.
        blobs: where results are read from.
        fetcher: checks the syntax of URLs.
        inspector: checks uploads.
        working: whether somebody works on the tasks.
        secret: key of the signed result links, 16 bytes or more.
    """

    accounts: Accounts
    presets: Presets
    tasks: Tasks
    blobs: Blobs
    fetcher: UrlChecker
    inspector: Inspector
    secret: bytes = field(repr=False)
    working: Callable[[], bool] = _yes
