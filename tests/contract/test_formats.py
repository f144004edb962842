"""The format of a result: the vendors' clients draw it on a canvas, a native client says what it wants."""

from __future__ import annotations

import base64
import io
import time

import httpx2
import numpy as np
import pytest
from PIL import Image

import watermarked
from forms import file, text
from picwish import INPAINT, REMOVE

KAZE = "/api/ext/v1"
PATIENCE = 20  # seconds; far more than anything here takes
UNSEEN = ["BMP", "TIFF", "JPEG2000"]  # what not every browser shows


def encoded(pixels, kind):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def stamped(pictures, kind):
    """The usual photo with its stamp, as a file of this kind."""
    return encoded(np.asarray(Image.open(io.BytesIO(pictures.photo))), kind)


def cleaned_by_kaze(server, data, pictures):
    fields = {"image_base64": base64.b64encode(data).decode()}
    if pictures is not None:
        fields["smear_base64"] = base64.b64encode(pictures.smear).decode()
    submitted = server.client.post(f"{KAZE}/submit_watermark_removal", json=fields).json()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = server.client.post(f"{KAZE}/get_task_result", json={"task_id": submitted["data"]["task_id"]})
        if told.json()["data"]["images"]:
            return told.json()["data"]["images"][0]["url"]
    raise AssertionError("still running")


def cleaned_by_gptge(server, data, pictures):
    area = {} if pictures is None else {"rectangles": pictures.rectangles}
    parts = {"image_file": file(data), **text({**area, "sync": "1"})}
    return server.client.post("/task/pic/watermark", files=parts).json()["data"]["image"]


def cleaned_by_picwish(server, data, pictures):
    area = {} if pictures is None else {"rectangles": pictures.rectangles}
    parts = {"image_file": file(data), **text({**area, "sync": "1"})}
    answer = server.client.post(INPAINT if area else REMOVE, files=parts).json()["data"]
    return answer["image" if area else "file"]


CLEANED_BY = pytest.mark.parametrize("cleaned", [cleaned_by_kaze, cleaned_by_gptge, cleaned_by_picwish])


@CLEANED_BY
@pytest.mark.parametrize("kind", UNSEEN)
def test_what_browsers_do_not_show_is_answered_as_png_by_the_vendors_calls(server, pictures, cleaned, kind):
    link = cleaned(server, stamped(pictures, kind), pictures)
    result = httpx2.get(link)
    assert link.partition("?")[0].endswith(".png")
    assert result.headers["Content-Type"] == "image/png"
    assert pictures.is_clean(result.content)


@CLEANED_BY
@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("WEBP", "webp"), ("PNG", "png")])
def test_what_they_do_show_keeps_its_format(server, pictures, cleaned, kind, extension):
    link = cleaned(server, stamped(pictures, kind), pictures)
    assert link.partition("?")[0].endswith(f".{extension}")
    assert Image.open(io.BytesIO(httpx2.get(link).content)).format == kind


@CLEANED_BY
def test_a_picture_in_which_nothing_is_found_is_its_own_bytes_in_any_format(server, cleaned):
    data = encoded(watermarked.photo(), "TIFF")
    link = cleaned(server, data, None)
    assert link.partition("?")[0].endswith(".tif")
    assert httpx2.get(link).content == data


@pytest.mark.parametrize("kind", UNSEEN)
def test_the_native_call_keeps_the_format(server, pictures, kind):
    fields = {"rectangles": pictures.rectangles, "sync": "1"}
    told = server.client.post(
        "/v1/removals", files={"file": file(stamped(pictures, kind))}, data=fields
    ).json()
    assert Image.open(io.BytesIO(httpx2.get(told["result"]["url"]).content)).format == kind
