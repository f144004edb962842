"""§2 and §4 of the wire facts: the gpt.ge dialect, rule by rule."""

from __future__ import annotations

import base64
import json
import shutil
import time
import uuid

import httpx2
import pytest
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.task import Failure

WATERMARK = "/task/pic/watermark"
AUTO = "/task/pic/watermark_auto"
NOBODY = "3b950563-e53f-4036-a581-5ac04d0829b3"


def text(fields):
    """Text parts of a multipart form, as Python requests makes them: no file name, no content type."""
    return {name: (None, value) for name, value in fields.items()}


def file(data, name="photo.png"):
    return (name, data, "image/png")


def submit(house, path=WATERMARK, **parts):
    answer = house.client.post(path, files=parts)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


def ask(house, task_id):
    answer = house.client.get(f"/task/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(house, task_id):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        body = ask(house, task_id)
        if body["data"]["state"] not in {0, 4}:
            return body
    raise AssertionError("still running")


def refused(answer, status):
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), answer.text
    assert set(body) == {"status", "message"}
    assert body["message"]
    return body["message"]


def seconds(value):
    """Whether this is a plausible Unix time in whole seconds."""
    return type(value) is int and abs(value - time.time()) < 120


class TestWatermark:
    """§2.1"""

    def test_2_1_async_answer_is_exactly_the_documented_one(self, idle, pictures):
        answer = idle.client.post(WATERMARK, files={"image_file": file(pictures.photo)})
        task_id = answer.json()["data"]["task_id"]
        assert answer.status_code == 200
        assert answer.json() == {"status": 200, "message": "success", "data": {"task_id": task_id}}
        assert str(uuid.UUID(task_id)) == task_id

    def test_2_1_sync_answer_has_every_field_of_the_sample(self, server, pictures, web):
        fields = {
            "image_url": web.put("/sample.png", pictures.photo),
            "rectangles": pictures.rectangles,
            "sync": "1",
        }
        answer = server.client.post(WATERMARK, files=text(fields))
        body, data = answer.json(), answer.json()["data"]
        assert (answer.status_code, body["status"], body["message"]) == (200, 200, "success")
        assert (data["state"], data["state_detail"], data["progress"]) == (1, "Complete", 100)
        assert type(data["state"]) is type(data["progress"]) is int
        assert all(seconds(data[name]) for name in ("created_at", "processed_at", "completed_at"))
        assert data["created_at"] <= data["processed_at"] <= data["completed_at"]
        assert (data["image_width"], data["image_height"]) == (64, 48)
        assert data["foreground_rect"] == {"x": 10, "y": 8, "width": 20, "height": 12}
        assert type(data["download_time"]) is int
        assert data["download_time"] > 0
        assert type(data["time_elapsed"]) is float
        assert data["time_elapsed"] > 0
        assert (data["return_type"], data["err_info"]) == (1, "")
        assert (data["output_type"], data["result_type"], data["type"]) == (2, "object", "auto")
        assert str(uuid.UUID(data["task_id"])) == data["task_id"]
        assert pictures.is_clean(httpx2.get(data["image"]).content)

    @pytest.mark.parametrize("name", ["mask", "mask_jpeg", "mask_holes", "mask_half"])
    def test_2_1_mask_file(self, server, pictures, name):
        parts = {
            "image_file": file(pictures.photo),
            "mask_file": file(getattr(pictures, name)),
            **text({"sync": "1"}),
        }
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert data["state"] == 1
        assert data["download_time"] == 0
        assert httpx2.get(data["image"]).content != pictures.photo

    def test_2_1_mask_url_white_means_remove(self, server, pictures, web):
        parts = {
            "image_file": file(pictures.photo),
            **text({"mask_url": web.put("/mask.png", pictures.mask), "sync": "1"}),
        }
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert pictures.is_clean(httpx2.get(data["image"]).content)

    def test_2_1_no_area_at_all_means_automatic(self, server, pictures):
        parts = {"image_file": file(pictures.photo), **text({"sync": "1"})}
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert data["state"] == 1
        if data["foreground_rect"]["width"] == 0:
            assert httpx2.get(data["image"]).content == pictures.photo

    @pytest.mark.parametrize(("path", "name"), [(WATERMARK, "image_file"), (AUTO, "file")])
    def test_our_sensitivity_is_taken_beside_the_vendors_fields(self, idle, pictures, path, name):
        parts = {name: file(pictures.photo)}
        said = submit(idle, path, **parts, **text({"sensitivity": "0.25"}))
        assert idle.task(said).request.sensitivity == 0.25
        assert idle.task(submit(idle, path, **parts)).request.sensitivity == 0.5
        for wrong in ("1.5", "-1", "nan", "high"):
            answer = idle.client.post(path, files={**parts, **text({"sensitivity": wrong})})
            assert "sensitivity" in refused(answer, 400)

    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    def test_2_1_no_source_is_400(self, idle, path):
        message = refused(idle.client.post(path, files=text({"sync": "1"})), 400)
        assert "input file does not exist" in message.lower()

    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    @pytest.mark.parametrize("pair", [("image_file", "image_url"), ("file", "url"), ("file", "image_file")])
    def test_2_1_two_sources_are_400(self, idle, pictures, path, pair):
        parts = {
            name: (None, "https://example.com/a.png") if name.endswith("url") else file(pictures.photo)
            for name in pair
        }
        refused(idle.client.post(path, files=parts), 400)

    @pytest.mark.parametrize(
        "areas",
        [
            {"mask_url": "https://example.com/m.png", "rectangles": "[]"},
            {"mask_file": b"mask", "rectangles": "[]"},
            {"mask_file": b"mask", "mask_url": "https://example.com/m.png"},
        ],
    )
    def test_2_1_two_areas_are_400(self, idle, pictures, areas):
        parts = {"image_file": file(pictures.photo)}
        parts |= {
            name: file(value) if isinstance(value, bytes) else (None, value) for name, value in areas.items()
        }
        assert "exclude" in refused(idle.client.post(WATERMARK, files=parts), 400)

    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    def test_2_1_empty_fields_are_absent(self, idle, pictures, path):
        empty = dict.fromkeys(("image_url", "url", "mask_url", "rectangles", "callback_url", "sync"), "")
        parts = {"image_file": file(pictures.photo), "mask_file": ("", b"", "image/png"), **text(empty)}
        parts |= text({"type": "", "bg_color": "", "return_type": ""})
        submit(idle, path, **parts)

    @pytest.mark.parametrize("name", ["file", "image_file"])
    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    def test_2_1_and_2_2_take_each_others_file_names(self, idle, pictures, path, name):
        submit(idle, path, **{name: file(pictures.photo)})

    @pytest.mark.parametrize("name", ["url", "image_url"])
    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    def test_2_1_and_2_2_take_each_others_url_names(self, idle, path, name):
        submit(idle, path, **text({name: "https://example.com/a.png"}))

    @pytest.mark.parametrize(
        "rectangles",
        [
            "text",
            "{}",
            "[]",
            "[1, 2, 3, 4]",
            '[{"x": 0, "y": 0, "width": 10}]',
            '[{"x": 0, "y": 0, "width": 10, "height": null}]',
            '[{"x": 0, "y": 0, "width": NaN, "height": 5}]',
            '[{"x": 0, "y": 0, "width": 1e999, "height": 5}]',
            '[{"x": 0, "y": 0, "width": 0, "height": 5}]',
            '[{"x": 0, "y": 0, "width": -10, "height": 5}]',
            "[" * 5000,
            json.dumps([{"x": 0, "y": 0, "width": 1, "height": 1}] * 51),
        ],
    )
    def test_2_1_rectangles_that_are_not_at_most_50_are_400(self, idle, rectangles):
        fields = {"image_url": "https://example.com/a.png", "rectangles": rectangles}
        refused(idle.client.post(WATERMARK, files=text(fields)), 400)

    def test_2_1_fifty_rectangles_are_accepted(self, idle):
        rectangles = json.dumps([{"x": 0, "y": 0, "width": 1, "height": 1}] * 50)
        submit(idle, **text({"image_url": "https://example.com/a.png", "rectangles": rectangles}))

    def test_2_1_rectangles_may_be_a_real_array_in_json(self, idle):
        rectangles = [{"x": 1.5, "y": 2, "width": 3, "height": "4"}]
        fields = {"image_url": "https://example.com/a.png", "rectangles": rectangles}
        task_id = idle.client.post(WATERMARK, json=fields).json()["data"]["task_id"]
        assert idle.task(task_id).request.region.rectangles == ((1.5, 2.0, 3.0, 4.0),)

    def test_2_1_rectangles_are_clipped_and_rounded_outward(self, server, pictures):
        rectangles = json.dumps([{"x": 40.5, "y": 30.5, "width": 1000, "height": 1000}])
        parts = {"image_file": file(pictures.photo), **text({"rectangles": rectangles, "sync": "1"})}
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert data["foreground_rect"] == {"x": 40, "y": 30, "width": 24, "height": 18}

    OUTSIDE = json.dumps([{"x": 64, "y": 0, "width": 10, "height": 10}])

    def test_2_1_nothing_left_after_clipping_is_400_for_an_upload(self, idle, pictures):
        parts = {"image_file": file(pictures.photo), **text({"rectangles": self.OUTSIDE})}
        refused(idle.client.post(WATERMARK, files=parts), 400)

    def test_2_1_nothing_left_after_clipping_is_a_failed_task_for_a_url(self, server, pictures, web):
        fields = {"image_url": web.put("/clipped.png", pictures.photo), "rectangles": self.OUTSIDE}
        assert finished(server, submit(server, **text(fields)))["data"]["state"] == -1

    @pytest.mark.parametrize("name", ["mask_empty", "mask_square"])
    def test_2_1_masks_that_cannot_be_meant_are_400(self, idle, pictures, name):
        parts = {"image_file": file(pictures.photo), "mask_file": file(getattr(pictures, name))}
        refused(idle.client.post(WATERMARK, files=parts), 400)

    @pytest.mark.parametrize("data", [b"%PDF-1.7 not a picture", b"\x89PNG\r\n\x1a\n cut off"])
    def test_2_1_an_upload_that_is_not_a_picture_is_400_at_once(self, idle, data):
        refused(idle.client.post(WATERMARK, files={"image_file": file(data)}), 400)
        refused(idle.client.post(AUTO, files={"file": file(data, "document.pdf")}), 400)

    def test_2_1_a_mask_that_is_not_a_picture_is_400_beside_a_url(self, idle):
        parts = {"mask_file": file(b"no"), **text({"image_url": "https://example.com/a.png"})}
        refused(idle.client.post(WATERMARK, files=parts), 400)

    def test_2_1_return_type_2_is_bare_base64_in_the_same_field(self, server, pictures):
        parts = {
            "image_file": file(pictures.photo),
            **text({"mask_url": "", "rectangles": pictures.rectangles, "sync": "1", "return_type": "2"}),
        }
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert data["return_type"] == 2
        assert pictures.is_clean(base64.b64decode(data["image"], validate=True))
        assert ask(server, data["task_id"])["data"]["image"] == data["image"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [("return_type", "3"), ("return_type", "url"), ("sync", "2"), ("sync", "maybe"), ("sync", "-1")],
    )
    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    def test_2_1_wrong_numbers_are_400(self, idle, path, name, value):
        fields = {"image_url": "https://example.com/a.png", name: value}
        assert name in refused(idle.client.post(path, files=text(fields)), 400)

    @pytest.mark.parametrize("sync", ["1", 1, True, "true", "True", 1.0])
    def test_2_1_sync_comes_as_number_text_or_boolean(self, idle, sync):
        body = idle.client.post(AUTO, json={"url": "https://example.com/a.png", "sync": sync}).json()
        assert "state" in body["data"]

    @pytest.mark.parametrize("sync", ["0", 0, False, "false", "", None])
    def test_2_1_async_comes_as_number_text_or_boolean(self, idle, sync):
        body = idle.client.post(AUTO, json={"url": "https://example.com/a.png", "sync": sync}).json()
        assert set(body["data"]) == {"task_id"}

    def test_2_1_when_the_wait_ends_first_the_answer_is_the_running_body(self, idle, pictures):
        parts = {"image_file": file(pictures.photo), **text({"sync": "1"})}
        answer = idle.client.post(WATERMARK, files=parts)
        body = answer.json()
        assert (answer.status_code, body["status"]) == (200, 200)
        assert body["data"]["state"] in {0, 4}
        assert body["data"]["progress"] < 100
        assert not {"image", "file", "completed_at"} & set(body["data"])

    def test_2_1_a_failure_while_waiting_is_the_failed_body(self, server, web):
        fields = {"image_url": f"{web.url}/missing.png", "sync": "1"}
        answer = server.client.post(WATERMARK, files=text(fields))
        body = answer.json()
        assert (answer.status_code, body["status"]) == (200, 200)
        assert body["data"]["state"] == -3
        assert body["message"] == body["data"]["err_message"] == body["data"]["err_info"] != "success"


