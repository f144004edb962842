"""§3 of the wire facts, and §4 and §5 as far as they concern it: the PicWish dialect, rule by rule."""

from __future__ import annotations

import base64
import json
import shutil
import time
import uuid
from urllib.parse import urlencode

import httpx2
import pytest
import requests
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.task import Failure

REMOVE = "/api/tasks/visual/external/watermark-remove"
INPAINT = "/api/tasks/visual/inpaint"
WATERMARK = "/api/tasks/visual/watermark"
CREDITS = "/api/customers/package-credits"
CALLS = [REMOVE, INPAINT, WATERMARK]
NOBODY = "3b950563-e53f-4036-a581-5ac04d0829b3"
URL = "https://example.com/a.png"
BOX = '[{"x":0,"y":0,"width":10,"height":10}]'
RESULTS = {"image", "file"}


@pytest.fixture
def key(idle):
    return {"X-API-KEY": idle.secret}


def text(fields):
    """Text parts of a multipart form, as Python requests makes them: no file name, no content type."""
    return {name: (None, value) for name, value in fields.items()}


def file(data, name="photo.png"):
    return (name, data, "image/png")


def area(path):
    """What a call needs beside a picture."""
    return text({"rectangles": BOX}) if path == INPAINT else {}


def field_of(path):
    return "file" if path == REMOVE else "image"


def submit(house, path, **parts):
    answer = house.client.post(path, files={**area(path), **parts})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


def ask(house, path, task_id):
    answer = house.client.get(f"{path}/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(house, path, task_id):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        body = ask(house, path, task_id)
        if body["data"]["state"] not in {0, 2, 3, 4}:
            return body
    raise AssertionError("still running")


def refused(answer, status):
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), answer.text
    assert set(body) == {"status", "message"}
    assert body["message"]
    return body["message"]


def unfinished(body):
    """A body that no client takes for a result."""
    data = body["data"]
    assert body["status"] == 200
    assert type(data["state"]) is type(data["progress"]) is int
    assert data["state"] in {0, 2, 3, 4}
    assert 0 <= data["progress"] < 100
    assert not (RESULTS | {"completed_at"}) & set(data)
    return data


class TestAuthentication:
    """§3, first lines"""

    @pytest.mark.parametrize("path", CALLS)
    def test_3_the_key_is_in_x_api_key(self, idle, key, path):
        fields = {"image_url": URL, "rectangles": BOX}
        assert httpx2.post(idle.url + path, json=fields, headers=key).status_code == 200
        refused(httpx2.post(idle.url + path, json=fields, headers={"X-API-KEY": "wrong"}), 401)
        refused(httpx2.post(idle.url + path, json=fields), 401)

    @pytest.mark.parametrize("path", CALLS)
    def test_3_queries_and_credits_ask_for_the_key_too(self, idle, path):
        refused(httpx2.get(f"{idle.url}{path}/{uuid.uuid4()}", headers={"X-API-KEY": "wrong"}), 401)
        refused(httpx2.get(idle.url + CREDITS), 401)


