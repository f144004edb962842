"""§3 and §4 of the wire facts: what the PicWish dialect answers, rule by rule."""

from __future__ import annotations

import json
import shutil
import time
import uuid

import httpx2
import pytest
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.store import StorageFailed
from cleanplate.task import Failure
from forms import FAILURES, file, refused, text
from picwish import (
    BOX,
    CALLS,
    CREDITS,
    REMOVE,
    RESULTS,
    URL,
    area,
    ask,
    field_of,
    finished,
    submit,
    submit_only,
    unfinished,
)


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

    @pytest.mark.parametrize(("code", "state", "detail"), FAILURES)
    def test_3_5_rules_3_and_4_failed(self, idle, code, state, detail):
        task_id = submit(idle, REMOVE, **text({"url": URL}))
        idle.fail(task_id, Failure(code, "the reason"))
        body = ask(idle, REMOVE, task_id)
        data = body["data"]
        assert (body["status"], body["message"]) == (200, "the reason")
        assert (data["state"], data["state_detail"], data["progress"]) == (state, detail, 0)
        assert data["err_message"] == data["err_info"] == "the reason"
        assert not RESULTS & set(data)

    def test_3_5_a_result_that_cannot_be_stored_is_state_minus_2_and_costs_nothing(
        self, house, pictures, monkeypatch
    ):
        full = house(worker=True, task=settings.Task(retry_seconds=[0.01]))
        put = full.services.blobs.put

        async def refuse_results(key, *rest):
            if key.startswith("results/"):
                raise StorageFailed(detail="no space left on device")
            await put(key, *rest)

        monkeypatch.setattr(full.services.blobs, "put", refuse_results)
        answer = full.client.post(REMOVE, files={"file": file(pictures.photo)}, data={"sync": 1})
        data = answer.json()["data"]
        assert (answer.status_code, data["state"], data["state_detail"]) == (200, -2, "Upload failed")
        [package] = full.client.get(CREDITS).json()["data"]
        assert package["used_credits"] == 0

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
