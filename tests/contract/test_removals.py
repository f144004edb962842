"""The native API beyond a submit and its answer: repeats, waiting, lists, cancelling, webhooks."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from cleanplate import settings
from cleanplate.task import Failure

REMOVALS = "/v1/removals"
URL = "https://example.com/a.png"


def file(data):
    return ("photo.png", data, "image/png")


def problem(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return body["detail"]


def create(house, headers=None, **fields):
    answer = house.client.post(REMOVALS, json={"url": URL, **fields}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


def own(house, name, credits_=None):
    """The header of an account of one's own."""
    header = {"Authorization": f"Bearer {house.token(name)}"}
    if credits_ is not None:
        house.call(house.services.accounts.grant(name, credits_))
    return header


def _nested(depth):
    inner = []
    for _ in range(depth - 1):
        inner = [inner]
    return inner


def account(house, header):
    return house.client.get("/v1/account", headers=header).json()


class TestAnswers:
    def test_metadata_comes_back_in_every_answer(self, idle, pictures):
        metadata = {"order": 7, "tags": ["a", "ü😀"], "nested": {"empty": None}}
        removal = create(idle, metadata=metadata)
        assert removal["metadata"] == metadata
        form = {"metadata": json.dumps(metadata)}
        answer = idle.client.post(REMOVALS, files={"file": file(pictures.photo)}, data=form)
        assert answer.json()["metadata"] == metadata
        assert idle.client.get(f"{REMOVALS}/{removal['id']}").json()["metadata"] == metadata

    @pytest.mark.parametrize(
        "metadata", ["text", "[1]", [1], 5, "NaN", '{"a": NaN}', {"long": "x" * 5000}, {"half": "\ud800"}]
    )
    def test_metadata_is_a_small_json_object(self, idle, metadata):
        body = json.dumps({"url": URL, "metadata": metadata})
        assert "metadata" in problem(idle.client.post(REMOVALS, content=body), 400, "field_invalid")

    @pytest.mark.parametrize("number", ["1e400", "-1e400"])
    @pytest.mark.parametrize(("path", "source"), [(REMOVALS, {"url": URL}), ("/v1/batches", {"urls": [URL]})])
    def test_a_number_that_could_not_be_told_again_is_refused_before_it_costs(
        self, idle, path, source, number
    ):
        mine = own(idle, f"endless {path} {number}", 5)
        metadata = f'{{"deep":[{number}]}}'
        body = f'{json.dumps(source)[:-1]},"metadata":{metadata}}}'
        form = {name: (None, value if name == "url" else json.dumps(value)) for name, value in source.items()}
        as_json = idle.client.post(path, content=body, headers=mine)
        as_form = idle.client.post(path, files={**form, "metadata": (None, metadata)}, headers=mine)
        problem(as_json, 400, "body_invalid")
        assert "metadata" in problem(as_form, 400, "field_invalid")
        assert account(idle, mine)["usage"] == 0
        assert idle.client.get(REMOVALS, headers=mine).json()["removals"] == []

    @pytest.mark.parametrize(("path", "source"), [(REMOVALS, {"url": URL}), ("/v1/batches", {"urls": [URL]})])
    def test_metadata_is_nested_only_so_deeply(self, house, path, source):
        shallow = house(http=settings.Http(max_metadata_depth=3))
        mine = own(shallow, "deep", 5)
        for metadata in ({"a": {"b": {"c": {}}}}, {"a": [[[]]]}, {"a": _nested(400)}):
            body = json.dumps({**source, "metadata": metadata})
            assert "3" in problem(shallow.client.post(path, content=body, headers=mine), 400, "field_invalid")
        assert account(shallow, mine)["usage"] == 0
        fits = {"a": {"b": {"c": 1}}, "d": [[1]]}
        answer = shallow.client.post(path, json={**source, "metadata": fits}, headers=mine)
        assert (answer.status_code, answer.json()["metadata"]) == (202, fits)

    def test_metadata_may_be_nested_as_deeply_as_the_setting_allows_at_most(self, house):
        most = 200
        deep = house(http=settings.Http(max_metadata_depth=most))
        removal = create(deep, metadata={"a": _nested(most - 1)})
        told = deep.client.get(f"{REMOVALS}/{removal['id']}").json()
        assert told["metadata"] == {"a": _nested(most - 1)}

    def test_fractions(self, server, pictures, web):
        fields = {
            "url": web.put("/fraction.png", pictures.photo),
            "rectangles": [{"x": 0.5, "y": 0.5, "width": 0.25, "height": 0.5}],
            "unit": "fraction",
            "mode": "fill",
            "sync": True,
        }
        result = server.client.post(REMOVALS, json=fields).json()["result"]
        assert result["box"] == [32, 24, 16, 24]
        answer = server.client.post(REMOVALS, json={**fields, "unit": "percent"})
        assert "unit" in problem(answer, 400, "field_invalid")

    def test_timings_tell_every_step(self, server, pictures):
        fields = {"rectangles": pictures.rectangles, "mode": "fill", "sync": "1"}
        answer = server.client.post(REMOVALS, files={"file": file(pictures.photo)}, data=fields)
        timings = answer.json()["result"]["timings"]
        assert {"download", "decode", "fill", "encode"} <= set(timings)
        assert all(seconds >= 0 for seconds in timings.values())

    def test_quality_is_kept_for_the_worker(self, idle):
        assert idle.task(create(idle, quality=98)["id"]).request.quality == 98
        assert idle.task(create(idle)["id"]).request.quality is None
        for wrong in (94, 101, "best"):
            answer = idle.client.post(REMOVALS, json={"url": URL, "quality": wrong})
            assert "quality" in problem(answer, 400, "field_invalid")

    def test_credits_are_told_in_the_body_and_the_headers(self, idle, pictures):
        mine = own(idle, "counting", 5)
        answer = idle.client.post(REMOVALS, json={"url": URL}, headers=mine)
        assert answer.json()["credits"] == 1
        assert (answer.headers["X-Credits-Used"], answer.headers["X-Credits-Remaining"]) == ("1", "4")
        place = f"{REMOVALS}/{answer.json()['id']}"
        idle.fail(answer.json()["id"], Failure("picture_unreadable", "It is broken."))
        answer = idle.client.get(place, headers=mine)
        assert answer.json()["credits"] == 0
        assert answer.headers["X-Credits-Remaining"] == "5"
        assert (
            idle.client.get(f"{REMOVALS}/{create(idle)['id']}").headers["X-Credits-Remaining"] == "unlimited"
        )


