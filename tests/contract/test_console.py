"""What the console asks for: own tokens and usage, live tasks, looking, the operator's view."""

from __future__ import annotations

import base64
import io
import json
import threading

import cv2
import httpx2
import numpy as np
import pytest
from PIL import Image

from cleanplate import settings
from cleanplate.http.native import events


@pytest.fixture
def client_of(idle):
    """Make a client that shows a token."""
    made = []

    def build(secret):
        made.append(httpx2.Client(base_url=idle.url, headers={"Authorization": f"Bearer {secret}"}))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_tokens_of_ones_own(idle, client_of):
    ours, theirs = idle.token("tokens"), idle.token("others")
    client = client_of(ours)
    made = client.post("/v1/account/tokens", json={"name": "shop"}).json()
    assert (made["account"], made["admin"], made["token"][:8]) == ("tokens", False, made["prefix"])
    listed = client.get("/v1/account/tokens").json()["tokens"]
    assert [one["name"] for one in listed] == ["test", "shop"]
    assert made["token"] not in json.dumps(listed)
    assert client.delete(f"/v1/account/tokens/{theirs[:8]}").status_code == 404
    assert client.delete(f"/v1/account/tokens/{made['id']}").status_code == 204
    revoked = httpx2.get(f"{idle.url}/v1/account", headers={"Authorization": f"Bearer {made['token']}"})
    assert revoked.status_code == 401
    assert client.post("/v1/account/tokens", json={"name": "x", "admin": True}).status_code == 400


def test_tokens_can_be_left_to_admins(house):
    strict = house(account=settings.Account(own_tokens=False))
    answer = strict.client.post("/v1/account/tokens", json={"name": "shop"})
    assert (answer.status_code, answer.json()["code"]) == (403, "tokens_not_yours")
    boss = {"Authorization": f"Bearer {strict.admin}"}
    assert strict.client.get("/v1/account/tokens", headers=boss).status_code == 200


def test_usage_by_day(idle, pictures, client_of):
    client = client_of(idle.token("used"))
    boss = {"Authorization": f"Bearer {idle.admin}"}
    idle.client.post("/v1/accounts/used/credits", json={"credits": 50}, headers=boss)
    account = idle.call(idle.services.accounts.get("used"))
    for wanted in ("done", "failed", "done"):
        task_id = client.post("/v1/removals", files={"file": ("a.png", pictures.photo)}).json()["id"]
        if wanted == "done":
            idle.finish(task_id, pictures.photo)
        else:
            idle.call(idle.services.tasks.cancel(account.id, task_id))
    days = client.get("/v1/account/usage", params={"days": 7, "utc_offset": 420}).json()["days"]
    assert len(days) == 7
    assert days == sorted(days, key=lambda one: one["day"])
    assert {key: days[-1][key] for key in ("charged", "refunded", "granted")} == {
        "charged": 2,
        "refunded": 1,
        "granted": 50,
    }
    assert all(one["charged"] == one["granted"] == 0 for one in days[:-1])
    other = {"Authorization": f"Bearer {idle.token('fresh')}"}
    assert not any(
        one["charged"] for one in httpx2.get(f"{idle.url}/v1/account/usage", headers=other).json()["days"]
    )


class Follower:
    """Reads a stream of events in a thread until it has seen what it waits for."""

    def __init__(self, house, secret):
        self.seen = []
        self._house = house
        self.ready = threading.Event()
        self._enough = threading.Condition()
        self._thread = threading.Thread(target=self._follow, args=(house, secret), daemon=True)
        self._thread.start()
        assert self.ready.wait(20)

    def _follow(self, house, secret):
        headers = {"Authorization": f"Bearer {secret}"}
        with (
            httpx2.Client(timeout=30) as client,
            client.stream("GET", f"{house.url}/v1/events", headers=headers) as stream,
        ):
            name = None
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                    if name == "ready":
                        self.ready.set()
                elif line.startswith("data: ") and name != "ready":
                    with self._enough:
                        self.seen.append((name, json.loads(line.removeprefix("data: "))))
                        self._enough.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._house.leave()
        self.gone()

    def gone(self):
        """Return when the stream has ended."""
        self._thread.join(20)
        assert not self._thread.is_alive()

    def states(self, count):
        """The states told until there were `count` of them."""
        with self._enough:
            told = lambda: [data["state"] for name, data in self.seen if name == "removal"]  # noqa: E731
            assert self._enough.wait_for(lambda: len(told()) >= count, 20), self.seen
            return told()


