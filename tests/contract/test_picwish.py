"""§3 of the wire facts: what the PicWish dialect takes, rule by rule."""

from __future__ import annotations

import base64
import json
import uuid
from urllib.parse import urlencode

import httpx2
import pytest
import requests

from forms import file, refused, text
from picwish import (
    BOX,
    CALLS,
    CREDITS,
    INPAINT,
    REMOVE,
    URL,
    WATERMARK,
    area,
    ask,
    field_of,
    finished,
    submit,
    submit_only,
    unfinished,
)


@pytest.fixture
def key(idle):
    return {"X-API-KEY": idle.secret}


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
