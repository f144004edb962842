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
import io
import logging
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
import requests
from PIL import Image, ImageDraw

from console import FLAGS, HERE, chromium_here
from servers import Cleanplate, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT = HERE / "out/console"
SAMPLE = HERE.parent / "samples/lake.jpg"
LOOKS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]
LANGUAGES = {"vi": "vi-VN", "zh": "zh-CN"}
HEIGHT, TALLEST = 800, 4000
SHEET, COLUMN = 1560, {1280: 772, 360: 304}  # pixels: a sheet's width and height, a picture's width on it
AREA = '[{"x":50,"y":200,"width":180,"height":70}]'
ENDED: list[str] = []  # parts that could not be walked to their end
BROKEN = {"code": "internal_error", "detail": "Something went wrong inside the server."}
# What sticks out sideways of the window or of a box that cannot be scrolled, and words that are cut off.
OUTSIDE = """() => [...document.querySelectorAll("body *")].flatMap((one) => {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  if (box.width < 2 || box.height < 2) return [];
  if (one.closest(".unseen, .plate-art, svg, [hidden], .stage, .boundary")) return [];
  if (one.closest(".scroll, pre, .strip ul, input, select, textarea")) return [];
  const out = box.right > innerWidth + 1 || box.left < -1;
  const over = one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1 && style.display !== "inline";
  const cut = over && style.overflowX === "hidden" && style.textOverflow !== "ellipsis";
  const spilt = over && style.overflowX === "visible" && one.children.length === 0;
  const words = (one.textContent ?? "").trim().slice(0, 40);
  return out || cut || spilt ? [`${one.tagName} ${one.className} ${words}`] : [];
})"""

# A part that is as high as the window says stays so while the window is made as long as the page.
FIXED = """(height) => {
  const table = document.querySelector(".table:not([data-empty=true])");
  if (!table || innerWidth > 820) return;
  table.style.gridTemplateRows = height === null ? "" : `auto ${0.56 * height}px auto auto auto`;
}"""


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
        where = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == __file__]
        ENDED.append(part)
        walk.shoot(f"00 where {part} ended", whole=False)
        print(f"{part} ends at line {where[-1]}: {error.message.splitlines()[0]}")


def fill(server: Cleanplate, origin: Origin) -> None:
    """Give the first account something of everything: tasks, a batch, credits, presets, tokens."""
    words = spoilt()
    origin.files = {"a.png": words, "b.png": words, "c.png": b"nothing"}
    ask = {"headers": {"Authorization": f"Bearer {server.token}"}, "timeout": 120}
    url = f"{server.url}/v1"
    requests.post(f"{url}/accounts/default/credits", json={"credits": 500}, **ask)
    long = "a-photograph-with-quite-a-long-name-of-the-harbour-in-the-evening.png"
    for name, picture, call in [
        ("hall.png", words, f"{origin.url}/hook"),
        (long, words, "http://127.0.0.1:9/refused"),
        ("no.png", b"no", None),
    ]:
        data = {"mode": "fill", "rectangles": AREA, "sync": "1", "metadata": f'{{"name": "{name}"}}'}
        data |= {"webhook": call} if call else {}
        requests.post(f"{url}/removals", files={"file": (name, picture)}, data=data, **ask)
    urls = [f"{origin.url}/{name}.png" for name in "abc"]
    requests.post(f"{url}/batches", json={"urls": urls, "mode": "fill", "rectangles": [AREA_SIDES]}, **ask)
    for name in ("shop photographs, bottom right", "archive"):
        preset = {"name": name, "rectangles": [AREA_SIDES], "unit": "pixel", "anchor": "top-left"}
        requests.post(f"{url}/presets", json=preset, **ask)
    for name in ("shop robot", "a program with a name that is rather long for a small window"):
        requests.post(f"{url}/account/tokens", json={"name": name}, **ask)
    for account in ("newspaper", "an-account-with-a-rather-long-name-for-a-table"):
        requests.post(f"{url}/tokens", json={"account": account, "name": "first"}, **ask)


AREA_SIDES = {"x": 50, "y": 200, "width": 180, "height": 70}