class TestWatermarkRemove:
    """§3.1"""

    def test_3_1_a_file_in_a_form(self, server, pictures):
        answer = server.client.post(REMOVE, files={"file": file(pictures.photo), **text({"sync": "1"})})
        data = answer.json()["data"]
        assert (data["state"], data["progress"]) == (1, 100)
        assert httpx2.get(data["file"]).status_code == 200
        assert "image" not in data

    def test_3_1_a_url_in_json_with_a_number(self, idle):
        answer = idle.client.post(REMOVE, json={"url": URL, "sync": 0})
        task = idle.accepted(answer)
        assert (task.request.dialect, task.request.operation) == ("picwish", "watermark-remove")
        assert task.request.source.value == URL
        assert task.request.region is None

    @pytest.mark.parametrize("path", CALLS)
    @pytest.mark.parametrize("name", ["file", "image_file"])
    def test_3_1_both_names_of_a_file(self, idle, pictures, path, name):
        task_id = submit(idle, path, **{name: file(pictures.photo)})
        assert idle.call(idle.services.blobs.get(idle.task(task_id).request.source.value)) == pictures.photo

    @pytest.mark.parametrize("path", CALLS)
    @pytest.mark.parametrize("name", ["url", "image_url"])
    def test_3_1_both_names_of_a_url(self, idle, path, name):
        task_id = submit(idle, path, **text({name: URL}))
        assert idle.task(task_id).request.source.value == URL

    def test_3_1_base64_in_json(self, idle, pictures):
        encoded = base64.b64encode(pictures.photo).decode()
        for spelled in (encoded, f"data:image/png;base64,{encoded}"):
            task = idle.accepted(idle.client.post(REMOVE, json={"image_base64": spelled}))
            assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo
        refused(idle.client.post(REMOVE, json={"image_base64": "not base64!"}), 400)

    def test_3_1_a_data_url_as_image_url(self, idle, pictures):
        url = "data:image/png;base64," + base64.b64encode(pictures.photo).decode()
        task = idle.accepted(idle.client.post(REMOVE, json={"image_url": url}))
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    @pytest.mark.parametrize("path", CALLS)
    @pytest.mark.parametrize("fields", [{}, {"image": "x"}, {"url": ""}, {"file": None, "url": None}])
    def test_3_1_nothing_usable_says_that_the_input_file_does_not_exist(self, idle, path, fields):
        message = refused(idle.client.post(path, json={**fields, "rectangles": BOX}), 400)
        assert "input file does not exist" in message

    def test_3_1_callback_url_is_taken(self, idle):
        task = idle.accepted(idle.client.post(REMOVE, json={"url": URL, "callback_url": "https://e.com/x"}))
        assert task.request.callback_url == "https://e.com/x"

    def test_3_1_an_area_is_not_looked_at(self, idle):
        fields = {"url": URL, "rectangles": "nonsense", "mask_url": URL}
        assert idle.accepted(idle.client.post(REMOVE, json=fields)).request.region is None


