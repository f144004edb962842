"""§2 of the wire facts: what the gpt.ge dialect takes, rule by rule."""

from __future__ import annotations

import base64
import json
import uuid

import httpx2
import pytest

from forms import file, refused, text
from gptge import AUTO, WATERMARK, ask, finished, seconds, submit


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
