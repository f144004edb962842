"""The native dialect: plain JSON, and problems as RFC 9457 has them."""

from __future__ import annotations

from cleanplate.http.native.errors import refuse
from cleanplate.http.native.render import task
from cleanplate.http.native.routes import router
from cleanplate.http.native.tasks import router as tasks_router

__all__ = ["refuse", "router", "task", "tasks_router"]