class TestInpaint:
    """§3.3"""

    @pytest.mark.parametrize("path", [INPAINT, WATERMARK])
    def test_3_3_rectangles_and_the_result_is_in_image(self, server, pictures, path):
        fields = {"rectangles": pictures.rectangles, "sync": "1"}
        data = server.client.post(path, files={"image_file": file(pictures.photo), **text(fields)}).json()[
            "data"
        ]
        assert (data["state"], data["progress"], data["return_type"]) == (1, 100, 1)
        assert (data["image_width"], data["image_height"]) == (64, 48)
        assert pictures.is_clean(httpx2.get(data["image"]).content)
        assert "file" not in data

    @pytest.mark.parametrize("name", ["mask", "mask_jpeg", "mask_holes", "mask_half"])
    def test_3_3_masks_as_they_are_seen_in_the_wild(self, server, pictures, name):
        parts = {"image_file": file(pictures.photo), "mask_file": file(getattr(pictures, name))}
        answer = server.client.post(INPAINT, files={**parts, **text({"sync": "1"})})
        data = answer.json()["data"]
        assert data["state"] == 1
        assert httpx2.get(data["image"]).content != pictures.photo

    def test_3_3_mask_url(self, server, pictures, web):
        fields = {
            "image_url": web.put("/pw.png", pictures.photo),
            "mask_url": web.put("/pw-mask.png", pictures.mask),
            "sync": 1,
        }
        data = server.client.post(INPAINT, json=fields).json()["data"]
        assert pictures.is_clean(httpx2.get(data["image"]).content)

    def test_3_3_exactly_one_area(self, idle, pictures):
        parts = {"image_file": file(pictures.photo)}
        assert "area" in refused(idle.client.post(INPAINT, files=parts), 400)
        two = {**parts, "mask_file": file(pictures.mask), **text({"rectangles": BOX})}
        for path in (INPAINT, WATERMARK):
            assert "exclude" in refused(idle.client.post(path, files=two), 400)

    @pytest.mark.parametrize("path", CALLS)
    @pytest.mark.parametrize("pair", [("file", "url"), ("image_file", "image_url"), ("url", "image_url")])
    def test_3_6_two_sources_are_400(self, idle, pictures, path, pair):
        parts = {name: (None, URL) if name.endswith("url") else file(pictures.photo) for name in pair}
        refused(idle.client.post(path, files={**area(path), **parts}), 400)

    def test_3_3_rectangles_up_to_50(self, idle):
        one = {"x": 0, "y": 0, "width": 1, "height": 1}
        fields = {"image_url": URL, "rectangles": [one] * 50}
        assert len(idle.accepted(idle.client.post(INPAINT, json=fields)).request.region.rectangles) == 50
        refused(idle.client.post(INPAINT, json={**fields, "rectangles": [one] * 51}), 400)
        for wrong in ("text", "{}", "[[1,2,3,4]]", '[{"x":0,"y":0,"width":10}]'):
            refused(idle.client.post(INPAINT, json={**fields, "rectangles": wrong}), 400)

    def test_3_3_a_removal_area_of_more_than_half_is_fine(self, server, pictures):
        fields = {"rectangles": '[{"x":0,"y":0,"width":60,"height":48}]', "sync": "1"}
        parts = {"image_file": file(pictures.photo), **text(fields)}
        assert server.client.post(INPAINT, files=parts).json()["data"]["state"] == 1

    def test_3_3_an_empty_mask_is_400_on_the_line_and_a_failed_task_otherwise(self, server, pictures):
        parts = {"image_file": file(pictures.photo), "mask_file": file(pictures.mask_empty)}
        message = refused(server.client.post(INPAINT, files={**parts, **text({"sync": "1"})}), 400)
        assert "mask is empty" in message
        body = finished(server, INPAINT, submit_only(server, INPAINT, parts))
        assert body["data"]["state"] == -1
        assert "mask is empty" in body["data"]["err_message"]

    @pytest.mark.parametrize("sync", ["0", "1"])
    def test_3_3_a_mask_of_another_shape_is_400(self, idle, pictures, sync):
        parts = {"image_file": file(pictures.photo), "mask_file": file(pictures.mask_square)}
        refused(idle.client.post(INPAINT, files={**parts, **text({"sync": sync})}), 400)

    @pytest.mark.parametrize("path", CALLS)
    def test_3_3_return_type_2_is_bare_base64_in_the_same_field(self, idle, pictures, path):
        task_id = submit(idle, path, file=file(pictures.photo), **text({"return_type": "2"}))
        idle.finish(task_id, pictures.photo)
        data = ask(idle, path, task_id)["data"]
        assert data["return_type"] == 2
        assert base64.b64decode(data[field_of(path)], validate=True) == pictures.photo

    def test_3_3_return_type_3_is_the_picture_itself(self, server, pictures):
        fields = {"rectangles": pictures.rectangles, "sync": "1", "return_type": "3"}
        parts = {"image_file": file(pictures.photo), **text(fields)}
        answer = server.client.post(INPAINT, files=parts)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
        assert pictures.is_clean(answer.content)

    def test_3_3_return_type_3_that_fails_is_the_failed_body(self, server, web):
        fields = {"image_url": f"{web.url}/none.png", "rectangles": BOX, "sync": 1, "return_type": 3}
        body = server.client.post(INPAINT, json=fields).json()
        assert (body["status"], body["data"]["state"]) == (200, -3)

    @pytest.mark.parametrize(
        ("name", "value"), [("return_type", "4"), ("return_type", "3"), ("sync", "2"), ("sync", "x")]
    )
    @pytest.mark.parametrize("path", CALLS)
    def test_3_3_wrong_numbers_are_400(self, idle, path, name, value):
        fields = {"image_url": URL, "rectangles": BOX, name: value}
        assert name in refused(idle.client.post(path, json=fields), 400)


def submit_only(house, path, parts):
    answer = house.client.post(path, files=parts)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