def spoilt() -> bytes:
    """A soft picture with two words in it."""
    down, across = np.mgrid[0:480, 0:640].astype(np.float32)
    light = 120 + 45 * np.sin(across / 210) + 25 * np.cos(down / 170)
    pixels = np.dstack([light * 0.85, light, np.minimum(light * 1.12, 230)]).astype(np.uint8)
    for word, place in (("SOLD", (60, 250)), ("PROOF", (330, 400))):
        cv2.putText(pixels, word, place, cv2.FONT_HERSHEY_DUPLEX, 1.5, (255, 255, 255), 4)
    return encoded(pixels)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


class Walk:
    """A fresh browser profile in one look and width; answers can be held back, broken or replaced."""

    def __init__(self, chromium, server: Cleanplate, look: str, width: int, language: str = "en-US") -> None:
        self.server, self.look, self.width, self.language = server, look, width, language
        self.context = chromium.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme=look,
            locale=language,
            reduced_motion="reduce",
            has_touch=width < 500,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.unroute_all(behavior="ignoreErrors")
        self.context.close()

    def enter(self, token: str | None = None, page: str = "") -> None:
        """Sign in, and go to a page."""
        self.page.goto(self.server.url)
        self.page.locator("input[type=password]").fill(token or self.server.token or "")
        self.page.locator("button[type=submit]").click()
        self.page.locator(".drop-zone").wait_for()
        if page:
            self.go(page)

    def go(self, page: str) -> None:
        """Load a page anew."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.server.url}/#{page}")

    def newcomer(self) -> str:
        """The token of an account that has done nothing."""
        answer = requests.post(
            f"{self.server.url}/v1/tokens",
            headers={"Authorization": f"Bearer {self.server.token}"},
            json={"account": f"newcomer-{self.look}-{self.width}", "name": "first"},
            timeout=60,
        )
        return answer.json()["token"]

    def hold(self, *paths: str) -> None:
        for path in paths:
            self.page.route(path, lambda _: None)

    def break_down(self, *paths: str) -> None:
        for path in paths:
            self.page.route(path, lambda route: route.fulfill(status=500, json=BROKEN))

    def cut_off(self, *paths: str) -> None:
        for path in paths or ("**/*",):
            self.page.route(path, lambda route: route.abort("connectionrefused"))

    def answer(self, path: str, body: object) -> None:
        self.page.route(path, lambda route: route.fulfill(json=body))

    def well(self) -> None:
        """Let everything through again."""
        self.page.unroute_all(behavior="ignoreErrors")

    def bring(self, *files: tuple[str, bytes]) -> None:
        given = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
        self.page.locator("input[type=file][multiple]").set_input_files(given)

    def settled(self) -> None:
        """Wait until nothing on the page is on its way."""
        for _ in range(300):
            if self.page.locator(".waiting, .chart-space, .spinner").count() == 0:
                return
            self.page.wait_for_timeout(100)

    def shoot(self, name: str, *, whole: bool = True) -> None:
        """Take the page, as long as it is (or as one sees it), and tell what sticks out of it."""
        page = self.page
        page.wait_for_timeout(250)
        page.evaluate(FIXED, HEIGHT)
        height = page.evaluate("document.querySelector('#main')?.scrollHeight ?? document.body.scrollHeight")
        head = page.evaluate("document.querySelector('.head')?.offsetHeight ?? 0")
        if whole and height + head > HEIGHT:
            page.set_viewport_size({"width": self.width, "height": min(TALLEST, height + head)})
            page.wait_for_timeout(150)
        for one in page.evaluate(OUTSIDE):
            print(f"{name}, {self.look} {self.width} {self.language}: sticks out: {one}")
        folder = OUT / f"{self.width}"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name}, {self.look}.png")
        page.set_viewport_size({"width": self.width, "height": HEIGHT})
        page.evaluate(FIXED, None)


def entrance(walk: Walk) -> None:
    page = walk.page
    walk.hold("**/v1/session")
    page.goto(walk.server.url)
    walk.shoot("01 waiting for the session")
    walk.well()
    walk.cut_off("**/v1/session")
    page.reload()
    page.locator(".wrong").wait_for()
    walk.shoot("02 the server does not answer")
    walk.well()
    page.reload()
    page.locator("input[type=password]").wait_for()
    walk.shoot("03 sign in")
    page.locator("input[type=password]").fill("cp_wrong")
    page.locator("button[type=submit]").click()
    page.locator(".wrong").wait_for()
    walk.shoot("04 sign in, a wrong token")
    walk.hold("**/v1/session")
    page.locator("button[type=submit]").click()
    walk.shoot("05 signing in")
    walk.well()
    walk.enter()
    page.route("**/v1/removals?*", lambda route: route.fulfill(status=401, json=BROKEN))
    walk.context.clear_cookies()
    page.evaluate("location.hash = '#tasks'")
    page.locator(".entrance").wait_for()
    walk.shoot("06 signed out by the server")


def frame(walk: Walk) -> None:
    page = walk.page
    walk.enter()
    page.locator(".menu-button").click()
    walk.shoot("10 menu", whole=False)
    page.keyboard.press("Escape")
    walk.go("clean")
    page.locator(".drop-zone").wait_for()
    page.keyboard.press("Tab")
    walk.shoot("11 skip link", whole=False)
    walk.hold("**/console/page-*.js")
    page.evaluate("location.hash = '#api'")
    walk.shoot("12 a page on its way", whole=False)
    walk.well()
    walk.go("clean")
    page.locator(".drop-zone").wait_for()
    walk.cut_off("**/console/page-*.js")
    page.evaluate("location.hash = '#api'")
    page.wait_for_timeout(800)
    walk.shoot("13 a page that does not come", whole=False)


def clean(walk: Walk) -> None:
    page = walk.page
    walk.enter(walk.newcomer())
    walk.shoot("20 clean, no pictures")
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["x"], "x.png"));
          document.body.dispatchEvent(new DragEvent("dragenter", { bubbles: true, dataTransfer }));
        }"""
    )
    walk.shoot("21 clean, pictures over it", whole=False)
    walk.go("clean")
    page.locator(".drop-zone .button:not(.main)").click()
    page.locator("textarea").fill(f"{walk.server.url}/not/here.png")
    walk.hold("**/v1/picture")
    page.locator("dialog button[type=submit]").click()
    walk.shoot("22 from a URL, on its way", whole=False)
    walk.well()
    walk.go("clean")
    page.locator(".drop-zone .button:not(.main)").click()
    page.locator("textarea").fill(f"{walk.server.url}/not/here.png")
    page.locator("dialog button[type=submit]").click()
    page.locator("dialog .wrong").wait_for()
    walk.shoot("23 from a URL, not to be had", whole=False)


