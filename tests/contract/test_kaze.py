"""§1 of the wire facts: the Kaze dialect, rule by rule."""

from __future__ import annotations

import base64
import shutil
import uuid

import httpx2
import pytest
import requests

from cleanplate import settings
from cleanplate.picture import PictureUnreadable
from cleanplate.task import Failure

BASE = "/api/ext/v1"
SUBMIT = f"{BASE}/submit_watermark_removal"
RESULT = f"{BASE}/get_task_result"
QUOTA = f"{BASE}/get_quota"
NOBODY = "3b950563-e53f-4036-a581-5ac04d0829b3"


def b64(data):
    return base64.b64encode(data).decode()


def submit(house, **fields):
    answer = house.client.post(SUBMIT, json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["task_id"]


def ask(house, task_id):
    answer = house.client.post(RESULT, json={"task_id": task_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(house, task_id):
    """Ask as often as it takes; each answer is held back for up to three seconds."""
    for _ in range(10):
        data = ask(house, task_id)["data"]
        if data["status"] != "processing":
            return data
    raise AssertionError("still processing")


def refused(answer, code, status):
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == {"code", "message", "data"}
    assert body["data"] is None
    assert body["message"]
    return body["message"]


class TestSubmit:
    """§1.1"""

    def test_1_1_answer_is_exactly_the_documented_one(self, idle, web):
        web.put("/image.png", b"")
        answer = idle.client.post(SUBMIT, json={"image_url": f"{web.url}/image.png"})
        task_id = answer.json()["data"]["task_id"]
        assert answer.status_code == 200
        assert answer.json() == {"code": 0, "message": "success", "data": {"task_id": task_id}}

    def test_1_1_task_id_is_a_lower_case_uuid_4(self, idle, pictures):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        assert str(uuid.UUID(task_id)) == task_id
        assert uuid.UUID(task_id).version == 4

    def test_1_1_image_url_is_cleaned(self, server, pictures, web):
        task_id = submit(
            server, image_url=web.put("/photo.png", pictures.photo), smear_base64=b64(pictures.smear)
        )
        [image] = finished(server, task_id)["images"]
        assert pictures.is_clean(httpx2.get(image["url"]).content)

    def test_1_1_image_base64_with_smear_url_is_cleaned(self, server, pictures, web):
        task_id = submit(
            server, image_base64=b64(pictures.photo), smear_url=web.put("/smear.png", pictures.smear)
        )
        [image] = finished(server, task_id)["images"]
        assert pictures.is_clean(httpx2.get(image["url"]).content)

    def test_1_1_without_a_smear_a_picture_without_a_mark_comes_back_untouched(self, server, pictures):
        [image] = finished(server, submit(server, image_base64=b64(pictures.jpeg)))["images"]
        assert httpx2.get(image["url"]).content == pictures.jpeg

    @pytest.mark.parametrize("value", [0.8, "0.8"])
    def test_our_sensitivity_is_taken_beside_the_vendors_fields(self, idle, pictures, value):
        task_id = submit(idle, image_base64=b64(pictures.photo), sensitivity=value)
        assert idle.task(task_id).request.sensitivity == 0.8
        assert idle.task(submit(idle, image_base64=b64(pictures.photo))).request.sensitivity == 0.5

    @pytest.mark.parametrize("value", [1.5, -1, "nan", "high", True])
    def test_a_wrong_sensitivity_is_1000_and_costs_nothing(self, idle, pictures, value):
        own = {"Authorization": f"Bearer {idle.token('careful')}"}
        fields = {"image_base64": b64(pictures.photo), "sensitivity": value}
        answer = idle.client.post(SUBMIT, json=fields, headers=own)
        assert "sensitivity" in refused(answer, 1000, 400)
        assert idle.client.post(QUOTA, headers=own).json()["data"]["usage"] == 0

    @pytest.mark.parametrize(
        "spell",
        [
            b64,
            lambda data: "data:image/png;base64," + b64(data),
            lambda data: "DATA:image/jpeg;base64," + b64(data),
            lambda data: "\r\n".join(b64(data)[at : at + 76] for at in range(0, len(b64(data)), 76)),
            lambda data: f"  {b64(data)}\n",
            lambda data: base64.urlsafe_b64encode(data).decode(),
            lambda data: b64(data).rstrip("="),
        ],
        ids=["bare", "prefix", "upper-case prefix", "lines", "spaces", "url-safe", "no padding"],
    )
    def test_1_1_base64_is_taken_in_every_spelling(self, idle, pictures, spell):
        data = next(
            data for data in (pictures.photo + b"\0" * n for n in range(3)) if b64(data).endswith("=")
        )
        task_id = submit(idle, image_base64=spell(data))
        key = idle.task(task_id).request.source.value
        assert idle.call(idle.services.blobs.get(key)) == data

    @pytest.mark.parametrize(
        "text", ["xxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxx", "not base64!", "data:image/png;base64,", "====", "é"]
    )
    def test_1_1_what_is_not_a_picture_in_base64_is_a_clean_1000(self, idle, text):
        refused(idle.client.post(SUBMIT, json={"image_base64": text}), 1000, 400)

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"image_url": "", "image_base64": None},
            {"image_url": "https://example.com/a.png", "image_base64": "AAAA"},
            {
                "image_url": "https://example.com/a.png",
                "smear_url": "https://e.com/s",
                "smear_base64": "AAAA",
            },
            {"smear_url": "https://example.com/smear.png"},
            {"image_url": "ftp://example.com/a.png"},
            {"image_url": "example.com/a.png"},
            {"image_url": "https://example.com/" + "a" * 3000},
            {"image_url": ["https://example.com/a.png"]},
            {"image_url": "https://example.com/a.png", "smear_url": "file:///etc/passwd"},
            {"image_url": "https://exam\u0000ple.com/"},
            {"image_base64": {"data": "AAAA"}},
        ],
    )
    def test_1_1_missing_doubled_and_wrong_fields_are_1000(self, idle, fields):
        refused(idle.client.post(SUBMIT, json=fields), 1000, 400)

    def test_1_1_empty_fields_are_absent(self, idle, pictures):
        submit(idle, image_base64=b64(pictures.photo), image_url="", smear_url="", smear_base64=None)

    def test_1_1_unknown_fields_are_ignored(self, idle, pictures):
        submit(idle, image_base64=b64(pictures.photo), quality="high", model={"name": "x"}, list=[1])

    def test_1_1_a_black_and_white_smear_marks_nothing(self, idle, pictures):
        fields = {"image_base64": b64(pictures.photo), "smear_base64": b64(pictures.mask)}
        assert "nothing" in refused(idle.client.post(SUBMIT, json=fields), 1000, 400)

    def test_1_1_a_smear_of_another_shape_is_1000(self, idle, pictures):
        fields = {"image_base64": b64(pictures.photo), "smear_base64": b64(pictures.mask_square)}
        refused(idle.client.post(SUBMIT, json=fields), 1000, 400)

    def test_1_1_a_bad_smear_is_found_at_once_beside_an_image_url(self, idle):
        fields = {"image_url": "https://example.com/a.png", "smear_base64": b64(b"not a picture")}
        refused(idle.client.post(SUBMIT, json=fields), 1000, 400)

    def test_1_1_a_picture_that_is_too_small_is_1000(self, idle, pictures):
        refused(idle.client.post(SUBMIT, json={"image_base64": b64(pictures.tiny)}), 1000, 400)

    def test_1_1_nothing_is_accepted_when_it_is_refused(self, idle, pictures):
        before = idle.client.post(QUOTA, json={}).json()["data"]["usage"]
        idle.client.post(SUBMIT, json={"image_base64": b64(pictures.tiny)})
        assert idle.client.post(QUOTA, json={}).json()["data"]["usage"] == before


