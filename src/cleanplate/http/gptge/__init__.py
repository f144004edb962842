"""The gpt.ge dialect, a reseller's form of PicWish: a `status` and a task with a numeric `state`."""

from __future__ import annotations

from cleanplate.http.gptge.render import result
from cleanplate.http.gptge.routes import router
from cleanplate.http.picwish.errors import refuse

__all__ = ["refuse", "result", "router"]
