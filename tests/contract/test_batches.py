"""Batches: many pictures by URL or in a ZIP, one region, one webhook, one ZIP of results."""

from __future__ import annotations

import io
import json
import time
import zipfile

import httpx2
import pytest
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.task import Failure

BATCHES = "/v1/batches"
CENTRAL = b"PK\x01\x02\x14\x03\x14\x00\x00"  # how an entry of a ZIP's directory begins, up to its flags
URLS = [f"https://example.com/{n}.png" for n in range(3)]


def problem(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    return body["detail"]


def own(house, name, credits_=None):
    header = {"Authorization": f"Bearer {house.token(name)}"}
    if credits_ is not None:
        house.call(house.services.accounts.grant(name, credits_))
    return header


def zipped(members, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def upload(data):
    return {"zip": ("pictures.zip", data, "application/zip")}


def create(house, headers=None, **fields):
    answer = house.client.post(BATCHES, json={"urls": URLS, **fields}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


def removals(house, batch, headers=None):
    """Those of a batch, in the order in which they were sent."""
    listed = house.client.get(f"/v1/removals?batch={batch['id']}&limit=200", headers=headers).json()[
        "removals"
    ]
    return sorted(listed, key=lambda one: one["name"])


def ended(house, batch):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        body = house.client.get(f"{BATCHES}/{batch['id']}").json()
        if body["state"] == "done":
            return body
        for one in removals(house, batch):
            if one["state"] in {"queued", "running"}:
                house.client.get(f"/v1/removals/{one['id']}?wait=5")
                break
    raise AssertionError("the batch has not ended")


def results(house, batch, headers=None):
    answer = house.client.get(f"{BATCHES}/{batch['id']}/results.zip", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


class TestUrls:
    def test_all_are_accepted_under_one_name(self, idle):
        batch = create(
            idle, metadata={"job": 5}, mode="fill", rectangles=[{"x": 1, "y": 2, "width": 3, "height": 4}]
        )
        assert (batch["state"], batch["pictures"], batch["metadata"]) == ("running", 3, {"job": 5})
        assert batch["counts"] == {"queued": 3, "running": 0, "done": 0, "failed": 0}
        assert batch["expires_at"] - batch["created_at"] == idle.settings.task.batch_keep_seconds
        assert idle.client.get(f"{BATCHES}/{batch['id']}").json() == batch
        listed = removals(idle, batch)
        assert [one["name"] for one in listed] == ["0.png", "1.png", "2.png"]
        assert {one["batch"] for one in listed} == {batch["id"]}
        requests = [idle.task(one["id"]).request for one in listed]
        assert [one.source.value for one in requests] == URLS
        assert all((one.mode, one.region.rectangles) == ("fill", ((1, 2, 3, 4),)) for one in requests)

    def test_a_preset_for_all(self, idle):
        idle.client.post(
            "/v1/presets", json={"name": "b", "rectangles": [{"x": 1, "y": 1, "width": 2, "height": 2}]}
        )
        assert {one["preset"] for one in removals(idle, create(idle, preset="b"))} == {"b"}

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({}, "batch_invalid"),
            ({"urls": []}, "field_invalid"),
            ({"urls": "text"}, "field_invalid"),
            ({"urls": [1]}, "field_invalid"),
            ({"urls": ["ftp://example.com/a.png"]}, "url_invalid"),
            ({"urls": ["data:image/png;base64,AAAA"]}, "batch_invalid"),
            ({"urls": URLS, "file": "x"}, "field_invalid"),
            ({"urls": URLS, "preset": "unknown"}, "field_invalid"),
            ({"urls": URLS, "webhook": "ftp://example.com"}, "field_invalid"),
            ({"urls": URLS, "rectangles": "nonsense"}, "region_invalid"),
        ],
    )
    def test_what_is_wrong_is_named_and_costs_nothing(self, idle, fields, code):
        mine = own(idle, "batch-careful")
        problem(idle.client.post(BATCHES, json=fields, headers=mine), 400, code)
        assert idle.client.get("/v1/account", headers=mine).json()["usage"] == 0


class TestZip:
    def test_pictures_are_cleaned_and_come_back_in_a_zip(self, server, pictures, web):
        members = {
            "summer/photo.png": pictures.photo,
            "summer/photo.jpg": pictures.jpeg,
            "../../etc/passwd.png": pictures.photo,
            "broken.png": b"no picture",
            "__MACOSX/summer/._photo.png": b"rubbish",
            "summer/.DS_Store": b"rubbish",
        }
        fields = {"rectangles": pictures.rectangles, "mode": "fill", "webhook": f"{web.url}/batch"}
        answer = server.client.post(BATCHES, files=upload(zipped(members)), data=fields)
        batch = answer.json()
        assert (answer.status_code, batch["pictures"]) == (202, 4)
        body = ended(server, batch)
        assert body["counts"] == {"queued": 0, "running": 0, "done": 3, "failed": 1}
        files = results(server, batch)
        assert set(files) == {"0001 photo.png", "0002 photo.jpg", "0003 passwd.png", "manifest.json"}
        assert pictures.is_clean(files["0001 photo.png"])
        manifest = json.loads(files["manifest.json"])
        assert [one["name"] for one in manifest] == list(members)[:4]
        assert [one["file"] for one in manifest] == [
            "0001 photo.png",
            "0002 photo.jpg",
            "0003 passwd.png",
            None,
        ]
        assert manifest[3]["error"]["code"].startswith("picture_")
        _, headers, told = web.wait_for_post("/batch")
        assert json.loads(told) == body
        assert Webhook(server.client.get("/v1/account").json()["webhook_secret"]).verify(told, headers)

    def test_pictures_are_unpacked_to_the_byte(self, idle, pictures):
        data = zipped({"a.png": pictures.photo, "b.png": pictures.jpeg}, compression=zipfile.ZIP_DEFLATED)
        batch = idle.client.post(BATCHES, files=upload(data)).json()
        stored = [
            idle.call(idle.services.blobs.get(idle.task(one["id"]).request.source.value))
            for one in removals(idle, batch)
        ]
        assert stored == [pictures.photo, pictures.jpeg]

    @pytest.mark.parametrize(
        ("data", "status", "code"),
        [
            (b"not a zip", 400, "batch_invalid"),
            (zipped({}), 400, "batch_invalid"),
            (zipped({"folder/": b""}), 400, "batch_invalid"),
            (zipped({"a.png": b"x" * 1000})[:-30], 400, "batch_invalid"),
            (
                zipped({"a.png": b"x"}).replace(
                    b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
                ),
                400,
                "batch_invalid",
            ),
            (zipped({"a.png": b"abc"}).replace(b"abc", b"abX"), 400, "batch_invalid"),
        ],
        ids=["text", "empty", "folder", "cut off", "encrypted", "damaged"],
    )
    def test_what_is_no_zip_of_pictures(self, idle, data, status, code):
        mine = own(idle, "zip-careful")
        problem(idle.client.post(BATCHES, files=upload(data), headers=mine), status, code)
        assert idle.client.get("/v1/account", headers=mine).json()["usage"] == 0

    def test_bombs_are_refused_before_they_are_unpacked(self, house):
        small = house(
            picture=settings.Picture(max_bytes=1_000_000),
            http=settings.Http(max_batch=3, max_batch_bytes=2_000_000),
        )
        many = zipped({f"{n}.png": b"x" for n in range(4)})
        large = zipped({"a.png": bytes(1_000_001)}, compression=zipfile.ZIP_DEFLATED)
        together = zipped({f"{n}.png": bytes(900_000) for n in range(3)}, compression=zipfile.ZIP_DEFLATED)
        for data in (many, large, together):
            problem(small.client.post(BATCHES, files=upload(data)), 413, "batch_too_large")
        problem(small.client.post(BATCHES, json={"urls": URLS + URLS}), 413, "batch_too_large")

    def test_a_picture_that_is_larger_than_it_says_is_refused(self, idle):
        data = bytearray(zipped({"a.png": bytes(500_000)}, compression=zipfile.ZIP_DEFLATED))
        central = data.index(b"PK\x01\x02")
        data[central + 24 : central + 28] = (100).to_bytes(4, "little")  # the size that the directory tells
        problem(idle.client.post(BATCHES, files=upload(bytes(data))), 400, "batch_invalid")

    def test_nothing_of_a_refused_batch_is_left_behind(self, house, pictures):
        clean = house()
        data = zipped({"a.png": pictures.photo, "b.png": b"abc"}).replace(b"abc", b"abX")
        problem(clean.client.post(BATCHES, files=upload(data)), 400, "batch_invalid")
        folder = clean.settings.data_dir / "blobs"
        assert not [path for path in folder.rglob("*") if path.is_file()]


class TestLife:
    def test_credits_are_for_all_or_none(self, idle):
        mine = own(idle, "batch-poor", 2)
        answer = idle.client.post(BATCHES, json={"urls": URLS}, headers=mine)
        problem(answer, 402, "credits_insufficient")
        assert idle.client.get("/v1/account", headers=mine).json()["remaining"] == 2
        idle.call(idle.services.accounts.grant("batch-poor", 1))
        answer = idle.client.post(BATCHES, json={"urls": URLS}, headers=mine)
        assert (answer.status_code, answer.headers["X-Credits-Remaining"]) == (202, "0")

    def test_cancelling_refunds_what_is_not_done(self, idle, pictures):
        mine = own(idle, "batch-fickle", 3)
        batch = create(idle, mine)
        first, second, third = removals(idle, batch, mine)
        idle.finish(first["id"], pictures.photo)
        idle.claim(second["id"])
        body = idle.client.delete(f"{BATCHES}/{batch['id']}", headers=mine).json()
        assert (body["state"], body["counts"]["done"], body["counts"]["failed"]) == ("done", 1, 2)
        assert idle.client.get("/v1/account", headers=mine).json()["usage"] == 1
        assert idle.client.delete(f"{BATCHES}/{batch['id']}", headers=mine).json() == body
        assert set(results(idle, batch, mine)) == {"0001 0.png", "manifest.json"}
        assert third["state"] == "queued"

    def test_results_so_far(self, idle, pictures):
        batch = create(idle)
        first, second, _ = removals(idle, batch)
        idle.finish(first["id"], pictures.photo)
        idle.fail(second["id"], Failure("fetch_failed", "No."))
        files = results(idle, batch)
        assert files["0001 0.png"] == pictures.photo
        told = [(one["state"], one["file"]) for one in json.loads(files["manifest.json"])]
        assert told == [("done", "0001 0.png"), ("failed", None), ("queued", None)]

    def test_the_webhook_is_called_once_when_the_last_has_ended(self, idle, pictures):
        batch = create(idle, webhook="https://example.com/batch")
        ids = [one["id"] for one in removals(idle, batch)]
        for task_id in ids[::-1]:
            assert idle.client.get(f"/v1/removals/{ids[0]}/webhook").json()["state"] == "none"
            idle.finish(task_id, pictures.photo)
        logs = [idle.client.get(f"/v1/removals/{task_id}/webhook").json() for task_id in ids]
        assert [log["state"] for log in logs] == ["pending", "none", "none"]
        assert logs[0]["url"] == "https://example.com/batch"
        body = json.loads(idle.call(idle.callbacks.render(idle.task(ids[0]))))
        assert body == idle.client.get(f"{BATCHES}/{batch['id']}").json()

    def test_the_same_request_makes_one_batch(self, idle, pictures):
        mine = {**own(idle, "batch-twice", 9), "Idempotency-Key": "b"}
        first = create(idle, mine)
        assert create(idle, mine) == first
        problem(idle.client.post(BATCHES, json={"urls": URLS[:2]}, headers=mine), 409, "idempotency_conflict")
        problem(
            idle.client.post("/v1/removals", json={"url": URLS[0]}, headers=mine), 409, "idempotency_conflict"
        )
        again = {**mine, "Idempotency-Key": "z"}
        one, other = zipped({"a.png": pictures.photo}), zipped({"a.png": pictures.jpeg})
        made = idle.client.post(BATCHES, files=upload(one), headers=again).json()
        assert idle.client.post(BATCHES, files=upload(one), headers=again).json() == made
        problem(idle.client.post(BATCHES, files=upload(other), headers=again), 409, "idempotency_conflict")
        assert idle.client.get("/v1/account", headers=mine).json()["usage"] == 4

    def test_only_ones_own(self, idle):
        batch = create(idle)
        other = own(idle, "batch-thief")
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/results.zip")):
            answer = idle.client.request(method, f"{BATCHES}/{batch['id']}{path}", headers=other)
            problem(answer, 404, "batch_not_found")
        assert removals(idle, batch, other) == []
        problem(idle.client.get(f"{BATCHES}/unknown"), 404, "batch_not_found")
        assert httpx2.get(f"{idle.url}{BATCHES}/{batch['id']}").status_code == 401

    def test_a_batch_does_not_turn_single_pictures_away(self, house):
        small = house(task=settings.Task(max_queued=2, max_batched=4))
        create(small)
        for _ in range(2):
            assert small.client.post("/v1/removals", json={"url": URLS[0]}).status_code == 202
        problem(small.client.post("/v1/removals", json={"url": URLS[0]}), 429, "queue_full")
        answer = small.client.post(BATCHES, json={"urls": URLS})
        problem(answer, 429, "queue_full")
        assert int(answer.headers["Retry-After"]) >= 1

    def test_a_thousand(self, idle):
        mine = own(idle, "batch-large", 1000)
        batch = create(idle, mine, urls=[f"https://example.com/{n}.png" for n in range(1000)])
        assert (batch["pictures"], batch["counts"]["queued"]) == (1000, 1000)
        assert idle.client.get("/v1/account", headers=mine).json()["remaining"] == 0
        body = idle.client.delete(f"{BATCHES}/{batch['id']}", headers=mine, timeout=60).json()
        assert body["counts"]["failed"] == 1000
        assert idle.client.get("/v1/account", headers=mine).json()["remaining"] == 1000

    def test_an_expired_batch_is_purged(self, house, pictures):
        old = house(task=settings.Task(batch_keep_seconds=60))
        batch = create(old)
        old.age = -61
        problem(old.client.get(f"{BATCHES}/{batch['id']}"), 404, "batch_not_found")
        old.call(old.services.tasks.purge())
        purged = old.call(old.services.tasks.purge())
        assert purged.removed == 0
        old.age = 0
        problem(old.client.get(f"{BATCHES}/{batch['id']}"), 404, "batch_not_found")
        assert old.client.get("/v1/account").json()["usage"] == 0

    def test_the_webhook_of_a_batch_that_expired_unfinished_is_called(self, house, pictures, web):
        old = house(task=settings.Task(batch_keep_seconds=60))
        batch = create(old, webhook=f"{web.url}/expired")
        old.finish(removals(old, batch)[0]["id"], pictures.photo)
        old.age = -61
        old.call(old.services.tasks.purge())
        [delivery] = old.call(old.services.tasks.sweep())
        old.call(old.deliveries.deliver(delivery))
        *_, body = web.wait_for_post("/expired")
        told = json.loads(body)
        assert (told["id"], told["state"]) == (batch["id"], "done")
        assert told["counts"] == {"queued": 0, "running": 0, "done": 1, "failed": 2}
        assert old.call(old.services.tasks.purge()).removed == 3  # nothing is kept for it any longer