class TestIdempotency:
    def test_the_same_request_makes_one_task_and_costs_once(self, idle, pictures):
        mine = {**own(idle, "twice", 5), "Idempotency-Key": "order-1"}
        first = create(idle, mine, metadata={"a": 1, "b": 2})
        again = create(idle, mine, metadata={"b": 2, "a": 1})
        assert again == first
        assert account(idle, mine)["usage"] == 1
        assert create(idle, {**mine, "Idempotency-Key": "order-2"})["id"] != first["id"]

    def test_it_is_answered_as_it_is_now(self, idle, pictures):
        mine = {"Idempotency-Key": "now"}
        first = create(idle, mine)
        idle.finish(first["id"], pictures.photo)
        answer = idle.client.post(REMOVALS, json={"url": URL}, headers=mine)
        assert (answer.status_code, answer.json()["state"]) == (200, "done")
        assert answer.json()["id"] == first["id"]

    def test_another_request_under_the_key_is_409(self, idle, pictures):
        mine = {"Idempotency-Key": "mixed"}
        upload = {"files": {"file": file(pictures.photo)}, "headers": mine}
        first = idle.client.post(REMOVALS, **upload)
        assert idle.client.post(REMOVALS, **upload).json()["id"] == first.json()["id"]
        other = {"files": {"file": file(pictures.photo + b"\0")}, "headers": mine}
        for answer in (
            idle.client.post(REMOVALS, **other),
            idle.client.post(REMOVALS, json={"url": URL}, headers=mine),
            idle.client.post(REMOVALS, **upload, data={"mode": "fill"}),
        ):
            problem(answer, 409, "idempotency_conflict")

    def test_keys_belong_to_accounts(self, idle):
        key = {"Idempotency-Key": "shared"}
        first = create(idle, key)
        assert create(idle, {**own(idle, "keyed"), **key})["id"] != first["id"]

    def test_a_refused_request_does_not_use_the_key_up(self, idle):
        mine = {**own(idle, "poor", 1), "Idempotency-Key": "retry"}
        create(idle, {**mine, "Idempotency-Key": "other"})
        problem(idle.client.post(REMOVALS, json={"url": URL}, headers=mine), 402, "credits_insufficient")
        idle.call(idle.services.accounts.grant("poor", 1))
        create(idle, mine)

    def test_a_repeat_passes_a_full_queue(self, house):
        full = house(task=settings.Task(max_queued=1))
        mine = {"Idempotency-Key": "in"}
        first = create(full, mine)
        assert create(full, mine)["id"] == first["id"]
        problem(full.client.post(REMOVALS, json={"url": URL}), 429, "queue_full")

    def test_of_many_at_the_same_moment_one_is_accepted(self, idle, pictures):
        mine = {**own(idle, "hasty", 50), "Idempotency-Key": "hasty"}
        start = threading.Barrier(8)

        def send(_):
            start.wait(20)
            upload = {"files": {"file": file(pictures.photo)}, "headers": mine}
            return httpx2.post(idle.url + REMOVALS, **upload, timeout=20).json()["id"]

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(send, range(8)))) == 1
        assert account(idle, mine)["usage"] == 1

    def test_every_dialect_takes_the_header(self, idle):
        key = {"Idempotency-Key": "vendor"}
        ids = {
            idle.client.post("/task/pic/watermark", json={"image_url": URL}, headers=key).json()["data"][
                "task_id"
            ]
            for _ in range(2)
        }
        assert len(ids) == 1
        answer = idle.client.post("/task/pic/watermark", json={"image_url": URL + "x"}, headers=key)
        assert (answer.status_code, answer.json()["status"]) == (409, 409)
        answer = idle.client.post(
            "/api/ext/v1/submit_watermark_removal", json={"image_url": URL}, headers=key
        )
        assert (answer.status_code, answer.json()["code"]) == (409, 1000)

    @pytest.mark.parametrize("key", ["a b", "x" * 256, "ü".encode()])
    def test_a_key_is_visible_ascii(self, idle, key):
        answer = idle.client.post(REMOVALS, json={"url": URL}, headers={"Idempotency-Key": key})
        problem(answer, 400, "field_invalid")

    def test_a_key_ends_with_its_task(self, idle):
        mine = {"Idempotency-Key": "old"}
        first = create(idle, mine)
        idle.age = -idle.settings.task.keep_seconds - 1
        try:
            assert create(idle, mine)["id"] != first["id"]
        finally:
            idle.age = 0


