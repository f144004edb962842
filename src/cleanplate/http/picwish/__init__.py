"""The PicWish dialect: a `status`, and a task with a numeric `state`; its result is in `image` or `file`."""

from __future__ import annotations

from cleanplate.http.picwish.errors import refuse
from cleanplate.http.picwish.render import result
from cleanplate.http.picwish.routes import router

__all__ = ["refuse", "result", "router"]