class TestWatermark:
    """§3.4"""

    def test_3_4_a_picture_only_means_automatic(self, server, pictures):
        parts = {"image_file": file(pictures.photo), **text({"sync": "1"})}
        data = server.client.post(WATERMARK, files=parts).json()["data"]
        assert data["state"] == 1
        assert httpx2.get(data["image"]).status_code == 200

    @pytest.mark.parametrize("guess", ["inpainting", "objectremoval", "erase", "external/other"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_3_4_guessed_paths_are_a_json_404(self, idle, method, guess):
        refused(idle.client.request(method, f"/api/tasks/visual/{guess}"), 404)


class TestAnswers:
    """§3.2 and §3.5"""

    @pytest.mark.parametrize("path", CALLS)
    def test_3_5_async_create_is_200_and_exactly_this(self, idle, pictures, path):
        answer = idle.client.post(path, files={**area(path), "file": file(pictures.photo)})
        task_id = answer.json()["data"]["task_id"]
        assert answer.status_code == 200
        assert answer.json() == {"status": 200, "message": "success", "data": {"task_id": task_id}}
        assert str(uuid.UUID(task_id)) == task_id

    @pytest.mark.parametrize("path", CALLS)
    def test_3_5_rule_1_and_5_and_6_on_the_way(self, idle, path):
        task_id = submit(idle, path, **text({"image_url": URL}))
        body = ask(idle, path, task_id)  # 0 ms after the answer
        data = unfinished(body)
        assert (data["task_id"], data["state"], data["state_detail"]) == (task_id, 0, "Queued")
        assert type(data["created_at"]) is int
        assert "processed_at" not in data
        idle.claim(task_id)
        data = unfinished(ask(idle, path, task_id))
        assert (data["state"], data["state_detail"]) == (4, "Processing")
        assert type(data["processed_at"]) is int
        assert None not in data.values()
        assert "" not in data.values()

    @pytest.mark.parametrize("path", CALLS)
    def test_3_5_rule_2_done(self, idle, pictures, path):
        task_id = submit(idle, path, file=file(pictures.photo))
        idle.finish(task_id, pictures.photo)
        body = ask(idle, path, task_id)
        data = body["data"]
        assert (body["status"], body["message"]) == (200, "success")
        assert (data["state"], data["progress"], data["state_detail"]) == (1, 100, "Complete")
        times = [data[name] for name in ("created_at", "processed_at", "completed_at")]
        assert all(type(one) is int and abs(one - time.time()) < 120 for one in times)
        assert times == sorted(times)
        assert set(data) & RESULTS == {field_of(path)}
        link = httpx2.URL(data[field_of(path)])
        assert link.path.endswith(f"{task_id}.png")
        assert httpx2.get(link).content == pictures.photo  # no key

    @pytest.mark.parametrize(
        ("code", "state", "detail"),
        [
            ("worker_crashed", -1, "Failed"),
            ("region_empty", -1, "Failed"),
            ("storage_failed", -2, "Upload failed"),
            ("fetch_failed", -3, "Download failed"),
            ("fetch_refused", -3, "Download failed"),
            ("fetch_timeout", -3, "Download failed"),
            ("fetch_too_large", -5, "File too large"),
            ("picture_too_large", -5, "File too large"),
            ("picture_unreadable", -7, "Invalid file"),
            ("picture_too_small", -7, "Invalid file"),
            ("picture_format_unsupported", -7, "Invalid file"),
            ("task_timeout", -8, "Timeout"),
            ("picture_too_slow", -8, "Timeout"),
        ],
    )
    def test_3_5_rules_3_and_4_failed(self, idle, code, state, detail):
        task_id = submit(idle, REMOVE, **text({"url": URL}))
        idle.fail(task_id, Failure(code, "the reason"))
        body = ask(idle, REMOVE, task_id)
        data = body["data"]
        assert (body["status"], body["message"]) == (200, "the reason")
        assert (data["state"], data["state_detail"], data["progress"]) == (state, detail, 0)
        assert data["err_message"] == data["err_info"] == "the reason"
        assert not RESULTS & set(data)

    @pytest.mark.parametrize("path", CALLS)
    def test_3_5_when_the_wait_ends_first_the_answer_is_the_running_body(self, idle, path):
        answer = idle.client.post(path, json={"image_url": URL, "rectangles": BOX, "sync": 1})
        assert answer.status_code == 200
        task_id = unfinished(answer.json())["task_id"]
        unfinished(ask(idle, path, task_id))

    def test_3_5_a_failure_on_the_line_is_the_failed_body(self, server, web):
        answer = server.client.post(REMOVE, json={"url": f"{web.url}/none.png", "sync": 1})
        body = answer.json()
        assert (answer.status_code, body["status"], body["data"]["state"]) == (200, 200, -3)
        assert body["message"] == body["data"]["err_message"] != "success"

    @pytest.mark.parametrize("path", CALLS)
    @pytest.mark.parametrize(
        "task_id", [str(uuid.UUID(int=7, version=4)), "unknown", "%20", "a" * 3000, "%00"]
    )
    def test_3_7_an_unknown_task_is_404(self, idle, path, task_id):
        assert refused(idle.client.get(f"{path}/{task_id}"), 404) == "task not found"

    def test_3_7_another_accounts_task_is_unknown(self, idle):
        task_id = submit(idle, REMOVE, **text({"url": URL}))
        refused(httpx2.get(f"{idle.url}{REMOVE}/{task_id}", headers={"X-API-KEY": idle.token("pw")}), 404)

    def test_3_7_an_expired_task_is_404(self, idle):
        task_id = submit(idle, REMOVE, **text({"url": URL}))
        idle.age = -idle.settings.task.keep_seconds - 1
        try:
            refused(idle.client.get(f"{REMOVE}/{task_id}"), 404)
        finally:
            idle.age = 0


class TestPictures:
    """§3.6: what is wrong with a picture is told by its task."""

    @pytest.mark.parametrize("sync", ["0", "1"])
    @pytest.mark.parametrize("how", ["upload", "url"])
    @pytest.mark.parametrize("bad", ["not a picture", "cut off", "under 20 pixels"])
    def test_3_6_an_invalid_picture_is_state_minus_7(self, server, pictures, web, bad, how, sync):
        data = {
            "not a picture": b"%PDF-1.7 no",
            "cut off": b"\x89PNG\r\n\x1a\n cut off",
            "under 20 pixels": pictures.tiny,
        }[bad]
        parts = {"file": file(data, "document.pdf")} if how == "upload" else {}
        parts |= text({"url": web.put("/bad.png", data)}) if how == "url" else {}
        answer = server.client.post(REMOVE, files={**parts, **text({"sync": sync})})
        assert answer.status_code == 200
        body = finished(server, REMOVE, answer.json()["data"]["task_id"])
        assert (body["data"]["state"], body["data"]["state_detail"]) == (-7, "Invalid file")
        if sync == "1":
            assert answer.json() == body

    @pytest.mark.parametrize("how", ["upload", "url"])
    def test_3_6_too_large_a_picture_is_state_minus_5(self, house, pictures, web, how):
        small = house(worker=True, picture=settings.Picture(max_side=50))
        parts = {"file": file(pictures.photo)} if how == "upload" else {}
        parts |= text({"url": web.put("/large.png", pictures.photo)}) if how == "url" else {}
        data = small.client.post(REMOVE, files={**parts, **text({"sync": "1"})}).json()["data"]
        assert (data["state"], data["progress"]) == (-5, 0)

    def test_3_6_a_failed_picture_costs_nothing(self, server):
        own = {"X-API-KEY": server.token("pw-thrifty")}
        server.client.post(
            REMOVE, files={"file": file(b"no"), **text({"sync": "1"})}, headers=own
        ).raise_for_status()
        [package] = httpx2.get(server.url + CREDITS, headers=own).json()["data"]
        assert package["used_credits"] == 0

    @pytest.mark.parametrize(("name", "extension"), [("photo", "png"), ("jpeg", "jpg")])
    def test_0_6_the_format_stays(self, server, pictures, name, extension):
        parts = {"file": file(getattr(pictures, name), "org"), **text({"sync": "1"})}
        link = server.client.post(REMOVE, files=parts).json()["data"]["file"]
        assert httpx2.URL(link).path.endswith(f".{extension}")


class TestStatuses:
    """§3.7"""

    @pytest.mark.parametrize("path", CALLS)
    def test_3_7_wrong_method(self, idle, path):
        refused(idle.client.put(path), 405)
        refused(idle.client.delete(f"{path}/{uuid.uuid4()}"), 405)

    def test_3_7_unknown_path(self, idle):
        refused(idle.client.get("/api/tasks"), 404)
        refused(idle.client.get("/api/customers/other"), 404)

    def test_3_7_too_large_an_upload_is_413(self, house):
        small = house(http=settings.Http(max_body_bytes=100_000))
        refused(small.client.post(REMOVE, files={"file": file(b"\0" * 200_000)}), 413)

    def test_3_7_out_of_credits_is_402_and_says_so(self, idle):
        own = {"X-API-KEY": idle.token("pw-broke")}
        idle.call(idle.services.accounts.grant("pw-broke", 1))
        assert httpx2.post(idle.url + REMOVE, json={"url": URL}, headers=own).status_code == 200
        message = refused(httpx2.post(idle.url + REMOVE, json={"url": URL}, headers=own), 402)
        assert "insufficient credits" in message.lower()

    def test_3_7_a_full_queue_is_429_with_retry_after(self, house):
        full = house(task=settings.Task(max_queued=1))
        submit(full, REMOVE, **text({"url": URL}))
        answer = full.client.post(REMOVE, json={"url": URL})
        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) >= 1

    def test_3_7_storage_that_fails_is_500(self, house, pictures):
        broken = house()
        folder = broken.settings.data_dir / "blobs"
        shutil.rmtree(folder)
        folder.write_text("in the way")
        refused(broken.client.post(REMOVE, files={"file": file(pictures.photo)}), 500)

    def test_3_7_a_defect_is_500_and_tells_nothing(self, idle, pictures):
        answer = idle.call_defective(REMOVE, files={"file": file(pictures.photo)})
        assert "inner life" not in refused(answer, 500)


class TestCredits:
    """§3.7, last lines"""

    def test_3_7_balance_of_a_metered_account(self, idle):
        own = {"X-API-KEY": idle.token("pw-saver")}
        idle.call(idle.services.accounts.grant("pw-saver", 7))
        httpx2.post(idle.url + REMOVE, json={"url": URL}, headers=own).raise_for_status()
        answer = httpx2.get(idle.url + CREDITS, headers=own)
        assert answer.status_code == 200
        assert answer.json()["status"] == 200
        assert answer.json()["data"] == [{"remaining_credits": 6, "used_credits": 1}]

    def test_3_7_an_unlimited_account_has_plenty(self, idle):
        own = {"X-API-KEY": idle.token("pw-rich")}
        [package] = httpx2.get(idle.url + CREDITS, headers=own).json()["data"]
        assert package == {"remaining_credits": 1_000_000_000, "used_credits": 0}

    def test_3_7_the_documented_path_is_a_404_as_with_the_vendor(self, idle):
        assert idle.client.get("/tech/customers/package-credits").status_code == 404


class TestBodies:
    """§0.2 on these paths, and traps 3, 6 and 10."""

    @pytest.mark.parametrize("path", CALLS)
    def test_0_2_empty_fields_are_absent(self, idle, pictures, path):
        empty = dict.fromkeys(("url", "image_url", "mask_url", "callback_url", "sync", "return_type"), "")
        parts = {"image_file": file(pictures.photo), "mask_file": ("", b"", "image/png"), **text(empty)}
        submit(idle, path, **parts)

    @pytest.mark.parametrize("path", CALLS)
    def test_0_2_scalars_in_the_query_string_beside_the_file(self, idle, pictures, path):
        query = {"sync": "1", "return_type": "2", "rectangles": BOX}
        answer = idle.client.post(f"{path}?{urlencode(query)}", files={"file": file(pictures.photo)})
        assert unfinished(answer.json())["return_type"] == 2

    @pytest.mark.parametrize("path", CALLS)
    def test_0_2_urlencoded(self, idle, path):
        answer = idle.client.post(path, data={"image_url": URL, "rectangles": BOX, "sync": "0"})
        assert idle.accepted(answer).request.source.value == URL

    def test_0_2_json_without_a_content_type(self, idle, key):
        body = json.dumps({"url": URL}).encode()
        assert idle.accepted(httpx2.post(idle.url + REMOVE, content=body, headers=key))

    def test_0_2_multipart_without_a_boundary_a_length_or_a_file_name(self, idle, pictures, key):
        body = (
            b'--XyZ\r\nContent-Disposition: form-data; name="sync"\r\n\r\n0\r\n'
            b'--XyZ\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
            + pictures.photo
            + b"\r\n--XyZ--\r\n"
        )

        def pieces():
            for at in range(0, len(body), 100):
                yield body[at : at + 100]

        headers = {**key, "Content-Type": "multipart/form-data"}
        answer = httpx2.post(idle.url + REMOVE, content=pieces(), headers=headers)
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        task = idle.accepted(answer)
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    def test_0_2_python_requests(self, idle, pictures, key):
        answer = requests.post(
            idle.url + WATERMARK,
            headers=key,
            data={"sync": 0, "rectangles": BOX},
            files={"image_file": ("org", pictures.photo, "image/jpg")},
            timeout=20,
        )
        assert idle.accepted(answer).request.region is not None

    @pytest.mark.parametrize("path", [*CALLS, CREDITS])
    def test_0_3_browsers(self, idle, path):
        origin = {"Origin": "https://app.example.com"}
        wanted = "x-api-key,content-type,access-control-allow-origin"
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
        preflight = httpx2.options(idle.url + path, headers=origin | asked)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Headers"] == wanted
        for answer in (idle.client.get(path, headers=origin), idle.client.post(path, headers=origin)):
            assert answer.headers["Access-Control-Allow-Origin"] == "*"

    def test_0_3_results_can_be_drawn_on_a_canvas(self, idle, pictures):
        task_id = submit(idle, REMOVE, file=file(pictures.photo))
        idle.finish(task_id, pictures.photo)
        link = ask(idle, REMOVE, task_id)["data"]["file"]
        answer = httpx2.get(link, headers={"Origin": "https://app.example.com"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("path", CALLS)
    def test_0_3_trailing_slashes(self, idle, path):
        task_id = idle.client.post(f"{path}/", json={"url": URL, "rectangles": BOX}).json()["data"]["task_id"]
        assert idle.client.get(f"{path}/{task_id}/").status_code == 200

    @pytest.mark.parametrize("path", CALLS)
    def test_our_sensitivity_is_taken_beside_the_vendors_fields(self, idle, path):
        fields = {"image_url": URL, "rectangles": BOX, "sensitivity": 0.25}
        assert idle.accepted(idle.client.post(path, json=fields)).request.sensitivity == 0.25
        assert "sensitivity" in refused(idle.client.post(path, json={**fields, "sensitivity": 2}), 400)


class TestCallback:
    """§4"""

    @pytest.mark.parametrize("path", CALLS)
    def test_4_the_body_is_the_query_answer_signed(self, server, pictures, web, path):
        place = f"/pw{path}"
        fields = text({"callback_url": web.url + place, "rectangles": pictures.rectangles})
        parts = {"file": file(pictures.photo), **fields}
        task_id = submit_only(server, path, parts)
        _, headers, body = web.wait_for_post(place)
        assert json.loads(body) == ask(server, path, task_id)
        assert httpx2.get(json.loads(body)["data"][field_of(path)]).status_code == 200
        secret = server.call(server.services.accounts.get("default")).webhook_secret
        assert Webhook(secret).verify(body, headers)

    def test_4_a_failure_is_told_too(self, server, web):
        fields = {"url": f"{web.url}/nowhere.png", "callback_url": f"{web.url}/pw-failed"}
        task_id = server.client.post(REMOVE, json=fields).json()["data"]["task_id"]
        _, _, body = web.wait_for_post("/pw-failed")
        assert json.loads(body) == ask(server, REMOVE, task_id)
        assert json.loads(body)["data"]["state"] == -3

    @pytest.mark.parametrize("path", CALLS)
    def test_4_an_invalid_callback_url_is_400(self, idle, path):
        fields = {"image_url": URL, "rectangles": BOX, "callback_url": "ftp://example.com/"}
        assert "callback_url" in refused(idle.client.post(path, json=fields), 400)
