"""The native dialect: plain JSON, and problems as RFC 9457 has them."""

from __future__ import annotations

from cleanplate.http.native import (
    batches,
    events,
    looking,
    operator,
    own,
    presets,
    removals,
    routes,
    session,
)
from cleanplate.http.native.errors import refuse
from cleanplate.http.native.render import batch, removal

ROUTERS = (
    removals.router,
    batches.router,
    presets.router,
    routes.router,
    session.router,
    looking.router,
    own.router,
    events.router,
    operator.router,
)

__all__ = ["ROUTERS", "batch", "refuse", "removal"]
