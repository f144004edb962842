"""The native dialect: plain JSON, and problems as RFC 9457 has them."""

from __future__ import annotations

from cleanplate.http.native import presets, removals, routes
from cleanplate.http.native.errors import refuse
from cleanplate.http.native.render import removal

ROUTERS = (removals.router, presets.router, routes.router)

__all__ = ["ROUTERS", "refuse", "removal"]
