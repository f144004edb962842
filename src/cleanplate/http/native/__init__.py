"""The native dialect: plain JSON, and problems as RFC 9457 has them."""

from __future__ import annotations

from cleanplate.http.native.errors import refuse
from cleanplate.http.native.presets import router as presets_router
from cleanplate.http.native.removals import router as removals_router
from cleanplate.http.native.render import removal
from cleanplate.http.native.routes import router

__all__ = ["presets_router", "refuse", "removal", "removals_router", "router"]
