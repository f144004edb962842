"""Running the service from the browser: tokens, credits, tasks as they happen, deliveries, batches."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import expect

SECONDS = 60


@pytest.fixture
def shop(server):
    """An account of its own: a name, a token, and asking with it."""

    class Shop:
        def __init__(self, name):
            self.name = name
            self.token = server.run("token", "create", "first", "--account", name).strip()
            self.headers = {"Authorization": f"Bearer {self.token}"}

        def submit(self, picture, **fields):
            answer = requests.post(
                f"{server.url}/v1/removals",
                headers=self.headers,
                files={"file": ("wall.png", picture)},
                data={"mode": "fill", "rectangles": '[{"x":50,"y":200,"width":180,"height":70}]', **fields},
                timeout=SECONDS,
            )
            assert answer.ok, answer.text
            return answer.json()["id"]

    name = "shop"
    return Shop(name)


def open_page(console, name):
    console.page.get_by_role("navigation").get_by_role("link", name=name).click()
    expect(console.page.get_by_role("heading", level=1)).to_be_visible()


def as_account(console, shop):
    """Sign in again, as another account."""
    page = console.page
    page.get_by_role("button", name="default").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()  # leaving the page before would break off signing out
    console.sign_in(shop.token)


def test_a_token_is_shown_once_fills_the_snippets_and_is_revoked(console, server):
    page = console.page
    open_page(console, "API")
    page.get_by_label("What is it for?").fill("shop robot")
    page.get_by_role("button", name="Create token").click()
    shown = page.locator(".secret code")
    expect(shown).to_have_text(re.compile(r"^cp_[\w-]{43}$"))
    token = shown.text_content()
    for dialect, path in (
        ("cleanplate", "/v1/removals"),
        ("Kaze", "/api/ext/v1/submit_watermark_removal"),
        ("gpt.ge", "/task/pic/watermark_auto"),
        ("PicWish", "/api/tasks/visual/external/watermark-remove"),
    ):
        page.get_by_role("region").or_(page.locator(".snippets")).get_by_role("radio", name=dialect).check()
        for language in ("curl", "JavaScript", "Python"):
            page.locator(".snippets").get_by_role("radio", name=language).check()
            text = page.locator(".snippets pre").text_content()
            assert token in text
            assert f"{server.url}{path}" in text or (server.url in text and path in text)
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{server.url}/v1/account", headers=headers, timeout=SECONDS).status_code == 200

    page.reload()
    row = page.get_by_role("listitem").filter(has_text="shop robot")
    expect(row).to_contain_text("Last used")
    assert token not in page.content()
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    assert requests.get(f"{server.url}/v1/account", headers=headers, timeout=SECONDS).status_code == 401


def test_credits_are_granted_used_and_drawn(console, shop, spoilt):
    page = console.page
    open_page(console, "Operator")
    row = page.get_by_role("row").filter(has_text=shop.name)
    row.get_by_role("button", name="Grant credits").click()
    page.get_by_role("dialog").get_by_label("Credits").fill("70")
    page.get_by_role("dialog").get_by_role("button", name="Grant credits").click()
    expect(row).to_contain_text("70")

    as_account(console, shop)
    open_page(console, "API")
    expect(page.locator(".figures")).to_contain_text("70")
    shop.submit(spoilt, sync="1")
    expect(page.locator(".figures")).to_contain_text("69")  # without being asked again
    expect(page.locator(".chart table")).to_contain_text("70")
    expect(page.get_by_role("link", name="Operator")).to_be_hidden()


def test_tasks_appear_as_they_happen(console, shop, spoilt, origin):
    page = console.page
    as_account(console, shop)
    open_page(console, "Tasks")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    task_id = shop.submit(spoilt, webhook=f"{origin.url}/hook", metadata='{"name": "hall.png"}')
    row = page.get_by_role("listitem").filter(has_text="hall.png").first
    expect(row.locator(".state").first).to_have_text("Done")
    picture = row.get_by_role("img", include_hidden=True).or_(row.locator("img")).first
    console.until(lambda: picture.evaluate("(one) => one.naturalWidth") > 0, "the thumbnail never came")
    row.get_by_role("button", name="Details of hall.png").click()
    expect(row).to_contain_text(task_id)
    expect(row.get_by_role("row").filter(has_text="Fill")).to_contain_text(re.compile(r"\d (ms|s)"))

    origin.wait_for_callbacks(lambda got: len(got) == 1)
    row.get_by_role("button", name="Details of hall.png").click()
    row.get_by_role("button", name="Details of hall.png").click()
    again = row.get_by_role("button", name="Deliver again")
    expect(again).to_be_enabled()
    again.click()
    origin.wait_for_callbacks(lambda got: len(got) == 2)
    expect(row.get_by_role("list", name="Tries").get_by_role("listitem")).to_have_count(2)

    page.get_by_role("radio", name="Failed").check()
    expect(page.get_by_text("No task is like this.")).to_be_visible()
    page.get_by_role("radio", name="Done").check()
    expect(row).to_be_visible()


def test_a_batch_is_followed_to_its_end(console, shop, spoilt, server, origin):
    origin.files = {"a.png": spoilt, "b.png": spoilt, "c.png": b"nothing"}
    asked = requests.post(
        f"{server.url}/v1/batches",
        headers=shop.headers,
        json={
            "urls": [f"{origin.url}/{name}.png" for name in "abc"],
            "mode": "fill",
            "rectangles": [{"x": 50, "y": 200, "width": 180, "height": 70}],
        },
        timeout=SECONDS,
    ).json()
    page = console.page
    as_account(console, shop)
    open_page(console, "Tasks")
    page.get_by_label("Batch id").fill(asked["id"])
    page.get_by_label("Batch id").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Batch")
    expect(page.locator(".batch")).to_contain_text("2 of 3 done, 1 failed")
    expect(page.locator(".task")).to_have_count(3)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Results (ZIP)").click()
    assert waiting.value.suggested_filename.endswith(".zip")


def test_trying_a_call_shows_its_answer(console, scene, png):
    page = console.page
    open_page(console, "API")
    panel = page.locator(".try")
    for dialect in ("cleanplate", "Kaze", "gpt.ge", "PicWish"):
        panel.get_by_role("radio", name=dialect).check()
        file = {"name": "wall.png", "mimeType": "image/png", "buffer": png(scene[:96, :128])}
        panel.get_by_label("Picture").set_input_files(file)
        panel.get_by_role("button", name="Send").click()
        expect(panel.get_by_role("button", name="Send")).to_be_enabled()
        expect(panel.locator(".answer h3")).to_contain_text(re.compile("20[02]"))
        expect(panel.locator(".answer pre")).to_contain_text("task_id" if dialect == "Kaze" else "/files/")


def test_who_loses_the_token_is_asked_to_sign_in_again(console, shop, server):
    page = console.page
    console.expected = ("401",)
    as_account(console, shop)
    server.run("token", "revoke", shop.token[:8])
    open_page_link = page.get_by_role("navigation").get_by_role("link", name="Tasks")
    open_page_link.click()
    expect(page.get_by_text("You have been signed out")).to_be_visible()
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_wrong_token_is_told_and_nothing_else(chromium, server):
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.url)
    page.get_by_label("Token").fill("cp_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This token is not valid")
    context.close()
