"""Limits as callers meet them: 429 with an honest Retry-After, in the words of each dialect."""

from __future__ import annotations

import pytest

from cleanplate import settings
from cleanplate.task import Outcome

URL = "https://example.com/a.png"
SUBMITS = [
    ("/v1/removals", {"url": URL}),
    ("/api/ext/v1/submit_watermark_removal", {"image_url": URL}),
    ("/task/pic/watermark", {"image_url": URL}),
    ("/api/tasks/visual/watermark", {"image_url": URL}),
]


@pytest.mark.parametrize(("path", "fields"), SUBMITS)
class TestRate:
    def test_creates_are_counted_and_queries_are_not(self, house, path, fields):
        slow = house(account=settings.Account(creates_per_second=0.01, creates_burst=2))
        for _ in range(2):
            assert slow.client.post(path, json=fields).status_code in {200, 202}
        answer = slow.client.post(path, json=fields)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 100
        assert "often" in answer.text
        for _ in range(20):
            assert slow.client.get("/v1/removals").status_code == 200
        other = {"Authorization": f"Bearer {slow.token()}"}
        assert slow.client.post(path, json=fields, headers=other).status_code in {200, 202}

    def test_an_account_may_have_so_many_unfinished(self, house, path, fields):
        narrow = house(task=settings.Task(max_per_account=1))
        assert narrow.client.post(path, json=fields).status_code in {200, 202}
        answer = narrow.client.post(path, json=fields)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        other = {"Authorization": f"Bearer {narrow.token('other')}"}
        assert narrow.client.post(path, json=fields, headers=other).status_code in {200, 202}


SYNC = {"sync": 1}
TURNED_AWAY = [
    ("/v1/removals", {"url": URL, **SYNC}, lambda body: body["code"] == "queue_full"),
    ("/api/ext/v1/submit_watermark_removal", {"image_url": URL}, lambda body: body["code"] == 1101),
    ("/task/pic/watermark", {"image_url": URL}, lambda body: body["status"] == 429),
    ("/task/pic/watermark_auto", {"url": URL, **SYNC}, lambda body: body["status"] == 429),
    ("/api/tasks/visual/watermark", {"image_url": URL}, lambda body: body["status"] == 429),
    ("/api/tasks/visual/external/watermark-remove", {"url": URL}, lambda body: body["status"] == 429),
]


@pytest.fixture
def slow(house):
    """A server of one slot, which has taken a minute for its only task."""
    one = house(task=settings.Task(max_wait_seconds=30, sync_wait_seconds=0.05))
    claimed = one.claim(one.client.post("/v1/removals", json={"url": URL}).json()["id"])
    one.age = -60
    outcome = Outcome("results/a.png", "PNG", "png", "image/png", 1, 1, None, 0.0, 0.0, True)
    assert one.call(one.services.tasks.finish(claimed, outcome))
    return one


@pytest.mark.parametrize(("path", "fields", "told"), TURNED_AWAY)
def test_who_would_wait_in_vain_is_told_when_to_come_back(slow, path, fields, told):
    assert slow.client.post(path, json=fields).status_code in {200, 202}
    usage = slow.client.get("/v1/account").json()["usage"]
    answer = slow.client.post(path, json=fields)
    assert answer.status_code == 429
    assert 30 <= int(answer.headers["Retry-After"]) <= 90  # the half of a minute, and what this machine took
    assert told(answer.json())
    assert slow.client.get("/v1/account").json()["usage"] == usage
    for _ in range(5):
        assert slow.client.post("/v1/removals", json={"url": URL}).status_code == 202
    assert slow.client.post("/v1/batches", json={"urls": [URL] * 5}).status_code == 202


def test_none_is_the_default(idle):
    for _ in range(30):
        assert idle.client.post("/v1/removals", json={"url": URL}).status_code == 202
