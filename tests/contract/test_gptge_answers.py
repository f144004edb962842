"""§2.3, §3.7 and §4 of the wire facts: what the gpt.ge dialect answers, rule by rule."""

from __future__ import annotations

import base64
import json
import shutil
import uuid

import httpx2
import pytest
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.task import Failure
from forms import FAILURES, file, refused, text
from gptge import AUTO, WATERMARK, ask, finished, seconds, submit

NOBODY = "3b950563-e53f-4036-a581-5ac04d0829b3"


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

    @pytest.mark.parametrize(("code", "state", "detail"), FAILURES)
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