class TestResult:
    """§1.2"""

    def test_1_2_processing_while_queued_and_while_running(self, idle, pictures):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        body = {"code": 0, "message": "success", "data": {"status": "processing", "images": []}}
        assert ask(idle, task_id) == body
        idle.claim(task_id)
        assert ask(idle, task_id) == body

    def test_1_2_success(self, idle, pictures):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        idle.finish(task_id, pictures.photo)
        body = ask(idle, task_id)
        url = body["data"]["images"][0]["url"]
        images = [{"url": url}]
        assert body == {"code": 0, "message": "success", "data": {"status": "success", "images": images}}
        assert url.startswith(f"{idle.url}/files/{task_id}.png?")

    def test_1_2_failed_says_why(self, idle, pictures):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        idle.fail(task_id, PictureUnreadable("could not read the picture"))
        data = {"status": "failed", "images": [], "err_msg": "could not read the picture"}
        assert ask(idle, task_id) == {"code": 0, "message": "success", "data": data}

    @pytest.mark.parametrize("code", ["task_timeout", "task_expired", "picture_too_slow"])
    def test_1_2_timeout(self, idle, pictures, code):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        idle.fail(task_id, Failure(code, "processing timed out"))
        data = {"status": "timeout", "images": [], "err_msg": "processing timed out"}
        assert ask(idle, task_id)["data"] == data

    def test_1_2_a_url_that_cannot_be_fetched_is_a_failed_task(self, server, web):
        data = finished(server, submit(server, image_url=f"{web.url}/missing.png"))
        assert data["status"] == "failed"
        assert data["images"] == []
        assert data["err_msg"]

    def test_1_2_the_id_is_trimmed(self, idle, pictures):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        assert ask(idle, f" {task_id} ")["data"]["status"] == "processing"

    @pytest.mark.parametrize("task_id", ["aaabbbccc", NOBODY, "../etc", "x" * 5000, 17])
    def test_1_2_an_unknown_id_is_1000(self, idle, task_id):
        answer = idle.client.post(RESULT, json={"task_id": task_id})
        assert refused(answer, 1000, 400) == "task not found"

    def test_1_2_a_missing_id_is_1000(self, idle):
        refused(idle.client.post(RESULT, json={}), 1000, 400)

    def test_1_2_another_accounts_task_is_unknown(self, idle, pictures):
        task_id = submit(idle, image_base64=b64(pictures.photo))
        stranger = {"Authorization": f"Bearer {idle.token('stranger')}"}
        answer = idle.client.post(RESULT, json={"task_id": task_id}, headers=stranger)
        assert refused(answer, 1000, 400) == "task not found"

    def test_1_2_a_client_that_asks_only_once_gets_its_result(self, server, pictures):
        task_id = submit(server, image_base64=b64(pictures.photo), smear_base64=b64(pictures.smear))
        assert ask(server, task_id)["data"]["status"] == "success"


