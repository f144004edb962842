"""Cleaning pictures in the browser, judged by the pixels of the files that are downloaded."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

SAMPLE = Path(__file__).parents[3] / "samples/lake.jpg"
DROP = """async ([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(
      new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
}"""


def over(word):
    """Strokes that cover a word: its box's rows, from left to right."""
    rows, columns = np.nonzero(word)
    left, right = int(columns.min()), int(columns.max())
    return [(left, int(y)) for y in (rows.min(), rows.mean(), rows.max())], right


def paint_over(console, word):
    starts, right = over(word)
    for x, y in starts:
        console.draw((x, y), (right, y))


def test_drop_paint_clean_compare_refine_download(console, scene, words, spoilt, pixels, grown):
    page = console.page
    page.evaluate(DROP, ["wall.png", base64.b64encode(spoilt).decode()])
    expect(page.locator(".stage canvas").first).to_be_visible()
    console.set_sensitivity(0)
    page.get_by_role("radio", name="Paint over").check()
    page.get_by_label("Size").fill("34")
    paint_over(console, words[0])
    console.clean()

    boundary = page.get_by_role("slider", name="Boundary between original and result")
    expect(boundary).to_have_attribute("aria-valuenow", "50")
    boundary.press("Home")
    expect(boundary).to_have_attribute("aria-valuenow", "0")
    page.get_by_role("radio", name="Difference").check()
    expect(page.locator(".stage")).to_have_attribute("data-shown", "difference")
    first = pixels(console.download())

    page.get_by_role("radio", name="Result").check()
    paint_over(console, words[1])
    console.clean(again=True)
    second = pixels(console.download())

    original = pixels(spoilt)
    near = [grown(word, 40) for word in words]
    assert (first[~near[0]] == original[~near[0]]).all()
    assert np.abs(first[words[0]].astype(int) - scene[words[0]]).mean() < 6
    assert (first[words[1]] == 255).all()
    assert (second[~(near[0] | near[1])] == original[~(near[0] | near[1])]).all()
    assert np.abs(second[words[1]].astype(int) - scene[words[1]]).mean() < 6
    # From the original's pixels: what was painted first was painted again, not a second time over itself.
    assert np.abs(second[words[0]].astype(int) - scene[words[0]]).mean() < 6


def test_marks_that_were_found_go_or_stay(console, pixels):
    page = console.page
    page.locator("input[type=file][multiple]").set_input_files(SAMPLE)
    mark = page.get_by_role("checkbox", name="Remove mark 1")
    expect(mark).to_be_checked()
    mark.uncheck()
    page.get_by_role("button", name="Clean this picture").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing to clean")
    mark.check()
    console.clean()
    before, after = pixels(SAMPLE.read_bytes()), pixels(console.download())
    changed = (before != after).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert 20 <= columns.min() < columns.max() < 300
    assert 440 <= rows.min() < rows.max() < 535
    lettering = before[470:510, 40:230].min(axis=2) > 170  # the word is light and stands on dark water
    assert after[470:510, 40:230][lettering].mean() < before[470:510, 40:230][lettering].mean() - 60


def test_a_preset_cleans_all_pictures_into_one_zip(console, scene, words, spoilt, png, pixels, grown):
    page = console.page
    other = png(np.where(words[0][..., None], np.uint8(255), scene[::-1]))
    console.bring(("a.png", spoilt), ("b.png", other), ("c.png", spoilt))
    console.set_sensitivity(0)
    page.get_by_role("radio", name="Paint over").check()
    page.get_by_role("button", name="Rectangle", exact=True).click()
    rows, columns = np.nonzero(words[0])
    corners = (int(columns.min()) - 8, int(rows.min()) - 8), (int(columns.max()) + 8, int(rows.max()) + 8)
    console.draw(*corners)
    page.get_by_role("button", name="Save rectangles as a preset").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("shop")
    dialog.get_by_label("Measured from").select_option("bottom-left")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Apply to all").click()
    page.get_by_role("button", name=re.compile(r"Clean all \(3\)")).click()
    for name in ("a.png", "b.png", "c.png"):
        expect(page.get_by_role("button", name=f"{name}: Clean", exact=True)).to_be_visible()
    archive = zipfile.ZipFile(io.BytesIO(console.download("Download all (ZIP)")))
    assert sorted(archive.namelist()) == ["a-clean.png", "b-clean.png", "c-clean.png"]
    near = grown(words[0], 14)
    for name, source, truth in (("a", spoilt, scene), ("b", other, scene[::-1])):
        result = pixels(archive.read(f"{name}-clean.png"))
        assert (result[~near] == pixels(source)[~near]).all()
        assert np.abs(result[words[0]].astype(int) - truth[words[0]]).mean() < 6
    page.get_by_role("button", name="Delete preset shop").click()
    expect(page.get_by_text("None yet.")).to_be_visible()


def test_a_mask_is_what_was_painted_at_full_size(console, words, spoilt, pixels, png, grown):
    page = console.page
    console.bring(("wall.png", spoilt))
    console.set_sensitivity(0)
    page.get_by_label("Hardness").fill("1")
    console.draw((100, 100), (300, 100))
    page.keyboard.press("e")
    console.draw((200, 60), (200, 140))
    saved = pixels(console.download("Save the mask"))
    assert saved.shape == (480, 640, 3)
    assert set(np.unique(saved[100, [110, 150, 250, 290]])) == {255}
    assert saved[100, 200].max() == 0
    assert saved[400].max() == 0

    page.keyboard.press("Control+z")
    whole = pixels(console.download("Save the mask"))
    assert whole[100, 200].min() == 255
    page.keyboard.press("Control+y")
    assert (pixels(console.download("Save the mask")) == saved).all()

    page.get_by_role("button", name="Clear what was painted").click()
    loaded = {"name": "m.png", "mimeType": "image/png", "buffer": png(words[0].astype(np.uint8) * 255)}
    page.get_by_label("Load a mask…").set_input_files(loaded)
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    again = pixels(console.download("Save the mask"))[..., 0] > 127
    assert (again == words[0]).all()


def test_everything_by_keyboard(console, spoilt, pixels):
    page = console.page
    console.bring(("wall.png", spoilt))
    console.set_sensitivity(0)
    page.get_by_role("radio", name="Paint over").check()
    stage = page.get_by_role("application")
    stage.focus()
    stage.press("b")
    stage.press("Enter")
    expect(page.get_by_text("Brush down")).to_be_attached()
    for _ in range(6):
        stage.press("ArrowRight")
    stage.press("Enter")
    expect(page.get_by_text("Brush up")).to_be_attached()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    percent = page.locator(".percent")
    for _ in range(12):
        stage.press("+")
    expect(percent).to_have_text("800 %")
    stage.press("0")
    page.get_by_role("button", name="Clean this picture").press("Enter")
    expect(page.locator(".doing [role=status]")).to_have_text("Clean")
    changed = (pixels(console.download()) != pixels(spoilt)).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert 300 < columns.min() < columns.max() < 480
    assert 200 < rows.min() < rows.max() < 280


def test_a_failure_says_why_and_can_be_tried_again(console, spoilt):
    page = console.page
    console.expected = ("Failed to load resource", "net::ERR")
    console.bring(("wall.png", spoilt))
    console.set_sensitivity(0)
    console.draw((100, 100), (200, 100))
    page.route("**/v1/removals", lambda route: route.abort())
    page.get_by_role("button", name="Clean this picture").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.unroute("**/v1/removals")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".doing [role=status]")).to_have_text("Clean")

    broken = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    page.locator("input[type=file][multiple]").set_input_files(broken)
    page.get_by_role("button", name="notes.png: Failed").click()
    expect(page.get_by_role("alert")).to_contain_text("notes.png is not a picture that can be read")


def test_a_picture_by_its_url(console, origin, spoilt):
    page = console.page
    console.expected = ("400",)
    origin.files = {"wall.png": spoilt, "page.png": b"<p>no picture</p>"}
    page.get_by_role("button", name="From a URL").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("URL of a picture").fill(f"{origin.url}/page.png")
    dialog.get_by_role("button", name="Get").click()
    expect(dialog.get_by_role("alert")).to_contain_text("page.png")
    dialog.get_by_label("URL of a picture").fill(f"{origin.url}/wall.png")
    dialog.get_by_role("button", name="Get").click()
    expect(page.get_by_role("button", name=re.compile("wall.png: "))).to_be_visible()
    expect(page.get_by_text("640 × 480")).to_be_visible()