def clean_alone(walk: Walk) -> None:
    """One picture that comes, or does not."""
    page = walk.page
    words, none = spoilt(), encoded(np.full((300, 400, 3), 128, np.uint8))
    walk.enter(walk.newcomer())
    walk.hold("**/console/darkroom*", "**/console/stage-*")
    walk.go("clean")
    page.locator(".drop-zone").wait_for()
    walk.bring(("wall.png", words))
    walk.shoot("24 clean, reading a picture")
    walk.well()
    walk.go("clean")
    walk.cut_off("**/console/stage-*")
    page.locator(".drop-zone").wait_for()
    walk.bring(("wall.png", words))
    page.wait_for_timeout(1500)
    walk.shoot("25 clean, the editor does not come")
    walk.well()
    walk.go("clean")
    walk.hold("**/v1/marks", "**/v1/presets")
    walk.bring(("wall.png", words))
    page.locator(".stage canvas").first.wait_for()
    walk.shoot("26 clean, looking for marks")
    walk.well()
    walk.go("clean")
    walk.break_down("**/v1/marks", "**/v1/presets")
    walk.bring(("wall.png", words))
    page.locator(".wrong").first.wait_for()
    page.wait_for_timeout(500)
    walk.shoot("27 clean, marks and presets fail")
    walk.well()
    walk.go("clean")
    walk.bring(("grey.png", none))
    page.locator(".stage canvas").first.wait_for()
    page.wait_for_timeout(700)
    walk.settled()
    walk.shoot("28 clean, no mark found, no presets")
    walk.go("clean")
    walk.bring(("broken.png", b"nothing"), ("scan.tif", encoded(np.zeros((30, 40, 3), np.uint8), "TIFF")))
    page.locator("[data-step=failed]").wait_for()
    walk.shoot("29 clean, not a picture")
    page.locator(".thumb").nth(1).click()
    walk.shoot("30 clean, no preview")