class TestAuto:
    """§2.2"""

    def test_2_2_sync_answer_has_the_result_in_file_and_in_image(self, server, pictures):
        answer = server.client.post(AUTO, files={"file": file(pictures.photo), **text({"sync": "1"})})
        data = answer.json()["data"]
        assert (data["state"], data["state_detail"], data["progress"]) == (1, "Complete", 100)
        assert data["file"] == data["image"]
        assert httpx2.get(data["file"]).status_code == 200

    def test_2_2_a_url_as_python_requests_sends_it(self, server, pictures, web):
        url = web.put("/auto.jpg", pictures.jpeg)
        answer = server.client.post(AUTO, files={"url": (None, url)}, data={"sync": "1"})
        data = answer.json()["data"]
        assert data["state"] == 1
        assert httpx2.URL(data["file"]).path.endswith(".jpg")


class TestQuery:
    """§2.3, with the rules of §3.5"""

    def test_2_3_done(self, idle, pictures):
        task_id = submit(idle, image_file=file(pictures.photo))
        idle.finish(task_id, pictures.photo)
        body = ask(idle, task_id)
        data = body["data"]
        assert (body["status"], body["message"]) == (200, "success")
        assert data["mask"] == ""
        assert (data["task_id"], data["state"], data["progress"]) == (task_id, 1, 100)
        assert data["image"].startswith(f"{idle.url}/files/{task_id}.png?")
        assert "file" not in data

    def test_2_3_auto_has_file_and_image(self, idle, pictures):
        task_id = submit(idle, AUTO, file=file(pictures.photo))
        idle.finish(task_id, pictures.photo)
        data = ask(idle, task_id)["data"]
        assert data["file"] == data["image"]
        assert data["mask"] == ""

    def test_2_3_nothing_found_has_an_empty_box(self, idle, pictures):
        task_id = submit(idle, AUTO, file=file(pictures.photo))
        idle.finish(task_id, pictures.photo, box=None, changed=False)
        assert ask(idle, task_id)["data"]["foreground_rect"] == {"x": 0, "y": 0, "width": 0, "height": 0}

    def test_2_3_a_fresh_task_is_known_at_once(self, idle, pictures):
        body = ask(idle, submit(idle, image_file=file(pictures.photo)))
        assert (body["status"], body["message"]) == (200, "success")
        data = body["data"]
        assert (data["state"], data["state_detail"], data["progress"]) == (0, "Queued", 0)
        assert seconds(data["created_at"])
        assert not {"image", "file", "mask", "processed_at", "completed_at"} & set(data)

    def test_2_3_running(self, idle, pictures):
        task_id = submit(idle, AUTO, file=file(pictures.photo))
        idle.claim(task_id)
        data = ask(idle, task_id)["data"]
        assert (data["state"], data["state_detail"]) == (4, "Processing")
        assert 0 <= data["progress"] < 100
        assert seconds(data["processed_at"])
        assert not {"image", "file", "mask", "completed_at"} & set(data)

    @pytest.mark.parametrize(
        ("code", "state", "detail"),
        [
            ("region_empty", -1, "Failed"),
            ("worker_crashed", -1, "Failed"),
            ("storage_failed", -2, "Upload failed"),
            ("fetch_failed", -3, "Download failed"),
            ("fetch_refused", -3, "Download failed"),
            ("fetch_timeout", -3, "Download failed"),
            ("fetch_too_large", -5, "File too large"),
            ("picture_too_large", -5, "File too large"),
            ("picture_unreadable", -7, "Invalid file"),
            ("picture_format_unsupported", -7, "Invalid file"),
            ("picture_too_small", -7, "Invalid file"),
            ("task_timeout", -8, "Timeout"),
        ],
    )
    def test_2_3_a_failed_task_is_http_200_with_a_negative_state(self, idle, pictures, code, state, detail):
        task_id = submit(idle, image_file=file(pictures.photo))
        idle.fail(task_id, Failure(code, "the reason"))
        body = ask(idle, task_id)
        data = body["data"]
        assert (body["status"], body["message"]) == (200, "the reason")
        assert (data["state"], data["state_detail"], data["progress"]) == (state, detail, 0)
        assert data["err_message"] == data["err_info"] == "the reason"
        assert seconds(data["completed_at"])
        assert not {"image", "file", "mask"} & set(data)

    @pytest.mark.parametrize(
        ("content", "state"), [(b"GIF89a nonsense", -7), (None, -3)], ids=["not a picture", "missing"]
    )
    def test_2_3_bad_urls_fail_the_task(self, server, web, content, state):
        url = f"{web.url}/nothing-here" if content is None else web.put("/bad.gif", content)
        assert finished(server, submit(server, **text({"image_url": url})))["data"]["state"] == state

    def test_2_3_a_content_type_without_a_body_is_ignored(self, idle, pictures):
        task_id = submit(idle, image_file=file(pictures.photo))
        answer = idle.client.get(f"/task/{task_id}", headers={"Content-Type": "application/json"})
        assert answer.status_code == 200

    @pytest.mark.parametrize("task_id", [NOBODY, "unknown", "pic", "%20", "a" * 3000, "%00"])
    def test_2_3_an_unknown_id_is_404(self, idle, task_id):
        answer = idle.client.get(f"/task/{task_id}")
        assert answer.status_code == 404
        refused(answer, 404)

    def test_2_3_the_text_for_an_unknown_id(self, idle):
        answer = idle.client.get(f"/task/{uuid.uuid4()}")
        assert answer.json() == {"status": 404, "message": "task not found"}

    def test_2_3_another_accounts_task_is_unknown(self, idle, pictures):
        task_id = submit(idle, image_file=file(pictures.photo))
        stranger = {"Authorization": f"Bearer {idle.token('stranger')}"}
        refused(idle.client.get(f"/task/{task_id}", headers=stranger), 404)


