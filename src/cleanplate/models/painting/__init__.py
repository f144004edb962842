"""Networks that paint: choosing one by name or path, and one way to call them, whatever their signature.

* painter.py: the painter of a name or a path, made once per process.
* signature.py: which kinds of ONNX files are understood.
* networks.py: one adapter for each kind.
* arranging.py: holes of any size for networks that see only so much at a time.
"""

from __future__ import annotations

from cleanplate.models.painting.painter import Painter, asked_for, painter, resolve

__all__ = ["Painter", "asked_for", "painter", "resolve"]
