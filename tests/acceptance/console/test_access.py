"""Everybody can use it: axe finds nothing serious, small screens are enough, three languages are spoken."""

from __future__ import annotations

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from servers import Cleanplate

AXE = Axe()
LOOKS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]


def faults(page):
    """What axe holds to be serious or worse, in a line each."""
    found = AXE.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert len(found.response["passes"]) > 8  # it has looked
    return [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


@pytest.fixture
def visit(chromium, server):
    """Open the console in a look and a width; nobody is signed in."""
    opened = []

    def build(look, width, language="en-US"):
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=look,
            locale=language,
            has_touch=width < 500,
        )
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url)
        return page

    yield build
    for context in opened:
        context.close()


def enter(page, server):
    page.get_by_role("textbox").fill(server.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Drop pictures here")).to_be_visible()


@pytest.mark.parametrize(("look", "width"), LOOKS)
def test_every_page_in_every_look(visit, server, spoilt, look, width):
    """One walk through all pages: signing in, each page empty and full, dialogs and menus open."""
    page = visit(look, width)
    wrong = {}

    def look_at(name):
        page.wait_for_timeout(150)  # colours that fade are judged when they have settled
        found = faults(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append("it scrolls sideways")
        if found:
            wrong[name] = found

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    look_at("sign in")
    enter(page, server)
    look_at("clean, empty")
    page.get_by_role("button", name="default").click()
    look_at("menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="From a URL").click()
    look_at("from a URL")
    page.keyboard.press("Escape")
    picture = {"name": "wall.png", "mimeType": "image/png", "buffer": spoilt}
    page.locator("input[type=file][multiple]").set_input_files([picture, {**picture, "name": "b.png"}])
    expect(page.locator(".stage canvas").first).to_be_visible()
    expect(page.get_by_text("Looking for marks")).to_be_hidden()
    look_at("clean, with pictures")
    page.get_by_role("button", name="Clean this picture").click()
    expect(page.get_by_role("button", name="Clean again")).to_be_enabled()
    look_at("clean, with a result")
    for name in ("Tasks", "API", "Operator"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.get_by_text("Loading…")).to_have_count(0)
        if name == "Tasks":
            page.locator(".task-line").first.click()
            expect(page.get_by_text("Where the time went")).to_be_visible()
        look_at(name)
    assert wrong == {}


@pytest.mark.parametrize(
    ("language", "words"),
    [("vi-VN", ("Đăng nhập", "Thả ảnh vào đây")), ("zh-CN", ("登录", "把图片拖到这里"))],
)
def test_it_speaks_the_readers_language(visit, server, language, words):
    page = visit("light", 1280, language)
    button = page.get_by_role("button", name=words[0])
    page.locator("input[type=password]").fill(server.token)
    button.click()
    expect(page.get_by_text(words[1])).to_be_visible()
    assert page.evaluate("document.documentElement.lang").startswith(language[:2])
    page.get_by_role("button", name="default").click()
    page.get_by_role("radio", name="English").check()
    expect(page.get_by_text("Drop pictures here")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Drop pictures here")).to_be_visible()


def test_focus_is_seen_and_goes_everywhere(visit, server):
    page = visit("light", 1280)
    enter(page, server)
    page.keyboard.press("Tab")
    seen = []
    for _ in range(9):
        seen.append(
            page.evaluate(
                """() => {
                  const one = document.activeElement, style = getComputedStyle(one);
                  return [(one.textContent || one.getAttribute('aria-label') || '').trim(),
                          style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
                }"""
            )
        )
        page.keyboard.press("Tab")
    names = [name for name, _ in seen]
    assert names[0] == "Skip to content"
    assert {"cleanplate", "Clean", "Tasks", "API", "Operator", "default", "Choose pictures"} <= set(names)
    assert [name for name, visible in seen if name and not visible] == []


def test_a_long_name_makes_nothing_wider_and_the_panel_scrolls_by_itself(visit, server, spoilt):
    page = visit("light", 1280)
    enter(page, server)
    name = f"{'a-long-name-' * 9}.png"
    page.locator("input[type=file][multiple]").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": spoilt}
    )
    expect(page.locator(".file-name")).to_have_text(name)
    expect(page.locator(".stage canvas").first).to_be_visible()
    expect(page.get_by_role("button", name="Save the mask")).to_be_attached()
    for side, box in (("Width", ".panel"), ("Height", "#main")):
        assert page.locator(box).evaluate(f"(one) => one.scroll{side} - one.client{side}") <= 1, box


def test_a_page_that_cannot_be_loaded_leaves_the_rest(visit, server):
    page = visit("light", 1280)
    enter(page, server)
    page.route("**/console/page-*.js", lambda route: route.abort())
    links = page.get_by_role("navigation")
    links.get_by_role("link", name="API").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    links.get_by_role("link", name="Clean").click()
    expect(page.get_by_text("Drop pictures here")).to_be_visible()
    links.get_by_role("link", name="API").click()
    page.unroute_all()
    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API")


def test_without_tokens_everybody_may_clean(chromium, tmp_path):
    with Cleanplate(tmp_path, {"ACCOUNT__REQUIRE_TOKEN": "false", "WORKER__SLOTS": "1"}) as server:
        context = chromium.new_context(locale="en-US")
        page = context.new_page()
        page.goto(server.url)
        expect(page.get_by_text("Drop pictures here")).to_be_visible()
        page.get_by_role("link", name="API").click()
        expect(page.get_by_text("This server asks for no token.")).to_be_visible()
        context.close()
        assert requests.get(f"{server.url}/v1/session", timeout=60).json()["token_required"] is False


def test_one_finger_paints_and_two_zoom(visit, server, spoilt):
    page = visit("light", 360)
    enter(page, server)
    picture = {"name": "wall.png", "mimeType": "image/png", "buffer": spoilt}
    page.locator("input[type=file][multiple]").set_input_files(picture)
    expect(page.locator(".stage canvas").first).to_be_visible()
    box = page.locator(".stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    wire = page.context.new_cdp_session(page)

    def touch(kind, *points):
        at = [{"x": left, "y": top, "id": place} for place, (left, top) in enumerate(points)]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    touch("touchStart", (x, y))
    for step in range(1, 6):
        touch("touchMove", (x + 8 * step, y))
    touch("touchEnd")
    expect(undo).to_be_enabled()
    undo.click()
    expect(undo).to_be_disabled()

    percent = page.locator(".percent")  # out of sight on small screens, and still told
    before = int(percent.text_content().strip(" %"))
    touch("touchStart", (x, y))
    touch("touchStart", (x, y), (x + 30, y))
    for step in range(1, 9):
        touch("touchMove", (x - 6 * step, y), (x + 30 + 6 * step, y))
    touch("touchEnd")
    assert int(percent.text_content().strip(" %")) > 2 * before
    expect(undo).to_be_disabled()  # the first finger's stroke was dropped