def test_ones_own_tasks_are_followed_live(house, pictures):
    idle = house(http=settings.Http(events_seconds=0.05))
    stranger = idle.token("stranger")
    with Follower(idle, idle.secret) as follower:
        upload = {"file": ("a.png", pictures.photo)}
        theirs = {"Authorization": f"Bearer {stranger}"}
        httpx2.post(f"{idle.url}/v1/removals", files=upload, headers=theirs)
        task_id = idle.client.post("/v1/removals", files=upload).json()["id"]
        assert follower.states(1) == ["queued"]
        idle.finish(task_id, pictures.photo)
        assert follower.states(2)[-1] == "done"
    assert {data["id"] for name, data in follower.seen if name == "removal"} == {task_id}
    assert any(name == "credits" for name, _ in follower.seen)


def test_who_is_no_longer_welcome_is_sent_away(house, pictures, monkeypatch):
    monkeypatch.setattr(events, "CHECK_SECONDS", 0.05)
    idle = house(http=settings.Http(events_seconds=0.05))
    secret = idle.token("default")
    follower = Follower(idle, secret)
    idle.call(idle.services.accounts.revoke_token(secret[:8]))
    follower.gone()
    idle.client.post("/v1/removals", files={"file": ("a.png", pictures.photo)})
    assert follower.seen == []


def test_only_so_many_follow_at_a_time(house):
    idle = house(http=settings.Http(max_listeners=1, events_seconds=0.05))
    with Follower(idle, idle.secret):
        answer = idle.client.get("/v1/events")
        assert (answer.status_code, answer.json()["code"]) == (429, "server_busy")
        assert int(answer.headers["retry-after"]) >= 1


def test_a_server_that_stops_does_not_wait_for_who_only_listens(house):
    idle = house(http=settings.Http(events_seconds=60))
    with Follower(idle, idle.secret) as follower:
        pass
    assert follower.seen == []


