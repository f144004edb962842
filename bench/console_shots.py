"""Pictures of the console in every page and state, to be looked at: light and dark, wide and 360 px.

Starts the server from this checkout and walks through the console with Debian's Chromium. Empty states are
seen by an account of its own, loading ones while answers are held back, wrong ones when the server fails or
cannot be reached. What cannot come about (an account without tokens, a server without accounts) is answered
in its place. The pictures lie in bench/out/console/, with sheets of many side by side; every part that is
wider than the window, or than the box that holds it, is printed.

    python bench/console_shots.py
    python bench/console_shots.py --only api     # the parts whose name begins so
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

import console_parts
from console import FLAGS, HERE, chromium_here
from console_parts import PARTS, speech
from console_walk import OUT, Walk, fill
from servers import Cleanplate, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]
LANGUAGES = {"vi": "vi-VN", "zh": "zh-CN"}
SHEET, COLUMN = 1560, {1280: 772, 360: 304}  # pixels: a sheet's width and height, a picture's width on it
ENDED: list[str] = []  # parts that could not be walked to their end


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="NAME", help="only the parts whose name begins so")
    only = parser.parse_args().only
    browser = chromium_here()
    if browser is None:
        print("There is no Chromium here: install Debian's package chromium.", file=sys.stderr)
        return 1
    if not only:
        shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    settings = {"WORKER__SLOTS": "1", "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"]}
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin() as origin,
        Cleanplate(Path(folder) / "server", settings) as server,
    ):
        walked(browser, server, origin, only)
    for width in COLUMN:
        sheets(width)
    print(f"{len(list(OUT.glob('*/*.png')))} pictures in {OUT.relative_to(HERE.parent)}")
    return 1 if ENDED else 0


def walked(browser: str, server: Cleanplate, origin: Origin, only: str) -> None:
    from playwright.sync_api import sync_playwright

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it tells of every answer held back
    fill(server, origin)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        for look, width in LOOKS:
            for part in PARTS:
                if part.__name__.startswith(only):
                    with Walk(chromium, server, look, width) as walk, told(part.__name__, walk):
                        part(walk)
        for short, language in LANGUAGES.items():
            if speech.__name__.startswith(only):
                with Walk(chromium, server, "light", 360, language) as walk, told(short, walk):
                    speech(walk, short)
        chromium.close()


@contextlib.contextmanager
def told(part: str, walk: Walk) -> Iterator[None]:
    """A part that cannot be walked to its end is told of, and the others go on."""
    from playwright.sync_api import Error

    try:
        yield
    except Error as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = [one.lineno for one in frames if one.filename == console_parts.__file__]
        ENDED.append(part)
        walk.shoot(f"00 where {part} ended", whole=False)
        print(f"{part} ends at line {where[-1]}: {error.message.splitlines()[0]}")


def sheets(width: int) -> None:
    """All pictures of a width, side by side in as few sheets as hold them, each under its name."""
    column = COLUMN[width]
    columns = SHEET // (column + 8)
    number, tops = 0, [SHEET] * columns
    sheet = None
    for path in sorted((OUT / f"{width}").glob("*.png")):
        picture = Image.open(path).convert("RGB")
        picture = picture.resize((column, picture.height * column // width), Image.Resampling.LANCZOS)
        place = min(range(columns), key=tops.__getitem__)
        if sheet is None or (tops[place] > 0 and tops[place] + picture.height + 18 > SHEET):
            if sheet is not None:
                sheet.save(OUT / f"sheet-{width}-{number:02}.png")
            number, tops, place = number + 1, [0] * columns, 0
            sheet = Image.new("RGB", (SHEET, max(SHEET, picture.height + 18)), "#777")
        left = place * (column + 8)
        ImageDraw.Draw(sheet).text((left + 4, tops[place] + 3), path.stem, "white")
        sheet.paste(picture, (left, tops[place] + 18))
        tops[place] += picture.height + 24
    if sheet is not None:
        sheet.save(OUT / f"sheet-{width}-{number:02}.png")


if __name__ == "__main__":
    sys.exit(main())