class TestWait:
    def test_the_answer_comes_with_the_end(self, house, pictures):
        patient = house(task=settings.Task(sync_wait_seconds=20))
        removal = create(patient)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(patient.client.get, f"{REMOVALS}/{removal['id']}?wait=20")
            patient.finish(removal["id"], pictures.photo)
            assert waiting.result(20).json()["state"] == "done"

    def test_no_longer_than_asked_nor_than_the_server_waits(self, idle):
        removal = create(idle)
        for wait in ("0", "0.01", "3600"):  # this server's patience is 0.05 s
            answer = idle.client.get(f"{REMOVALS}/{removal['id']}?wait={wait}")
            assert (answer.status_code, answer.json()["state"]) == (200, "queued")

    @pytest.mark.parametrize("wait", ["-1", "soon", "nan", "inf", "3601"])
    def test_wait_is_a_number_of_seconds(self, idle, wait):
        answer = idle.client.get(f"{REMOVALS}/{create(idle)['id']}?wait={wait}")
        assert "wait" in problem(answer, 400, "field_invalid")


class TestCancel:
    def test_a_queued_one_is_refunded(self, idle):
        mine = own(idle, "fickle", 3)
        removal = create(idle, mine)
        answer = idle.client.delete(f"{REMOVALS}/{removal['id']}", headers=mine)
        assert answer.status_code == 200
        body = answer.json()
        assert (body["state"], body["error"]["code"], body["credits"]) == ("failed", "task_cancelled", 0)
        assert answer.headers["X-Credits-Remaining"] == "3"
        assert idle.client.delete(f"{REMOVALS}/{removal['id']}", headers=mine).json() == body
        assert account(idle, mine)["usage"] == 0
        assert idle.claim(removal["id"]) is None

    def test_a_running_one_is_taken_from_its_worker(self, idle, pictures):
        removal = create(idle)
        task = idle.claim(removal["id"])
        assert idle.client.delete(f"{REMOVALS}/{removal['id']}").status_code == 200
        assert not idle.call(idle.services.tasks.extend(task))
        assert not idle.call(idle.services.tasks.fail(task, Failure("x", "late")))

    def test_one_that_has_ended_is_409(self, idle, pictures):
        done, failed = create(idle)["id"], create(idle)["id"]
        idle.finish(done, pictures.photo)
        idle.fail(failed, Failure("picture_unreadable", "It is broken."))
        for one in (done, failed):
            problem(idle.client.delete(f"{REMOVALS}/{one}"), 409, "task_ended")
        assert idle.client.get(f"{REMOVALS}/{done}").json()["state"] == "done"

    def test_only_ones_own(self, idle):
        removal = create(idle)
        answer = idle.client.delete(f"{REMOVALS}/{removal['id']}", headers=own(idle, "thief"))
        problem(answer, 404, "task_not_found")
        assert idle.client.get(f"{REMOVALS}/{removal['id']}").json()["state"] == "queued"

    def test_other_dialects_see_a_failure_with_its_reason(self, idle):
        task_id = create(idle)["id"]
        idle.client.delete(f"{REMOVALS}/{task_id}")
        data = idle.client.get(f"/task/{task_id}").json()["data"]
        assert (data["state"], data["progress"]) == (-1, 0)
        assert "cancelled" in data["err_message"]

    def test_its_webhook_is_called(self, idle):
        task_id = create(idle, webhook="https://example.com/hook")["id"]
        assert idle.client.get(f"{REMOVALS}/{task_id}/webhook").json()["state"] == "none"
        idle.client.delete(f"{REMOVALS}/{task_id}")
        log = idle.client.get(f"{REMOVALS}/{task_id}/webhook").json()
        assert (log["url"], log["state"], log["tries"]) == ("https://example.com/hook", "pending", [])


