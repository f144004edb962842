"""The console in a real browser: how soon it is there, and whether ten large pictures let it be used.

Starts the server from this checkout on a free port and drives Debian's Chromium with Playwright. What is
measured is what the browser itself traces: paint and layout entries, long tasks (over 50 ms on the page's
thread), and the times between the frames that it draws while somebody paints. Chromium draws in software,
without a graphics card: a desktop is quicker.

    python bench/console.py
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import statistics
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import page as tables  # noqa: E402  # beside this file
from servers import Cleanplate  # noqa: E402

PAGE = HERE / "CONSOLE.md"
BUNDLE = HERE.parent / "src/cleanplate/http/console/static"
WIDTH, HEIGHT, PICTURES = 6000, 4000, 10
STROKES, STEPS = 12, 60
FLAGS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """
  window.seen = { long: [], shift: 0, frames: null };
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.seen.long.push([one.startTime, one.duration]);
  }).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) window.seen.shift += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.seen.largest = one.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
"""
FRAMES = """() => {
  const seen = window.seen;
  seen.frames = [];
  const next = (now) => { if (seen.frames) { seen.frames.push(now); requestAnimationFrame(next); } };
  requestAnimationFrame(next);
}"""
HALT = "() => { const frames = window.seen.frames; window.seen.frames = null; return frames; }"
LONG = "(since) => window.seen.long.filter(([at]) => at >= since).map(([, length]) => length)"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    browser = chromium_here()
    if browser is None:
        print("There is no Chromium here: install Debian's package chromium.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        pictures = photographs(Path(folder))
        with Cleanplate(Path(folder) / "server", {"WORKER__SLOTS": "1"}) as server:
            rows = measured(browser, server, pictures)
    head = f"`{tables.command()}` on {tables.today()}, {tables.machine()}, {version(browser)}.\n\n"
    tables.write(PAGE, "pages", head + table(rows["pages"]))
    tables.write(PAGE, "pictures", table(rows["pictures"]))
    tables.write(PAGE, "bundle", table(bundle()))
    return 0


def chromium_here() -> str | None:
    return next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)


def photographs(folder: Path) -> list[Path]:
    """Ten JPEGs of 24 megapixels, as busy as a photograph: about 8 MB each."""
    random = np.random.default_rng(7)
    made = []
    for number in range(PICTURES):
        coarse = random.integers(0, 255, (HEIGHT // 50, WIDTH // 50, 3), np.uint8)
        pixels = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        cv2.add(pixels, random.integers(0, 14, pixels.shape, np.uint8), pixels)
        cv2.putText(pixels, "SAMPLE", (600, 3600), cv2.FONT_HERSHEY_DUPLEX, 14, (255, 255, 255), 30)
        path = folder / f"photo-{number}.jpg"
        cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
        made.append(path)
    return made


def measured(browser: str, server: Cleanplate, pictures: list[Path]) -> dict[str, list[list[str]]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        context = chromium.new_context(viewport={"width": 1360, "height": 860}, locale="en-US")
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.goto(server.url)
        page.get_by_label("Token").fill(server.token or "")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Drop pictures here").wait_for()
        names = ("clean", "tasks", "api", "operator")
        pages = [["page", *METRICS], *([name, *loaded(context, f"{server.url}/#{name}")] for name in names)]
        cold = chromium.new_context(viewport={"width": 1360, "height": 860}, locale="en-US")
        cold.add_init_script(WATCH)
        pages.insert(1, ["sign in, nothing cached", *loaded(cold, server.url)])
        rows = {"pages": pages, "pictures": painted(page, pictures)}
        chromium.close()
        return rows


METRICS = [
    "first paint, ms",
    "largest paint, ms",
    "interactive, ms",
    "blocked, ms",
    "longest task, ms",
    "shift",
]


def loaded(context, url: str) -> list[str]:
    """The median of three loads: when something is seen, when it can be used, and whether it jumped."""
    runs = []
    for _ in range(3):
        page = context.new_page()
        page.goto(url)
        page.locator("h1, h2").first.wait_for()
        page.wait_for_timeout(1500)
        runs.append(
            page.evaluate(
                """() => {
                  const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
                  const long = window.seen.long.filter(([at]) => at >= 0);
                  const last = long.length ? Math.max(...long.map(([at, length]) => at + length)) : 0;
                  return [paint, window.seen.largest ?? paint, Math.max(paint, last),
                          long.reduce((sum, [, length]) => sum + length - 50, 0),
                          Math.max(0, ...long.map(([, length]) => length)), window.seen.shift];
                }"""
            )
        )
        page.close()
    middle = [statistics.median(values) for values in zip(*runs, strict=True)]
    return [*(f"{value:.0f}" for value in middle[:-1]), f"{middle[-1]:.3f}"]


def painted(page, pictures: list[Path]) -> list[list[str]]:
    """Ten pictures are brought; somebody paints at once, and again when all of them are read."""
    rows = [["while", "longest task, ms", "tasks over 50 ms", "frames a second", "slowest frame, ms"]]
    start = page.evaluate("performance.now()")
    page.locator("input[type=file][multiple]").set_input_files([str(path) for path in pictures])
    page.locator(".stage canvas").first.wait_for()
    rows.append(["painting while ten are being read", *stroked(page, start)])
    page.wait_for_function("document.querySelectorAll('.thumb img').length === 10")
    seconds = (page.evaluate("performance.now()") - start) / 1000
    rows.append([f"reading ten (over after {seconds:.0f} s)", *calm(page, start)])
    page.get_by_text("Looking for marks").wait_for(state="hidden")
    rows.append(["painting with ten on the table", *stroked(page, page.evaluate("performance.now()"))])
    start = page.evaluate("performance.now()")
    for _ in range(14):
        page.keyboard.press("+")
        page.wait_for_timeout(60)
    page.wait_for_timeout(1500)
    rows.append(["painting at 800 %", *stroked(page, start)])
    page.keyboard.press("0")
    start = page.evaluate("performance.now()")
    with page.expect_download():
        page.get_by_role("button", name="Save the mask").click()
    seconds = (page.evaluate("performance.now()") - start) / 1000
    rows.append([f"making a mask of 24 megapixels ({seconds:.1f} s)", *calm(page, start)])
    return rows


def calm(page, start: float) -> list[str]:
    long = page.evaluate(LONG, start)
    return [f"{max(long, default=0):.0f}", str(len(long)), "", ""]


def stroked(page, start: float) -> list[str]:
    """Draw strokes over the stage, and see how the frames come."""
    box = page.locator(".stage").bounding_box()
    page.evaluate(FRAMES)
    for stroke in range(STROKES):
        y = box["y"] + box["height"] * (0.15 + 0.7 * stroke / STROKES)
        page.mouse.move(box["x"] + 80, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 80, y + 20, steps=STEPS)
        page.mouse.up()
    frames = page.evaluate(HALT)
    gaps = [later - sooner for sooner, later in pairwise(frames)]
    long = page.evaluate(LONG, start)
    return [
        f"{max(long, default=0):.0f}",
        str(len(long)),
        f"{1000 * len(gaps) / sum(gaps):.0f}",
        f"{max(gaps):.0f}",
    ]


def bundle() -> list[list[str]]:
    """What is loaded, as it goes over the wire."""

    def weight(paths: list[Path]) -> float:
        return (
            sum(
                path.stat().st_size if path.suffix == ".woff2" else len(gzip.compress(path.read_bytes(), 9))
                for path in paths
            )
            / 1000
        )

    text = (BUNDLE / "index.html").read_text()
    first = [BUNDLE / path for path in re.findall(r'(?:src|href)="\./([^"]+)"', text)]
    parts = {
        "the first page (script, style, type, icon)": first,
        "the editor, with the first picture": sorted(BUNDLE.glob("console/stage-*.js")),
        "the darkroom, a worker": sorted(BUNDLE.glob("console/darkroom*.js")),
        "tasks, API and operator together": sorted(
            set(BUNDLE.glob("console/*.js")) - set(first) - set(BUNDLE.glob("console/[sdvz]*.js"))
        ),
        "Vietnamese and Chinese together": [*BUNDLE.glob("console/vi-*.js"), *BUNDLE.glob("console/zh-*.js")],
    }
    return [["part", "kB, compressed"], *([name, f"{weight(paths):.0f}"] for name, paths in parts.items())]


def version(browser: str) -> str:
    import subprocess

    return (
        subprocess.run([browser, "--version"], capture_output=True, text=True, check=True)
        .stdout.split(" built")[0]
        .strip()
    )


def table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