def test_marks_are_found_and_left(server):
    """A dark word over soft light, given as its shape; nothing is charged or kept."""
    down, across = np.mgrid[0:300, 0:420].astype(np.float32)
    light = 130 + 50 * np.sin(across / 90) + 20 * np.cos(down / 70)
    pixels = np.dstack([light, light * 0.9, light * 0.8])
    word = np.zeros((300, 420), np.uint8)
    cv2.putText(word, "SAMPLE", (60, 170), cv2.FONT_HERSHEY_DUPLEX, 2.2, 255, 5, cv2.LINE_AA)
    pixels += (255 - pixels) * (word / 255 * 0.6)[..., None]
    data = cv2.imencode(".png", pixels.astype(np.uint8))[1].tobytes()
    before = server.client.get("/v1/account").json()["usage"]
    answer = server.client.post("/v1/marks", files={"file": ("a.png", data)}, data={"sensitivity": "0.9"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["width"], told["height"]) == (420, 300)
    area = np.zeros((300, 420), bool)
    for mark in told["marks"]:
        x, y, width, height = mark["box"]
        shape = Image.open(io.BytesIO(base64.b64decode(mark["area"].partition(",")[2])))
        assert shape.size == (width, height)
        area[y : y + height, x : x + width] |= np.asarray(shape.convert("L")) > 127
    assert area[word > 200].mean() > 0.8
    assert area[word == 0].mean() < 0.1
    assert server.client.get("/v1/account").json()["usage"] == before


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"files": {"file": ("a.png", b"no picture")}}, "picture_format_unsupported"),
        ({"data": {"sensitivity": "0.5"}}, "source_missing"),
        ({"data": {"colour": "red"}}, "field_invalid"),
    ],
)
def test_what_cannot_be_looked_at_is_told(server, sent, code):
    answer = server.client.post("/v1/marks", **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_result_in_small(idle, pictures):
    task_id = idle.client.post("/v1/removals", files={"file": ("a.png", pictures.photo)}).json()["id"]
    assert idle.client.get(f"/v1/removals/{task_id}/thumbnail").status_code == 404
    large = io.BytesIO()
    Image.new("RGBA", (900, 600), (10, 200, 30, 128)).save(large, "PNG")
    idle.finish(task_id, large.getvalue())
    for _ in range(2):  # made, and then kept
        answer = idle.client.get(f"/v1/removals/{task_id}/thumbnail")
        assert answer.headers["content-type"] == "image/webp"
        small = Image.open(io.BytesIO(answer.content))
        assert small.size == (320, 213)
        assert np.abs(np.asarray(small.convert("RGBA")).mean(axis=(0, 1)) - (10, 200, 30, 128)).max() < 12
    theirs = {"Authorization": f"Bearer {idle.token('nosy')}"}
    assert idle.client.get(f"/v1/removals/{task_id}/thumbnail", headers=theirs).status_code == 404


def test_the_picture_behind_a_url(idle, pictures, web):
    photo, page = web.put("/photo.png", pictures.photo), web.put("/page.png", b"<script>alert(1)</script>")
    answer = idle.client.post("/v1/picture", json={"url": photo})
    assert answer.content == pictures.photo
    assert answer.headers["content-type"] == "image/png"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert idle.client.post("/v1/picture", json={"url": page}).status_code == 400
    assert idle.client.post("/v1/picture", json={"url": "file:///etc/passwd"}).status_code == 400
    assert idle.client.post("/v1/picture", json={"url": "http://169.254.169.254/"}).status_code == 400


def test_a_webhook_is_called_again(server, pictures, web):
    how = {"rectangles": pictures.rectangles, "sync": "1", "webhook": f"{web.url}/again"}
    asked = server.client.post("/v1/removals", files={"file": ("a.png", pictures.photo)}, data=how)
    path = f"/v1/removals/{asked.json()['id']}/webhook"
    web.wait_for_post("/again")
    with web.arrived:  # the receiver knows before its answer is noted down
        assert web.arrived.wait_for(lambda: server.client.get(path).json()["state"] == "delivered", 20)
    assert server.client.post(path).status_code == 202
    with web.arrived:
        assert web.arrived.wait_for(lambda: len(web.posted) == 2, 20)
    first, second = web.posted
    assert first[2] == second[2]
    assert {key.lower(): value for key, value in first[1].items()}["webhook-id"] == {
        key.lower(): value for key, value in second[1].items()
    }["webhook-id"]


def test_the_operators_view(house, pictures):
    idle = house(
        database=settings.Database(url=None), secret="a secret of sixteen", fetch=settings.Fetch(seconds=7)
    )
    boss = {"Authorization": f"Bearer {idle.admin}"}
    assert idle.client.get("/v1/operator/standing").status_code == 403
    idle.token("metered")
    idle.client.post("/v1/accounts/metered/credits", json={"credits": 9}, headers=boss)
    for _ in range(3):
        task_id = idle.client.post("/v1/removals", files={"file": ("a.png", pictures.photo)}).json()["id"]
    idle.finish(task_id, pictures.photo)
    accounts = {
        one["name"]: one for one in idle.client.get("/v1/operator/accounts", headers=boss).json()["accounts"]
    }
    assert accounts["default"]["queued"] == 2
    assert accounts["default"]["tokens"] == 2
    assert accounts["default"]["limit"] is None
    assert accounts["metered"]["remaining"] == 9
    standing = idle.client.get("/v1/operator/standing", headers=boss).json()
    assert (standing["queued"], standing["done_last_hour"]) == (2, 1)
    folders = {one["name"]: one for one in standing["folders"]}
    assert folders["sources"]["blobs"] == 2
    assert folders["results"]["bytes"] == len(pictures.photo)
    assert standing["disk_total"] > standing["disk_free"] > 0
    told = idle.client.get("/v1/operator/settings", headers=boss)
    shown = {one["name"]: one for one in told.json()["settings"]}
    assert shown["CLEANPLATE_SECRET"]["value"] == "hidden"
    assert "sixteen" not in told.text
    assert (shown["CLEANPLATE_FETCH__SECONDS"]["value"], shown["CLEANPLATE_FETCH__SECONDS"]["default"]) == (
        "7.0",
        False,
    )
    assert shown["CLEANPLATE_HTTP__PORT"]["default"] is True


def test_a_password_in_a_url_is_hidden():
    from cleanplate.http.native.operator import _flat

    known = settings.load(database={"url": "postgresql+asyncpg://cp:hunter2@db/cleanplate"})
    shown = {one["name"]: one["value"] for one in _flat(known, "CLEANPLATE")}
    assert shown["CLEANPLATE_DATABASE__URL"] == '"postgresql+asyncpg://cp:hidden@db/cleanplate"'
