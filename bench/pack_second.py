"""Fonts, words and logos of a second set of marked photos, to judge what the first may have been tuned to.

A pack for the shared benchmark's `make_cases.py`, as its `pack_dev.py` is, and nothing in it is in that one.
The fonts are in none of the packages that `training/fonts.sh` installs, so no network of ours has seen them.
They are those of Debian's packages PACKAGES; `second.py` makes the set.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

PACKAGES = (
    "fonts-oxygen", "fonts-elstob", "fonts-compagnon", "fonts-femkeklaver", "fonts-gotico-antiqua",
    "fonts-klaudia-berenika", "fonts-eurofurence", "fonts-havana", "fonts-routed-gothic", "fonts-osifont",
    "fonts-gemunu-libre", "fonts-lxgw-wenkai", "fonts-morisawa-bizud-gothic", "fonts-nanum-extra",
    "fonts-bajaderka", "fonts-sixtyfour",
)  # fmt: skip

FONTS = {
    "sans": ["Oxygen-Sans-Bold.ttf", "Oxygen-Sans.ttf", "routed-gothic.ttf", "GemunuLibre-Medium.otf",
             "BIZUDPGothic-Bold.ttf", "BIZUDPGothic-Regular.ttf", "osifont.ttf", "NanumSquareRoundEB.ttf"],
    "serif": ["ElstobD-SemiBold.otf", "ElstobD-18ptMediumItalic.otf", "ElstobD-ExtraBold.otf",
              "ElstobD-Regular.otf", "Jessen-Mittel14.otf", "Ptolemy-GreatPrimer18.otf"],
    "display": ["Berenika-Bold.ttf", "Klaudia-Bold.ttf", "GemunuLibre-ExtraBold.otf", "eurof75.ttf",
                "Compagnon-Medium.otf", "routed-gothic-wide.ttf", "Hamlet-Tertia18.otf"],
    "script": ["Havana-Regular.otf", "NanumBrush.ttf", "NanumPen.ttf", "femkeklaver.ttf",
               "Bajaderka-Regular.otf", "Compagnon-Bold.otf"],
    "stamp": ["OxygenMono-Regular.ttf", "Compagnon-Roman.otf", "C-64-Regular.ttf", "osifont.ttf"],
    "wide": ["eurof55.ttf", "unifur.ttf", "BIZUDPGothic-Bold.ttf", "NanumSquareRoundEB.ttf"],
    "cjk": ["LXGWWenKai-Bold.ttf", "BIZUDPGothic-Bold.ttf", "LXGWWenKai-Regular.ttf"],
}  # fmt: skip

TEXTS = {
    "brand": ["Velo Pictures", "Ember & Oak", "HALCYON", "Dovetail", "Rosalind Thorne", "cobalt.studio",
              "THE LAMPROOM", "Wren Hollow", "Foxglove Media", "Ansel Ferrow", "SALTMARSH", "Twelve Acres",
              "ink and amber", "PROOF", "Lindqvist", "COPPERLINE"],
    "wide": ["Золотой кадр", "Тихая гавань", "Εικόνες"],
    "cjk": ["内部资料", "山猫写真館", "景色图片社", "校正用"],
    "tagline": ["photographs since 1978", "not licensed", "www.saltmarsh.example", "all rights held",
                "portraits, places, people", "contact for rights", "proof sheet", "Bergen & Oslo"],
    "tile": ["Velo Pictures", "PROOF", "Unpaid copy", "saltmarsh.example", "NOT LICENSED", "© Foxglove",
             "HALCYON", "low resolution", "Dovetail", "confidential", "WREN HOLLOW", "evaluation"],
    "tile_wide": ["Черновик", "Тихая гавань"],
    "tile_cjk": ["内部资料 禁止外传", "校正用"],
    "credit": ["© Rosalind Thorne", "Image: Foxglove Media", "(c) 2022 Ansel Ferrow", "Foto Lindqvist",
               "© 2009 Wren Hollow", "Picture by L. Ortega", "Twelve Acres / Dovetail"],
    "handle": ["@wren.hollow", "@foxglovemedia", "@ansel_ferrow", "/saltmarsh"],
    "url": ["www.copperline.example", "wrenhollow.example", "saltmarsh.example/p/90217"],
    "idtag": ["VP 0092 1187", "No. 5561-B", "SM90217", "asset 7714420"],
    "banner": ["Velo Pictures - unlicensed proof", "Photograph: Ansel Ferrow", "www.copperline.example",
               "OPEN HOUSE SATURDAY 10-4", "Twelve Acres", "RENTED", "order prints at saltmarsh.example",
               "LIVE: harbour bridge reopens", "Season tickets on sale", "THIRD ANNUAL RIVER RUN"],
    "ring": ["WREN HOLLOW PICTURES * ", "SALTMARSH * SALTMARSH * ", "EST. IN BERGEN * 1978 * "],
}  # fmt: skip


def stamp(rng: np.random.Generator) -> str:
    """A camera's or a recorder's date."""
    year, month, day = int(rng.integers(1994, 2024)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    names = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    forms = (
        f"{day:02d}.{month:02d}.{year}",
        f"{names[month - 1]}. {day:2d} {year}",
        f"{day:02d}.{month:02d}.{year % 100:02d} {hour:02d}:{minute:02d}:{second:02d}",
        f"{hour:02d}:{minute:02d} {names[month - 1]} {day}",
    )
    return forms[int(rng.integers(len(forms)))]


def _turned(points: list[tuple[float, float]], degrees: float) -> list[tuple[float, float]]:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x * c - y * s, x * s + y * c) for x, y in points]


def anchor(pen: Any, font: str) -> None:
    pen.ring(0, -0.76, 0.22, 0.1)
    pen.line([(0, -0.52), (0, 0.88)], 0.15)
    pen.line([(-0.42, -0.28), (0.42, -0.28)], 0.13)
    pen.arc(0, 0.1, 0.86, 0.15, 15, 165)
    for side in (-1, 1):
        pen.poly([(side * 0.98, 0.08), (side * 0.62, 0.32), (side * 0.96, 0.56)])


def plane(pen: Any, font: str) -> None:
    pen.poly([(-1, 0.05), (1, -0.85), (0.3, 0.9), (-0.08, 0.3)])
    pen.line([(-0.08, 0.3), (0.62, -0.5)], 0.07, v=0)
    pen.poly([(-0.08, 0.42), (-0.3, 0.86), (0.1, 0.6)], role=1)


def crown(pen: Any, font: str) -> None:
    pen.poly([(-0.9, 0.55), (-1, -0.5), (-0.45, 0), (0, -0.85), (0.45, 0), (1, -0.5), (0.9, 0.55)])
    pen.rrect(-0.9, 0.66, 0.9, 0.9, 0.06, role=1)
    for x, y in ((-1, -0.62), (0, -0.92), (1, -0.62)):
        pen.disc(x * 0.93, y, 0.1, role=1)


def film(pen: Any, font: str) -> None:
    pen.rrect(-1, -0.7, 1, 0.7, 0.1)
    for x in range(5):
        for y in (-0.54, 0.54):
            left = -0.86 + 0.385 * x
            pen.rrect(left, y - 0.09, left + 0.2, y + 0.09, 0.03, v=0)
    pen.rrect(-0.72, -0.32, 0.72, 0.32, 0.04, v=0)
    pen.poly([(-0.2, -0.22), (-0.2, 0.22), (0.24, 0)], role=1)


def pinwheel(pen: Any, font: str) -> None:
    for quarter in range(4):
        blade = [(0.0, 0.0), (0.0, -1.0), (0.62, -0.62)]
        pen.poly(_turned(blade, 90 * quarter), role=quarter % 2)
    pen.disc(0, 0, 0.12, v=0)


def key(pen: Any, font: str) -> None:
    pen.disc(-0.55, 0, 0.45)
    pen.disc(-0.55, 0, 0.22, v=0)
    pen.line([(-0.1, 0), (0.95, 0)], 0.17)
    pen.line([(0.62, 0), (0.62, 0.34)], 0.15)
    pen.line([(0.9, 0), (0.9, 0.26)], 0.15)


def umbrella(pen: Any, font: str) -> None:
    dome = [(math.cos(math.radians(t)), -0.1 + 0.85 * math.sin(math.radians(t))) for t in range(180, 361, 6)]
    pen.poly(dome)
    for x in (-0.66, 0.0, 0.66):
        pen.disc(x, -0.08, 0.3, v=0, ry=0.16)
    pen.line([(0, -0.2), (0, 0.7)], 0.1, role=1)
    pen.arc(0.2, 0.7, 0.2, 0.1, 0, 180, role=1)


def spiral(pen: Any, font: str) -> None:
    turns = [0.12 * t for t in range(130)]
    pen.line([(0.06 * t * math.cos(t), 0.06 * t * math.sin(t)) for t in turns], 0.12)


def house(pen: Any, font: str) -> None:
    pen.poly([(-1, -0.05), (0, -0.95), (1, -0.05)])
    pen.rrect(-0.72, -0.06, 0.72, 0.85, 0.02, role=1)
    pen.rrect(-0.16, 0.3, 0.2, 0.85, 0.02, v=0)


def flame(pen: Any, font: str) -> None:
    def drop(width: float, top: float, foot: float) -> list[tuple[float, float]]:
        rounds = [math.pi * t / 20 for t in range(41)]
        return [
            (width * math.sin(t) * math.sin(t / 2) ** 1.4, top + (foot - top) * (1 - math.cos(t)) / 2)
            for t in rounds
        ]

    pen.poly(drop(0.95, -1.0, 0.95))
    pen.poly(drop(0.5, -0.1, 0.86), role=1)


def lettered(pen: Any, font: str) -> None:
    pen.rrect(-0.95, -0.95, 0.95, 0.95, 0.95)
    pen.rrect(-0.82, -0.82, 0.82, 0.82, 0.82, v=0)
    pen.text("HF", font, 0, 0, 0.75, role=1)


def lighthouse(pen: Any, font: str) -> None:
    pen.poly([(-0.24, -0.42), (0.24, -0.42), (0.42, 0.95), (-0.42, 0.95)])
    for y in (-0.1, 0.35):
        pen.line([(-0.5, y + 0.14), (0.5, y - 0.04)], 0.13, v=0)
    pen.rrect(-0.18, -0.72, 0.18, -0.48, 0.03, role=1)
    pen.poly([(-0.3, -0.74), (0, -1), (0.3, -0.74)])
    pen.poly([(0.28, -0.6), (1, -0.86), (1, -0.36)], role=1)


LOGOS = {
    logo.__name__: logo
    for logo in (anchor, plane, crown, film, pinwheel, key, umbrella, spiral, house, flame, lettered,
                 lighthouse)
}  # fmt: skip
