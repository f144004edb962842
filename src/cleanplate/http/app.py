"""The app: dialects, files and middlewares put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from cleanplate.errors import CleanplateError
from cleanplate.http import console, files, gptge, kaze, manual, native, picwish
from cleanplate.http.access import Access
from cleanplate.http.desk import create_desk
from cleanplate.http.dialects import Unforeseen, refuse_foreseen, refuse_unrouted
from cleanplate.http.document import describe

if TYPE_CHECKING:
    from cleanplate.http.services import Services
    from cleanplate.settings import Settings

DESCRIPTION = "Takes visible watermarks off pictures, in the dialects of several vendors."
ROUTERS = (
    kaze.router,
    gptge.router,
    picwish.router,
    *native.ROUTERS,
    files.router,
    manual.router,
    console.router,
)


def create_app(services: Services, settings: Settings) -> FastAPI:
    """The HTTP app over the rooms that are handed in; it starts and stops nothing of them.

    Args:
        services: the rooms behind.
        settings: all of them; routes read the sections `http`, `task`, `picture`, `region` and `engine`.
    """
    app = FastAPI(
        title="cleanplate",
        version=version("cleanplate"),
        description=DESCRIPTION,
        docs_url=None,  # their pages load scripts from elsewhere; `manual` has ours
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lose a POST's body; `Access` drops the slash instead
        middleware=[
            Middleware(Access),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.http.cors_origins,
                allow_methods=["*"],
                allow_headers=["*"],  # echoes what the browser asks for
                allow_private_network=True,  # self-hosted servers are where this is asked
                expose_headers=["X-Request-ID", "Retry-After", "X-Credits-Used", "X-Credits-Remaining"],
            ),
            Middleware(Unforeseen),
        ],
        exception_handlers={
            CleanplateError: refuse_foreseen,
            HTTPException: refuse_unrouted,
            RequestValidationError: refuse_unrouted,
        },
    )
    app.openapi = lambda: describe(app)
    app.state.desk = create_desk(services, settings)
    for router in ROUTERS:
        app.include_router(router)
    return app