class TestErrors:
    """§2.3, last lines, and §3.7"""

    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    def test_3_7_wrong_token(self, idle, path):
        for token in ("", "Bearer cp_wrong"):
            refused(idle.client.post(path, headers={"Authorization": token}), 401)
        refused(idle.client.get("/task/x", headers={"Authorization": "wrong"}), 401)

    def test_3_7_wrong_method(self, idle):
        refused(idle.client.get(WATERMARK), 405)
        refused(idle.client.put(AUTO), 405)
        refused(idle.client.delete(f"/task/{uuid.uuid4()}"), 405)

    def test_3_7_unknown_path(self, idle):
        refused(idle.client.post("/task/pic/segmentation/more"), 404)
        refused(idle.client.get("/task"), 404)

    def test_3_7_out_of_credits_says_so(self, idle, pictures):
        headers = {"Authorization": f"Bearer {idle.token('broke')}"}
        idle.call(idle.services.accounts.grant("broke", 1))
        parts = {"image_file": file(pictures.photo)}
        assert idle.client.post(WATERMARK, files=parts, headers=headers).status_code == 200
        message = refused(idle.client.post(WATERMARK, files=parts, headers=headers), 402)
        assert "insufficient credits" in message.lower()

    def test_3_7_a_full_queue_is_429_with_retry_after(self, house, pictures):
        full = house(task=settings.Task(max_queued=1))
        submit(full, image_file=file(pictures.photo))
        answer = full.client.post(WATERMARK, files={"image_file": file(pictures.photo)})
        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) >= 1

    def test_3_7_too_large_an_upload_is_413(self, house, pictures):
        small = house(http=settings.Http(max_body_bytes=100_000), picture=settings.Picture(max_bytes=100))
        refused(small.client.post(WATERMARK, files={"image_file": file(b"\0" * 200_000)}), 413)
        refused(small.client.post(WATERMARK, files={"image_file": file(pictures.photo)}), 413)

    def test_3_7_storage_that_fails_is_500(self, house, pictures):
        broken = house()
        folder = broken.settings.data_dir / "blobs"
        shutil.rmtree(folder)
        folder.write_text("in the way")
        refused(broken.client.post(WATERMARK, files={"image_file": file(pictures.photo)}), 500)

    def test_3_7_a_defect_is_500_and_tells_nothing(self, idle, pictures):
        answer = idle.call_defective(AUTO, files={"file": file(pictures.photo)})
        assert "inner life" not in refused(answer, 500)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


