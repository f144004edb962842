"""Take visible watermarks off pictures you have the right to clean.

    import cleanplate

    removal = cleanplate.remove("photo.jpg", cleanplate.Rectangles((cleanplate.Rectangle(20, 20, 180, 40),)))
    removal.save("clean.jpg")

Everything here is loaded when it is first used, so that `import cleanplate` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING

from cleanplate.errors import CleanplateError

if TYPE_CHECKING:
    from cleanplate.engine import Removal, remove
    from cleanplate.picture import Picture
    from cleanplate.region import Mask, Rectangle, Rectangles, Smear

    __version__: str

__all__ = [
    "CleanplateError",
    "Mask",
    "Picture",
    "Rectangle",
    "Rectangles",
    "Removal",
    "Smear",
    "__version__",
    "remove",
]

_HOME = {
    "Mask": "cleanplate.region",
    "Picture": "cleanplate.picture",
    "Rectangle": "cleanplate.region",
    "Rectangles": "cleanplate.region",
    "Removal": "cleanplate.engine",
    "Smear": "cleanplate.region",
    "remove": "cleanplate.engine",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        value: object = metadata.version("cleanplate")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
