"""Plots of lines over time or count, as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b9770e", "#117a65", "#5d6d7e", "#a04000")
WIDTH, HEIGHT, LEFT, RIGHT, LOW, HIGH = 900, 420, 84, 150, 40, 14


def lines(
    file: Path, series: Mapping[str, Sequence[tuple[float, float]]], x: str, unit: str, *more: object
) -> None:
    """Draw each series of points as a line with its name at its end.

    Args:
        file: PNG to write; several plots, one below the other, if `more` is given.
        series: name → points.
        x: what is counted from left to right.
        unit: of what is counted upwards.
        more: series, x and unit of further plots.
    """
    plots = [(series, x, unit), *zip(more[::3], more[1::3], more[2::3], strict=True)]
    image = Image.new("RGB", (WIDTH, HEIGHT * len(plots)), "white")
    for number, (lines_, along, up) in enumerate(plots):
        image.paste(_plot(lines_, along, up), (0, HEIGHT * number))
    image.save(file, optimize=True)


def _plot(series: Mapping[str, Sequence[tuple[float, float]]], x: str, unit: str) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    points = [point for line in series.values() for point in line]
    far = max((point[0] for point in points), default=1) or 1
    top = (max((point[1] for point in points), default=1) or 1) * 1.15

    def place(at: float, value: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * at / far,
            HIGH + (HEIGHT - LOW - HIGH) * (1 - value / top),
        )

    for part in range(5):
        across, down = place(far * part / 4, top * part / 4)
        draw.line((LEFT, down, WIDTH - RIGHT, down), fill="#dddddd")
        draw.text((8, down - 8), f"{top * part / 4:,.0f} {unit}", fill="black", font=font)
        draw.text((across - 15, HEIGHT - LOW + 6), f"{far * part / 4:,.0f}", fill="black", font=font)
    draw.text((WIDTH // 2 - 120, HEIGHT - 18), x, fill="black", font=font)
    taken: list[float] = []  # heights of labels, so that none covers another
    for (name, line), colour in zip(series.items(), COLOURS * 2, strict=False):
        drawn = [place(*point) for point in line]
        draw.line(drawn, fill=colour, width=2)
        at = drawn[-1][1] - 8
        while any(abs(at - one) < 14 for one in taken):
            at += 2
        taken.append(at)
        draw.text((WIDTH - RIGHT + 8, at), name, fill=colour, font=font)
    return image
