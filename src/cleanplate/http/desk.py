"""What every route works with, made once by `create_app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from cleanplate.http.body import Bodies, Memory
from cleanplate.http.links import Links
from cleanplate.http.listeners import Listeners
from cleanplate.http.looks import Looks

if TYPE_CHECKING:
    from cleanplate.http.services import Services
    from cleanplate.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk:
    """The rooms behind, the settings, and the tools that all routes share.

    `fetched` is the memory for pictures that are downloaded for a browser. It is not the one of the bodies:
    whose site is slow should keep nobody from uploading.
    """

    services: Services
    settings: Settings
    bodies: Bodies
    fetched: Memory
    links: Links
    listeners: Listeners
    looks: Looks


def create_desk(services: Services, settings: Settings) -> Desk:
    """Set up what the routes, and the callbacks, work with."""
    http = settings.http
    return Desk(
        services,
        settings,
        Bodies(http),
        Memory(http.upload_memory_mib),
        Links(services.secret),
        Listeners(),
        Looks(http.max_looks),
    )


def desk_of(request: Request) -> Desk:
    """The desk of the app that handles this request."""
    desk: Desk = request.app.state.desk
    return desk


async def _at_desk(request: Request) -> Desk:
    """A coroutine, because the framework runs plain functions in threads of their own, for each request."""
    return desk_of(request)


AtDesk = Annotated[Desk, Depends(_at_desk)]
