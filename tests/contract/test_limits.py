"""Limits as callers meet them: 429 with an honest Retry-After, in the words of each dialect."""

from __future__ import annotations

import pytest

from cleanplate import settings

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


def test_none_is_the_default(idle):
    for _ in range(30):
        assert idle.client.post("/v1/removals", json={"url": URL}).status_code == 202
