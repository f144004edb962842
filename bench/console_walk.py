"""A walk through the console: a fresh browser profile whose page can be shot, and what it meets."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
import requests
from PIL import Image

from console import HERE

if TYPE_CHECKING:
    from servers import Cleanplate, Origin

OUT = HERE / "out/console"
HEIGHT, TALLEST = 800, 4000
BROKEN = {"code": "internal_error", "detail": "Something went wrong inside the server."}
AREA = '[{"x":50,"y":200,"width":180,"height":70}]'
AREA_SIDES = {"x": 50, "y": 200, "width": 180, "height": 70}
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
