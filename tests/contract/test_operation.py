"""What an operator looks at: readiness, metrics, the audit trail, a backup."""

from __future__ import annotations

import hashlib
import json
import re
import shutil

import httpx2
import pytest

from cleanplate import settings
from cleanplate.cli.app import run
from cleanplate.task import Failure

URL = "https://example.com/a.png"
REMOVALS = "/v1/removals"


def admin(house):
    return {"Authorization": f"Bearer {house.admin}"}


def scrape(house):
    """All samples by their name and labels."""
    answer = house.client.get("/metrics", headers=admin(house))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def rise(house, before, name):
    return scrape(house).get(name, 0) - before.get(name, 0)


class TestReady:
    def test_all_is_well(self, idle):
        answer = httpx2.get(f"{idle.url}/readyz")  # no token
        assert answer.status_code == 200
        assert answer.json() == {"database": "ok", "blobs": "ok", "worker": "ok"}

    def test_what_does_not_answer_is_named(self, house):
        broken = house()
        folder = broken.settings.data_dir / "blobs"
        shutil.rmtree(folder)
        folder.write_text("in the way")
        answer = httpx2.get(f"{broken.url}/readyz")
        assert answer.status_code == 503
        assert (answer.json()["database"], answer.json()["blobs"]) == ("ok", "storage_failed")
        assert httpx2.get(f"{broken.url}/healthz").status_code == 200


class TestMetrics:
    def test_only_for_those_who_may(self, idle, house):
        assert idle.client.get("/metrics").status_code == 403
        assert httpx2.get(f"{idle.url}/metrics").status_code == 401
        assert httpx2.get(house(http=settings.Http(metrics="open")).url + "/metrics").status_code == 200
        off = house(http=settings.Http(metrics="off"))
        assert off.client.get("/metrics", headers=admin(off)).status_code == 404

    def test_requests_are_counted_by_dialect_and_status(self, idle):
        before = scrape(idle)
        idle.client.post("/task/pic/watermark", json={"image_url": URL})
        idle.client.post("/task/pic/watermark", json={})
        idle.client.request("PROPFIND", "/task/pic/watermark")
        for method, status, times in (("POST", 200, 1), ("POST", 400, 1), ("other", 405, 1)):
            name = f'cleanplate_requests_total{{dialect="gptge",method="{method}",status="{status}"}}'
            assert rise(idle, before, name) == times
        assert rise(idle, before, 'cleanplate_request_seconds_count{dialect="gptge"}') == 3

    def test_tasks_are_counted_timed_and_paid_for(self, idle, pictures):
        before = scrape(idle)
        ids = [idle.client.post(REMOVALS, json={"url": URL}).json()["id"] for _ in range(3)]
        idle.finish(ids[0], pictures.photo)
        idle.fail(ids[1], Failure("fetch_failed", "No."))
        assert rise(idle, before, 'cleanplate_accepted_total{dialect="native"}') == 3
        for code in ("done", "fetch_failed"):
            assert rise(idle, before, f'cleanplate_results_total{{code="{code}",dialect="native"}}') == 1
            assert rise(idle, before, f'cleanplate_work_seconds_count{{code="{code}"}}') == 1
        assert rise(idle, before, 'cleanplate_credits_total{kind="charged"}') == 1
        assert rise(idle, before, 'cleanplate_credits_total{kind="refunded"}') == 1
        assert rise(idle, before, "cleanplate_wait_seconds_count") == 2
        assert rise(idle, before, 'cleanplate_unfinished{state="queued"}') == 1
        assert scrape(idle)["cleanplate_oldest_queued_seconds"] >= 0

    def test_children_and_callbacks_are_counted(self, house, pictures, web):
        busy = house(worker=True)
        before = scrape(busy)
        assert before["cleanplate_children_started_total"] >= 2
        fields = {"rectangles": pictures.rectangles, "mode": "fill", "webhook": f"{web.url}/counted"}
        busy.client.post(REMOVALS, files={"file": ("p.png", pictures.photo)}, data=fields)
        _, headers, _ = web.wait_for_post("/counted")
        task_id = json.loads(web.posted[-1][2])["id"]
        while busy.client.get(f"{REMOVALS}/{task_id}/webhook").json()["state"] == "pending":
            busy.client.get("/readyz")
        assert headers["webhook-id"]
        assert rise(busy, before, 'cleanplate_deliveries_total{state="delivered"}') == 1


@pytest.fixture
def there(monkeypatch, tmp_path):
    """Run commands on a house's data."""

    def go(house):
        monkeypatch.setenv("CLEANPLATE_DATA_DIR", str(house.settings.data_dir))
        monkeypatch.chdir(tmp_path)

    return go


