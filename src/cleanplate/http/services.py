"""What the HTTP room is built on: the rooms behind it, handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cleanplate.account import Accounts, Presets
    from cleanplate.fetch import Fetched
    from cleanplate.picture import Header
    from cleanplate.store import Blobs
    from cleanplate.task import AskedRegion, Tasks


class Downloader(Protocol):
    """Gets what is behind a URL; `fetch.Fetcher` is one."""

    def check_url(self, url: str) -> object:
        """Accept the URL's syntax, without touching the network.

        Raises:
            UrlInvalid: with a message that says what is wrong.
        """
        ...

    async def get(self, url: str, max_bytes: int, accept: str | None = None) -> Fetched:
        """Download it, if the address behind it may be reached.

        Raises:
            UrlInvalid, FetchRefused, FetchFailed, FetchTimeout, FetchTooLarge: why not.
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


class Marks(Protocol):
    """What was found in a picture: `worker.finder.Found` is one."""

    @property
    def width(self) -> int:
        """Of the upright picture, pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the upright picture, pixels."""
        ...

    @property
    def marks(self) -> Sequence[dict[str, Any]]:
        """Each as a removal tells what it found."""
        ...

    @property
    def areas(self) -> Sequence[bytes]:
        """For each its area inside its box, a PNG that is white where the mark is."""
        ...


class Finder(Protocol):
    """Looks at pictures without cleaning them, outside this process; `worker.Finder` is one."""

    async def find(self, picture: bytes, sensitivity: float) -> Marks:
        """Find the marks of an encoded picture.

        Raises:
            CleanplateError: what is wrong with the picture.
        """
        ...

    async def thumbnail(self, picture: bytes, side: int) -> bytes:
        """A small WebP of an encoded picture, at most `side` pixels wide and high.

        Raises:
            CleanplateError: what is wrong with the picture.
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
        fetcher: checks the syntax of URLs, and downloads pictures for the console.
        inspector: checks uploads.
        finder: looks at pictures for people who wait for it.
        working: whether somebody works on the tasks.
        secret: key of the signed result links, 16 bytes or more.
    """

    accounts: Accounts
    presets: Presets
    tasks: Tasks
    blobs: Blobs
    fetcher: Downloader
    inspector: Inspector
    finder: Finder
    secret: bytes = field(repr=False)
    working: Callable[[], bool] = _yes