def clean_more(walk: Walk) -> None:
    page = walk.page
    sample = ("a-lake-in-the-evening-with-a-long-name.jpg", SAMPLE.read_bytes())
    walk.enter()
    walk.bring(sample)
    page.locator(".marks li").first.wait_for()
    walk.settled()
    walk.shoot("40 clean, marks found")
    walk.hold("**/v1/removals")
    page.get_by_role("button", name="Clean this picture").click()
    walk.shoot("41 clean, sending")
    page.get_by_role("button", name="Stop").click()
    walk.well()
    walk.break_down("**/v1/removals")
    page.get_by_role("button", name="Clean this picture").click()
    page.locator(".doing .wrong").wait_for()
    walk.shoot("42 clean, failed")
    walk.well()
    walk.cut_off("**/v1/removals")
    page.locator(".doing .wrong .button").click()
    page.wait_for_timeout(500)
    walk.shoot("43 clean, the server is gone")
    walk.well()
    walk.hold("**/v1/removals/*")
    page.locator(".doing .wrong .button").click()
    page.wait_for_timeout(1500)
    walk.shoot("44 clean, waiting")
    page.get_by_role("button", name="Stop").click()
    walk.well()
    page.get_by_role("button", name="Clean this picture").click()
    page.locator(".boundary").wait_for()
    walk.shoot("45 clean, compare")
    page.locator(".view-bar label").filter(has_text="Difference").click()
    walk.shoot("46 clean, difference")
    page.locator(".view-bar label").filter(has_text="Result").click()
    walk.shoot("47 clean, result", whole=False)


def clean_many(walk: Walk) -> None:
    page = walk.page
    words = spoilt()
    walk.enter()
    walk.bring(("wall.png", words), ("b.png", words), ("broken.png", b"nothing"), ("c.png", words))
    page.locator("[data-step=failed]").wait_for()
    page.locator(".stage canvas").first.wait_for()
    page.wait_for_timeout(700)
    walk.settled()
    page.keyboard.press("r")
    box = page.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=4)
    page.mouse.up()
    walk.shoot("48 clean, several pictures")
    page.get_by_role("button", name="Save rectangles as a preset").click()
    page.locator("dialog input:not([type])").first.fill("archive")
    page.locator("dialog button[type=submit]").click()
    page.locator("dialog .wrong").wait_for()
    walk.shoot("49 preset, its name is taken", whole=False)


def tasks(walk: Walk) -> None:
    page = walk.page
    walk.enter(walk.newcomer())
    walk.hold("**/v1/removals?*", "**/v1/events")
    walk.go("tasks")
    page.locator(".filters").wait_for()
    walk.shoot("50 tasks, loading")
    walk.well()
    walk.go("tasks")
    page.locator(".nothing").wait_for()
    walk.shoot("51 tasks, none")
    page.locator(".filters label").filter(has_text="Failed").click()
    page.locator(".nothing").wait_for()
    walk.shoot("52 tasks, none like this")
    walk.break_down("**/v1/removals?*", "**/v1/events")
    walk.go("tasks")
    page.locator(".wrong").wait_for()
    walk.shoot("53 tasks, failing")
    walk.well()
    walk.go("tasks/batch/unknown")
    page.locator(".batch .wrong").wait_for()
    walk.shoot("54 batch, unknown")
    walk.hold("**/v1/batches/*", "**/v1/removals?*")
    walk.go("tasks/batch/unknown")
    page.locator(".filters").wait_for()
    walk.shoot("55 batch, loading")