class TestAudit:
    def test_who_asked_for_what_by_hash(self, house, pictures, there, capsys, tmp_path):
        watched = house()
        upload = watched.client.post(REMOVALS, files={"file": ("p.png", pictures.photo)}).json()["id"]
        by_url = watched.client.post(
            "/task/pic/watermark", json={"image_url": URL}, headers={"X-Request-ID": "r7"}
        )
        batch = watched.client.post("/v1/batches", json={"urls": [URL, URL + "2"]}).json()
        watched.client.post(REMOVALS, json={"url": "nonsense"})  # not accepted, so not in the trail
        there(watched)
        assert run(["audit", "--json"]) == 0
        text = capsys.readouterr().out
        told = [json.loads(line) for line in text.splitlines()]
        assert [one["dialect"] for one in told] == ["native", "gptge", "native", "native"]
        assert told[0]["task_id"] == upload
        assert told[0]["sha256"] == hashlib.sha256(pictures.photo).hexdigest()
        assert told[1]["task_id"] == by_url.json()["data"]["task_id"]
        assert (told[1]["source"], told[1]["request_id"]) == ("url", "r7")
        assert told[1]["sha256"] == told[2]["sha256"] == hashlib.sha256(URL.encode()).hexdigest()
        assert {one["account"] for one in told} == {"default"}
        assert len({one["token_id"] for one in told}) == 1
        assert batch["pictures"] == 2
        assert URL not in text

        picture = tmp_path / "seen.png"
        picture.write_bytes(pictures.photo)
        assert run(["audit", "--picture", str(picture)]) == 0
        [line] = capsys.readouterr().out.splitlines()
        assert upload in line

    @pytest.mark.parametrize("how", ["hashed", "plain", "off"])
    def test_where_it_came_from(self, house, there, capsys, how):
        watched = house(task=settings.Task(audit_client=how), http=settings.Http(trust_forwarded=True))
        for seen in ("203.0.113.7", "9.9.9.9, 203.0.113.7", "2001:db8::1", "nonsense", ""):
            headers = {"X-Forwarded-For": seen} if seen else {}
            assert watched.client.post(REMOVALS, json={"url": URL}, headers=headers).status_code == 202
        there(watched)
        run(["audit", "--json"])
        text = capsys.readouterr().out
        clients = [json.loads(line)["client"] for line in text.splitlines()]
        if how == "off":
            assert clients == [None] * 5
            return
        # What the proxy itself has seen; without that, the proxy.
        assert clients[0] == clients[1] != clients[2]
        assert clients[3] == clients[4]
        assert len(set(clients)) == 3
        assert (clients == ["203.0.113.7"] * 2 + ["2001:db8::1"] + ["127.0.0.1"] * 2) == (how == "plain")
        assert ("203.0.113.7" in text) == (how == "plain")
        for asked, lines in (("203.0.113.7", 2), ("2001:DB8:0::1", 1), ("127.0.0.1", 2), ("203.0.113.8", 0)):
            assert run(["audit", "--client", asked]) == 0
            assert len(capsys.readouterr().out.splitlines()) == lines

    def test_an_address_that_is_none(self, house, there, capsys):
        there(house())
        assert run(["audit", "--client", "somewhere"]) == 2
        assert "somewhere is not an IP address" in capsys.readouterr().err

    def test_nobody_is_believed_who_says_where_he_is_from(self, house, there, capsys):
        watched = house(task=settings.Task(audit_client="plain"))
        watched.client.post(REMOVALS, json={"url": URL}, headers={"X-Forwarded-For": "203.0.113.7"})
        there(watched)
        run(["audit", "--json"])
        assert json.loads(capsys.readouterr().out)["client"] == "127.0.0.1"

    def test_it_is_forgotten_after_its_time_and_not_with_the_task(self, house, there, capsys):
        brief = house(task=settings.Task(keep_seconds=60, audit_seconds=1000))
        brief.client.post(REMOVALS, json={"url": URL})
        there(brief)
        for age, left in ((500, 1), (1500, 0)):
            brief.age = -age
            brief.call(brief.services.tasks.purge())
            run(["audit"])
            assert len(capsys.readouterr().out.splitlines()) == left


class TestBackup:
    def test_a_copy_made_while_it_works_is_a_house_to_live_in(self, house, pictures, there, tmp_path):
        lived_in = house()
        done_id, link = lived_in.done(pictures)
        waiting = lived_in.client.post(
            REMOVALS,
            files={"file": ("p.png", pictures.photo)},
            data={"rectangles": pictures.rectangles, "mode": "fill"},
        ).json()["id"]
        lived_in.client.post(
            "/v1/presets", json={"name": "kept", "rectangles": [{"x": 1, "y": 1, "width": 2, "height": 2}]}
        )
        there(lived_in)
        copy = tmp_path / "copy"
        assert run(["backup", str(copy)]) == 0
        assert run(["backup", str(copy)]) == 1  # never over an older one

        lived_in.client.post(
            "/v1/presets", json={"name": "later", "rectangles": [{"x": 1, "y": 1, "width": 2, "height": 2}]}
        )
        with type(lived_in)(copy, worker=True) as restored:
            headers = {"Authorization": f"Bearer {lived_in.secret}"}  # the tokens are the same
            ask = lambda path: httpx2.get(restored.url + path, headers=headers, timeout=30)  # noqa: E731
            assert [one["name"] for one in ask("/v1/presets").json()["presets"]] == ["kept"]
            assert ask(f"/task/{done_id}").json()["data"]["state"] == 1
            same_link = re.sub(r"^http://[^/]+", restored.url, link)  # and so are the links
            assert httpx2.get(same_link).content == pictures.photo
            body = ask(f"{REMOVALS}/{waiting}?wait=30").json()  # what was waiting is done
            assert body["state"] == "done"
            assert pictures.is_clean(httpx2.get(body["result"]["url"]).content)
            assert ask("/v1/account").json()["usage"] == 2

    def test_what_cannot_be_copied_is_told(self, monkeypatch, tmp_path, capsys):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("CLEANPLATE_DATA_DIR", str(tmp_path / "nothing"))
        assert run(["backup", "copy"]) == 1
        assert "no database" in capsys.readouterr().err
        monkeypatch.setenv("CLEANPLATE_DATABASE__URL", "postgresql+asyncpg://x/y")
        assert run(["backup", "copy"]) == 1
        assert not (tmp_path / "copy").exists()
