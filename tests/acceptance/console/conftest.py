"""The real server and engine, and Debian's Chromium in front of them."""

from __future__ import annotations

import io
import os
import shutil
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from servers import Cleanplate, Origin

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it may speak with our server only
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # milliseconds; the machine may be busy with other tests
WIDTH, HEIGHT = 640, 480
WORD, OTHER = (60, 250), (330, 400)  # where the two words stand


# of a module, not of the session: while it is open its event loop runs, and no asynchronous test could
@pytest.fixture(scope="module")
def chromium():
    """The browser itself, or a skip that says how to get one."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here: install Debian's package chromium to test the console")
    expect.set_options(timeout=PATIENCE)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*FLAGS, *(["--no-sandbox"] if as_root else [])]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def origin():
    with Origin() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = {
        "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
        "WORKER__SLOTS": "1",
        "HTTP__EVENTS_SECONDS": "0.3",
    }
    with Cleanplate(tmp_path_factory.mktemp("console"), settings) as running:
        yield running


class Console:
    """A page of the console, watched: it may ask nobody but its server, and break nothing."""

    def __init__(self, page, server):
        self.page = page
        self.server = server
        self.broken = []
        self.foreign = []
        self.expected = ()  # parts of messages that a test provokes
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.on("console", self._listen)
        page.on("request", self._see)

    def _listen(self, message):
        if message.type == "error":
            self.broken.append(message.text)

    def _see(self, request):
        if not request.url.startswith((self.server.url, "blob:", "data:")):
            self.foreign.append(request.url)

    def sign_in(self, token=None):
        self.page.goto(self.server.url)
        self.page.get_by_label("Token").fill(token or self.server.token)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_text("Drop pictures here")).to_be_visible()
        return self

    def bring(self, *pictures):
        """Choose pictures: (name, bytes) each."""
        files = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in pictures]
        self.page.locator("input[type=file][multiple]").set_input_files(files)
        expect(self.page.locator(".stage canvas").first).to_be_visible()

    def place(self, x, y):
        """Where a pixel of the picture is on the page, while the picture is fitted."""
        box = self.page.locator(".stage").bounding_box()
        scale = min((box["width"] - 48) / WIDTH, (box["height"] - 48) / HEIGHT, 8)
        left = box["x"] + (box["width"] - WIDTH * scale) / 2
        top = box["y"] + (box["height"] - HEIGHT * scale) / 2
        return left + x * scale, top + y * scale

    def draw(self, *points):
        """Press the mouse at the first pixel, move over the others, and let go."""
        mouse = self.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=12)
        mouse.up()

    def clean(self, again=False):
        """Clean the picture that is shown and wait for it."""
        page = self.page
        page.get_by_role("button", name="Clean again" if again else "Clean this picture").click()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        expect(page.get_by_role("button", name="Download", exact=True)).to_be_enabled()
        expect(page.locator(".doing [role=status]")).to_have_text("Clean")

    def download(self, button="Download"):
        """The bytes behind a button."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name=button, exact=True).click()
        with open(waiting.value.path(), "rb") as file:  # noqa: PTH123  # the path is a string or a Path
            return file.read()

    def set_sensitivity(self, value):
        self.page.get_by_label("Sensitivity").fill(str(value))

    def until(self, ask, what):
        """Ask again and again until the answer is true."""
        end = time.monotonic() + PATIENCE / 1000
        while not (answer := ask()):
            assert time.monotonic() < end, what
            self.page.wait_for_timeout(100)
        return answer


@pytest.fixture
def console(chromium, server):
    """A fresh browser profile, signed in; afterwards nothing may have broken."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 820}, locale="en-US", accept_downloads=True
    )
    one = Console(context.new_page(), server)
    yield one.sign_in()
    context.close()
    unexpected = [text for text in one.broken if not any(part in text for part in one.expected)]
    assert unexpected == []
    assert one.foreign == []


@pytest.fixture(scope="session")
def scene():
    """A soft picture without anything in it, (480, 640, 3)."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    light = 120 + 45 * np.sin(across / 210) + 25 * np.cos(down / 170)
    return np.dstack([light * 0.85, light, np.minimum(light * 1.12, 230)]).astype(np.uint8)


@pytest.fixture(scope="session")
def words():
    """Two words in it, each a boolean (480, 640)."""

    def drawn(text, place):
        area = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.putText(area, text, place, cv2.FONT_HERSHEY_DUPLEX, 1.5, 255, 4)
        return area > 0

    return drawn("SOLD", WORD), drawn("PROOF", OTHER)


@pytest.fixture(scope="session")
def spoilt(scene, words):
    """The picture with both words in white, as PNG."""
    return as_png(np.where((words[0] | words[1])[..., None], np.uint8(255), scene))


def as_png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def png():
    return as_png


def as_pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="session")
def pixels():
    return as_pixels


@pytest.fixture(scope="session")
def grown():
    """An area and so many pixels round it."""

    def larger(area, by):
        return cv2.dilate(area.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0

    return larger