def tasks_more(walk: Walk) -> None:
    page = walk.page
    walk.enter(page="tasks")
    page.locator(".task").first.wait_for()
    page.wait_for_timeout(800)
    walk.shoot("60 tasks")
    page.get_by_role("button", name="Details of hall.png").click()
    page.locator(".tries li").first.wait_for()
    walk.shoot("61 tasks, a webhook delivered")
    failed = page.locator(".task[data-state=failed]").first
    walk.hold("**/webhook")
    failed.locator(".task-line").click()
    walk.shoot("62 tasks, a failed one, its webhook on its way")
    walk.well()
    walk.break_down("**/webhook")
    failed.locator(".task-line").click()
    failed.locator(".task-line").click()
    page.wait_for_timeout(500)
    walk.shoot("63 tasks, a webhook not to be had")
    walk.well()
    batch = page.locator("a[href*=batch]")
    page.get_by_role("button", name="Details of a.png").click()
    page.goto(f"{walk.server.url}/{batch.first.get_attribute('href')}")
    page.locator(".batch progress").wait_for()
    page.wait_for_timeout(800)
    walk.shoot("64 batch")
    walk.break_down("**/thumbnail")
    walk.go("tasks")
    page.locator(".task").first.wait_for()
    page.wait_for_timeout(800)
    walk.shoot("65 tasks, without thumbnails", whole=False)


API_CALLS = ("**/v1/account", "**/v1/account/*", "**/v1/account/usage?*")


def api(walk: Walk) -> None:
    page = walk.page
    walk.enter(walk.newcomer())
    walk.hold(*API_CALLS, "**/v1/events")
    walk.go("api")
    page.locator(".snippets").wait_for()
    walk.shoot("70 api, loading")
    walk.well()
    walk.go("api")
    page.locator(".token-list").wait_for()
    walk.settled()
    walk.shoot("71 api, nothing used")
    walk.answer("**/v1/account/tokens", {"tokens": []})
    walk.go("api")
    page.locator(".nothing").wait_for()
    walk.settled()
    walk.shoot("72 api, no tokens")
    walk.well()
    walk.break_down(*API_CALLS)
    walk.go("api")
    page.locator(".wrong").nth(2).wait_for()
    walk.shoot("73 api, failing")
    walk.well()
    walk.cut_off(*API_CALLS, "**/v1/events")
    walk.go("api")
    page.locator(".wrong").nth(2).wait_for()
    walk.shoot("74 api, the server is gone")