class TestQuota:
    """§1.3"""

    @pytest.mark.parametrize("content", [b"", b"{}", b'{"image_url": "https://example.com"}', b"]["])
    def test_1_3_the_body_is_ignored(self, idle, content):
        answer = idle.client.post(QUOTA, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200
        assert answer.json()["code"] == 0
        assert answer.json()["message"] == "Success"

    def test_1_3_without_quota_a_large_limit_and_the_true_usage(self, idle, pictures):
        before = idle.client.post(QUOTA).json()["data"]
        idle.finish(submit(idle, image_base64=b64(pictures.photo)), pictures.photo)
        after = idle.client.post(QUOTA).json()["data"]
        assert after["limit"] == before["limit"] == 1_000_000_000
        assert after["usage"] == before["usage"] + 1
        assert after["remaining"] == after["limit"] - after["usage"]

    def test_1_3_reserved_on_submit_and_given_back_on_failure(self, idle, pictures):
        headers = {"Authorization": f"Bearer {idle.token('counted')}"}
        idle.call(idle.services.accounts.grant("counted", 500))

        def quota():
            return idle.client.post(QUOTA, headers=headers).json()

        data = {"limit": 500, "usage": 0, "remaining": 500}
        assert quota() == {"code": 0, "message": "Success", "data": data}
        answer = idle.client.post(SUBMIT, json={"image_base64": b64(pictures.photo)}, headers=headers)
        assert quota()["data"] == {"limit": 500, "usage": 1, "remaining": 499}
        idle.fail(answer.json()["data"]["task_id"], Failure("picture_unreadable", "broken"))
        assert quota()["data"] == {"limit": 500, "usage": 0, "remaining": 500}


class TestCodes:
    """§1.4"""

    @pytest.mark.parametrize("path", [SUBMIT, RESULT, QUOTA])
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_1_4_a_wrong_method_is_1001(self, idle, method, path):
        answer = idle.client.request(method, path)
        refused(answer, 1001, 405)
        assert answer.headers["Allow"] == "POST"

    @pytest.mark.parametrize("path", [SUBMIT, RESULT, QUOTA])
    @pytest.mark.parametrize("token", ["", "Bearer", "Bearer cp_wrong", "Basic dXNlcjpwYXNz"])
    def test_1_4_a_missing_or_wrong_token_is_1002(self, idle, path, token):
        refused(idle.client.post(path, json={}, headers={"Authorization": token}), 1002, 401)

    def test_1_4_used_up_credits_are_1003(self, idle, pictures):
        headers = {"Authorization": f"Bearer {idle.token('poor')}"}
        idle.call(idle.services.accounts.grant("poor", 1))
        fields = {"image_base64": b64(pictures.photo)}
        assert idle.client.post(SUBMIT, json=fields, headers=headers).json()["code"] == 0
        refused(idle.client.post(SUBMIT, json=fields, headers=headers), 1003, 402)

    def test_1_4_a_full_queue_is_1101_with_retry_after(self, house, pictures):
        full = house(task=settings.Task(max_queued=1))
        submit(full, image_base64=b64(pictures.photo))
        answer = full.client.post(SUBMIT, json={"image_base64": b64(pictures.photo)})
        refused(answer, 1101, 429)
        assert int(answer.headers["Retry-After"]) >= 1

    def test_1_4_storage_that_fails_is_1102(self, house, pictures):
        broken = house()
        folder = broken.settings.data_dir / "blobs"
        shutil.rmtree(folder)
        folder.write_text("in the way")
        answer = broken.client.post(SUBMIT, json={"image_base64": b64(pictures.photo)})
        refused(answer, 1102, 500)

    def test_1_4_a_defect_is_1100_and_tells_nothing(self, idle, pictures):
        answer = idle.call_defective(SUBMIT, json={"image_base64": b64(pictures.photo)})
        assert "inner life" not in refused(answer, 1100, 500)

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b'"text"', b"17", b"{}{}", b'{"a": NaN}', b"\xff\xfe{}"]
    )
    def test_1_4_what_is_not_a_json_object_is_1000(self, idle, content):
        answer = idle.client.post(SUBMIT, content=content, headers={"Content-Type": "application/json"})
        refused(answer, 1000, 400)

    def test_1_4_json_without_end_is_1000(self, idle):
        content = b'{"image_url":' + b"[" * 100_000
        refused(idle.client.post(SUBMIT, content=content), 1000, 400)

    @pytest.mark.parametrize("path", [f"{BASE}/submit_expansion", BASE, f"{BASE}/"])
    def test_1_4_an_unknown_path_is_an_envelope_too(self, idle, path):
        refused(idle.client.post(path, json={}), 1000, 404)

    def test_1_4_a_body_that_is_too_large_is_an_envelope_too(self, house):
        small = house(http=settings.Http(max_body_bytes=10_000))
        refused(small.client.post(SUBMIT, json={"image_base64": "A" * 20_000}), 1000, 413)

    def test_1_4_http_200_for_all_where_the_setting_says_so(self, house):
        kind = house(http=settings.Http(kaze_always_200=True, max_body_bytes=10_000))
        refused(kind.client.post(SUBMIT, json={}), 1000, 200)
        refused(kind.client.get(SUBMIT), 1001, 200)
        refused(kind.client.post(SUBMIT, json={}, headers={"Authorization": "nobody"}), 1002, 200)
        refused(kind.client.post(f"{BASE}/nothing", json={}), 1000, 200)


def test_1_5_the_printed_examples_work_on_a_server_without_tokens(house):
    """With `Authorization: Bearer ` and nothing behind it."""
    open_house = house(account=settings.Account(require_token=False), http=settings.Http(kaze_hold_seconds=0))

    def post(path, text):
        return requests.post(
            open_house.url + path,
            data=text,
            headers={"Authorization": "Bearer ", "Content-Type": "application/json"},
            timeout=20,
        )

    task_id = post(SUBMIT, '{\n"image_url": "https://example.com/image.png"\n}').json()["data"]["task_id"]
    refused(post(SUBMIT, '{\n"image_base64": "xxxxxxxxxxxxxxx"\n}'), 1000, 400)
    text = '{\n"image_base64": "xxxxxxxxxxxxxxxxx",\n"smear_url": "https://example.com/smear.png"\n}'
    refused(post(SUBMIT, text), 1000, 400)
    assert post(RESULT, f'{{\n"task_id": " {task_id} "\n}}').json()["data"]["status"] == "processing"
    assert post(QUOTA, "{}").json()["message"] == "Success"