@pytest.fixture(scope="module")
def listed(idle, pictures):
    """An account with nine removals, the oldest first: three done, one failed, five queued."""
    mine = own(idle, "lister")
    ids = [create(idle, mine, metadata={"n": n})["id"] for n in range(8)]
    gptge = idle.client.post("/task/pic/watermark", json={"image_url": URL}, headers=mine)
    ids.append(gptge.json()["data"]["task_id"])
    for task_id in ids[:3]:
        idle.finish(task_id, pictures.photo)
    idle.fail(ids[3], Failure("picture_unreadable", "It is broken."))
    return mine, ids


class TestList:
    def ask(self, idle, mine, **query):
        answer = idle.client.get(REMOVALS, params=query, headers=mine)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def test_newest_first_in_every_dialect(self, idle, listed):
        mine, ids = listed
        body = self.ask(idle, mine)
        assert [one["id"] for one in body["removals"]] == ids[::-1]
        assert [one["dialect"] for one in body["removals"]][:2] == ["gptge", "native"]
        assert body["next_cursor"] is None
        assert body["removals"][-1] == idle.client.get(f"{REMOVALS}/{ids[0]}", headers=mine).json()

    @pytest.mark.parametrize("limit", [1, 2, 4, 8, 9])
    def test_pages_have_everything_once(self, idle, listed, limit):
        mine, ids = listed
        seen, cursor = [], {}
        while cursor is not None:
            body = self.ask(idle, mine, limit=limit, **cursor)
            assert 1 <= len(body["removals"]) <= limit
            seen += [one["id"] for one in body["removals"]]
            cursor = body["next_cursor"] and {"cursor": body["next_cursor"]}
        assert seen == ids[::-1]

    def test_a_page_does_not_move_when_something_new_comes(self, idle):
        mine = own(idle, "busy-lister")
        ids = [create(idle, mine)["id"] for _ in range(3)]
        first = self.ask(idle, mine, limit=2)
        create(idle, mine)
        second = self.ask(idle, mine, limit=2, cursor=first["next_cursor"])
        assert [one["id"] for one in second["removals"]] == ids[:1]

    @pytest.mark.parametrize(
        ("state", "places"),
        [("done", [2, 1, 0]), ("failed", [3]), ("queued", [8, 7, 6, 5, 4]), ("running", [])],
    )
    def test_by_state(self, idle, listed, state, places):
        mine, ids = listed
        body = self.ask(idle, mine, state=state)
        assert [one["id"] for one in body["removals"]] == [ids[place] for place in places]

    def test_by_time(self, idle, listed):
        mine, ids = listed
        times = {one["id"]: one["created_at"] for one in self.ask(idle, mine)["removals"]}
        body = self.ask(idle, mine, since=repr(times[ids[2]]), until=repr(times[ids[5]]))
        assert [one["id"] for one in body["removals"]] == [ids[4], ids[3], ids[2]]

    def test_nobody_elses(self, idle, listed):
        assert self.ask(idle, own(idle, "nobody-yet")) == {"removals": [], "next_cursor": None}

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "x"},
            {"cursor": "nonsense"},
            {"cursor": "WyJhIl0"},
            {"cursor": "W05hTiwgImEiXQ"},
            {"cursor": "ü"},
            {"state": "lost"},
            {"since": "nan"},
            {"until": "-1"},
        ],
    )
    def test_a_wrong_query_is_named(self, idle, query):
        [name] = query
        assert name in problem(idle.client.get(REMOVALS, params=query), 400, "field_invalid")