def api_more(walk: Walk) -> None:
    page = walk.page
    walk.enter(page="api")
    page.locator(".token-list").wait_for()
    walk.settled()
    walk.shoot("75 api")
    page.locator(".in-line input").first.fill(f"made at {walk.width} in {walk.look}")
    page.locator(".in-line button").first.click()
    page.locator(".secret").wait_for()
    walk.shoot("76 api, a new token")
    page.locator(".token-list .button").last.click()
    walk.shoot("77 api, revoking", whole=False)
    page.keyboard.press("Escape")
    send = page.locator(".try button[type=submit]")
    page.locator(".try input[type=file]").set_input_files(
        {"name": "wall.png", "mimeType": "image/png", "buffer": encoded(np.full((90, 120, 3), 90, np.uint8))}
    )
    walk.hold("**/v1/removals*")
    send.click()
    walk.shoot("78 api, trying")
    walk.well()
    walk.go("api")
    page.locator(".try input[type=file]").set_input_files(
        {"name": "wall.png", "mimeType": "image/png", "buffer": spoilt()}
    )
    send.click()
    page.locator(".answer img").wait_for()
    page.wait_for_timeout(500)
    walk.shoot("79 api, an answer")
    page.route("**/v1/removals*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    send.click()
    page.wait_for_timeout(600)
    walk.shoot("80 api, an answer that is not JSON")
    walk.well()
    walk.break_down("**/v1/account/tokens/*", "**/v1/account/tokens")
    page.locator(".in-line input").first.fill("again")
    page.locator(".in-line button").first.click()
    page.locator(".wrong").first.wait_for()
    walk.shoot("81 api, no token made", whole=False)


OPERATOR_CALLS = ("**/v1/operator/*", "**/readyz")


def operator(walk: Walk) -> None:
    page = walk.page
    walk.enter(walk.newcomer(), "operator")
    page.locator(".nothing").wait_for()
    walk.shoot("90 operator, not an admin")
    walk.context.clear_cookies()
    walk.enter()
    walk.hold(*OPERATOR_CALLS)
    walk.go("operator")
    page.locator(".waiting").nth(4).wait_for()
    walk.shoot("91 operator, loading")
    walk.well()
    walk.break_down(*OPERATOR_CALLS)
    walk.go("operator")
    page.locator(".wrong").nth(2).wait_for()
    walk.shoot("92 operator, failing")
    walk.well()
    walk.answer("**/v1/operator/accounts", {"accounts": []})
    walk.answer("**/v1/operator/settings", {"settings": []})
    walk.answer("**/v1/operator/standing", EMPTY)
    walk.answer("**/readyz", {"database": "ok", "storage": "The disk is full: nothing can be stored."})
    walk.go("operator")
    walk.settled()
    walk.shoot("93 operator, empty lists, not well")
    walk.well()
    walk.go("operator")
    walk.settled()
    walk.shoot("94 operator")
    walk.cut_off(*OPERATOR_CALLS)
    page.wait_for_timeout(16_000)
    walk.shoot("95 operator, the server has gone")
    walk.well()
    walk.cut_off("**/readyz")
    walk.go("operator")
    page.wait_for_timeout(1500)
    walk.shoot("96 operator, health not to be had", whole=False)


def operator_more(walk: Walk) -> None:
    page = walk.page
    walk.enter(page="operator")
    walk.settled()
    page.locator("input[type=search]").fill("nothing is called this")
    walk.shoot("97 operator, no setting is called this")
    page.locator(".grid-table .button").first.click()
    walk.break_down("**/credits")
    page.locator("dialog button[type=submit]").click()
    page.locator("dialog .wrong").wait_for()
    walk.shoot("98 operator, no credits granted", whole=False)
    walk.well()
    page.keyboard.press("Escape")
    page.locator(".card header .button:not(.quiet)").click()
    page.locator("dialog input").nth(0).fill(f"new-{walk.look}-{walk.width}")
    page.locator("dialog input").nth(1).fill("robot")
    page.locator("dialog button[type=submit]").click()
    page.locator("dialog .secret").wait_for()
    walk.shoot("99 operator, a new account", whole=False)


def speech(walk: Walk, short: str) -> None:
    """Another language: texts are longer, or of other letters."""
    page = walk.page
    page.goto(walk.server.url)
    page.locator("input[type=password]").wait_for()
    walk.shoot(f"A0 {short}, sign in")
    walk.enter()
    walk.shoot(f"A1 {short}, clean, no pictures")
    walk.bring(("lake.jpg", SAMPLE.read_bytes()), ("wall.png", spoilt()))
    page.locator(".marks li").first.wait_for()
    walk.settled()
    walk.shoot(f"A2 {short}, clean")
    page.locator(".doing > .button").first.click()
    page.locator(".boundary").wait_for()
    walk.shoot(f"A3 {short}, clean, compare")
    walk.go("api")
    page.locator(".token-list").wait_for()
    walk.settled()
    page.locator(".in-line input").first.fill("shop")
    page.locator(".in-line button").first.click()
    page.locator(".secret").wait_for()
    walk.shoot(f"A4 {short}, api")
    page.locator(".token-list .button").last.click()
    walk.shoot(f"A5 {short}, revoking", whole=False)
    page.keyboard.press("Escape")
    page.locator(".menu-button").click()
    walk.shoot(f"A6 {short}, menu", whole=False)
    walk.go("tasks")
    page.locator(".task").first.wait_for()
    walk.shoot(f"A7 {short}, tasks")
    walk.go("operator")
    walk.settled()
    page.locator("input[type=search]").fill("http.max")
    walk.shoot(f"A8 {short}, operator")


EMPTY = {
    "at": 0,
    "queued": 0,
    "running": 0,
    "oldest_at": None,
    "done_last_hour": 0,
    "failed_last_hour": 0,
    "mean_seconds": None,
    "slots": 1,
    "workers": [],
    "folders": [],
    "counted": True,
    "disk_free": None,
    "disk_total": None,
}
PARTS = [
    entrance,
    frame,
    clean,
    clean_alone,
    clean_more,
    clean_many,
    tasks,
    tasks_more,
    api,
    api_more,
    operator,
    operator_more,
]


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
