"""The parts of the console, each walked through with a shot of every state."""

from __future__ import annotations

import numpy as np

from console import HERE
from console_walk import BROKEN, Walk, encoded, spoilt

SAMPLE = HERE.parent / "samples/lake.jpg"
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