class TestCallback:
    """§4"""

    @pytest.mark.parametrize("path", [WATERMARK, AUTO])
    @pytest.mark.parametrize(
        "url",
        ["not a url", "ftp://example.com/", "http://", "data:image/png;base64,AAAA", "https://u:p@e.com/"],
    )
    def test_4_an_invalid_callback_url_is_400(self, idle, pictures, path, url):
        parts = {"image_file": file(pictures.photo), **text({"callback_url": url})}
        assert "callback_url" in refused(idle.client.post(path, files=parts), 400)

    @pytest.mark.parametrize("sync", ["0", "1"])
    def test_4_the_body_is_the_query_answer_signed(self, server, pictures, web, sync):
        fields = {"rectangles": pictures.rectangles, "callback_url": f"{web.url}/done/{sync}", "sync": sync}
        parts = {"image_file": file(pictures.photo), **text(fields)}
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert ("image" in data) == (sync == "1")
        _, headers, body = web.wait_for_post(f"/done/{sync}")
        assert headers["Content-Type"].startswith("application/json")
        assert json.loads(body) == ask(server, data["task_id"])
        assert pictures.is_clean(httpx2.get(json.loads(body)["data"]["image"]).content)
        secret = server.call(server.services.accounts.get("default")).webhook_secret
        assert Webhook(secret).verify(body, headers)

    def test_4_a_failed_task_is_called_back_too(self, server, web):
        fields = {"image_url": f"{web.url}/nowhere.png", "callback_url": f"{web.url}/failed"}
        task_id = submit(server, **text(fields))
        _, _, body = web.wait_for_post("/failed")
        assert json.loads(body) == ask(server, task_id)
        assert json.loads(body)["data"]["state"] == -3

    def test_4_an_unreachable_callback_never_fails_the_task(self, server, pictures):
        fields = {"callback_url": "http://127.0.0.1:1/nobody", "sync": "1"}
        parts = {"image_file": file(pictures.photo), **text(fields)}
        assert server.client.post(AUTO, files=parts).json()["data"]["state"] == 1

    def test_4_base64_results_are_in_the_callback_too(self, server, pictures, web):
        fields = {"rectangles": pictures.rectangles, "return_type": "2", "callback_url": f"{web.url}/inside"}
        task_id = submit(server, **{"image_file": file(pictures.photo), **text(fields)})
        _, headers, body = web.wait_for_post("/inside")
        secret = server.call(server.services.accounts.get("default")).webhook_secret
        told = Webhook(secret).verify(body, headers)
        assert pictures.is_clean(base64.b64decode(told["data"]["image"], validate=True))
        assert told == ask(server, task_id)