class TestWebhook:
    def test_the_log_tells_each_try(self, house, pictures, web):
        keen = house(worker=True, notify=settings.Notify(retry_seconds=[0.05]))
        fields = {"rectangles": pictures.rectangles, "mode": "fill"}
        for place, state in (("/webhook-good", "delivered"), (None, "failed")):
            url = "http://127.0.0.1:1/nobody" if place is None else web.url + place
            answer = keen.client.post(
                REMOVALS, files={"file": file(pictures.photo)}, data={**fields, "webhook": url}
            )
            log = settled(keen, answer.json()["id"])
            assert (log["url"], log["state"], log["next_at"]) == (url, state, None)
            numbers = [one["number"] for one in log["tries"]]
            assert numbers == ([1] if place else [1, 2])
            last = log["tries"][-1]
            assert (last["status"], last["error"] is None) == ((204, True) if place else (None, False))
            assert abs(last["at"] - time.time()) < 60

    def test_none_was_asked_for(self, idle):
        log = idle.client.get(f"{REMOVALS}/{create(idle)['id']}/webhook").json()
        assert log == {"url": None, "state": "none", "next_at": None, "tries": []}

    def test_only_ones_own(self, idle):
        place = f"{REMOVALS}/{create(idle)['id']}/webhook"
        problem(idle.client.get(place, headers=own(idle, "spy")), 404, "task_not_found")


def settled(house, task_id):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        log = house.client.get(f"{REMOVALS}/{task_id}/webhook").json()
        if log["state"] not in {"none", "pending"}:
            return log
        house.client.get(f"{REMOVALS}/{task_id}?wait=1")
    raise AssertionError("the webhook was not settled")
