"""The native calls: tokens, credits, health, problems, and the document that describes them all."""

from __future__ import annotations

import json
import re

import httpx2
import pytest
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.task import Failure

NOBODY = "3b950563-e53f-4036-a581-5ac04d0829b3"
MARK = {"box": [10, 8, 20, 12], "kind": "opaque", "opacity": 1.0, "colour": "#ffffff", "confidence": 0.97}


def admin(house):
    return {"Authorization": f"Bearer {house.admin}"}


def problem(answer, status, code):
    """RFC 9457."""
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "code"}
    return body["detail"]


class TestTokens:
    def test_create_use_list_revoke(self, idle):
        made = idle.client.post("/v1/tokens", json={"name": "camera", "account": "shop"}, headers=admin(idle))
        assert made.status_code == 201
        body = made.json()
        assert body["token"].startswith(body["prefix"])
        assert (body["name"], body["account"], body["admin"]) == ("camera", "shop", False)
        own = {"Authorization": f"Bearer {body['token']}"}
        assert idle.client.get("/v1/account", headers=own).json()["account"] == "shop"

        listed = idle.client.get("/v1/tokens?account=shop", headers=admin(idle))
        [known] = listed.json()["tokens"]
        assert known["id"] == body["id"]
        assert body["token"] not in listed.text

        assert idle.client.delete(f"/v1/tokens/{body['id']}", headers=admin(idle)).status_code == 204
        problem(idle.client.get("/v1/account", headers=own), 401, "token_invalid")
        [known] = idle.client.get("/v1/tokens?account=shop", headers=admin(idle)).json()["tokens"]
        assert known["revoked_at"] > 0

    def test_all_tokens_are_listed(self, idle):
        names = {one["name"] for one in idle.client.get("/v1/tokens", headers=admin(idle)).json()["tokens"]}
        assert {"test", "boss"} <= names

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/v1/tokens", {"name": "x"}),
            ("GET", "/v1/tokens", None),
            ("DELETE", "/v1/tokens/x", None),
            ("POST", "/v1/accounts/default/credits", {"credits": 5}),
        ],
    )
    def test_only_admins_administer(self, idle, method, path, body):
        problem(idle.client.request(method, path, json=body), 403, "admin_needed")
        answer = httpx2.request(method, idle.url + path, json=body)
        problem(answer, 401, "token_missing")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({}, "name"),
            ({"name": ""}, "name"),
            ({"name": 7}, "name"),
            ({"name": "x", "admin": "yes"}, "admin"),
            ({"name": "x", "role": "king"}, "role"),
            ({"name": "x" * 101}, "name"),
            ({"name": "x", "account": "a\nb"}, "account"),
        ],
    )
    def test_a_wrong_field_is_named(self, idle, body, named):
        detail = problem(idle.client.post("/v1/tokens", json=body, headers=admin(idle)), 400, "field_invalid")
        assert named in detail

    def test_a_body_that_is_not_json(self, idle):
        problem(idle.client.post("/v1/tokens", content=b"{", headers=admin(idle)), 400, "body_invalid")

    def test_what_does_not_exist(self, idle):
        problem(idle.client.delete("/v1/tokens/nobody", headers=admin(idle)), 404, "token_not_found")
        problem(idle.client.get("/v1/tokens?account=nobody", headers=admin(idle)), 404, "account_not_found")
        answer = idle.client.post("/v1/accounts/nobody/credits", json={"credits": 1}, headers=admin(idle))
        problem(answer, 404, "account_not_found")


class TestCredits:
    def test_unlimited_until_the_first_grant(self, idle):
        own = {"Authorization": f"Bearer {idle.token('saver')}"}
        before = idle.client.get("/v1/account", headers=own).json()
        assert (before["limit"], before["usage"], before["remaining"]) == (None, 0, None)
        assert before["webhook_secret"].startswith("whsec_")
        granted = idle.client.post("/v1/accounts/saver/credits", json={"credits": 7}, headers=admin(idle))
        assert granted.json() == {"account": "saver", "limit": 7, "usage": 0, "remaining": 7}
        after = idle.client.get("/v1/account", headers=own).json()
        assert (after["limit"], after["usage"], after["remaining"]) == (7, 0, 7)

    @pytest.mark.parametrize("amount", [0, -1, 1.5, "5", None, 10**12])
    def test_credits_are_whole_and_positive(self, idle, amount):
        answer = idle.client.post(
            "/v1/accounts/default/credits", json={"credits": amount}, headers=admin(idle)
        )
        problem(answer, 400, "field_invalid")


def file(data):
    return ("photo.png", data, "image/png")


def submit(house, pictures, **fields):
    """A task that is accepted, as the answer tells it."""
    answer = house.client.post("/v1/removals", files={"file": file(pictures.photo)}, data=fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


class TestTasks:
    def test_a_picture_with_rectangles_is_cleaned_on_the_line(self, server, pictures):
        answer = server.client.post(
            "/v1/removals",
            files={"file": file(pictures.photo)},
            data={"rectangles": pictures.rectangles, "mode": "fill", "sync": "1"},
        )
        body = answer.json()
        assert (answer.status_code, body["state"], body["error"]) == (200, "done", None)
        assert (body["result"]["changed"], body["result"]["box"]) == (True, list(pictures.stamp))
        assert body["result"]["found"] == []  # with this mode nothing is looked for
        assert pictures.is_clean(httpx2.get(body["result"]["url"]).content)

    @pytest.mark.parametrize("kind", ["mask", "smear"])
    def test_a_painted_area_by_file_or_url(self, server, pictures, web, kind):
        painted = getattr(pictures, kind)
        url = web.put(f"/{kind}.png", painted)
        for area in ({"files": {f"{kind}_file": file(painted)}}, {"data": {f"{kind}_url": url}}):
            answer = server.client.post(
                "/v1/removals",
                files={"file": file(pictures.photo), **area.get("files", {})},
                data={"mode": "fill", "sync": "1", **area.get("data", {})},
            )
            assert pictures.is_clean(httpx2.get(answer.json()["result"]["url"]).content)

    def test_json_another_format_and_the_file_that_comes_back(self, server, pictures, web):
        fields = {
            "url": web.put("/photo.png", pictures.photo),
            "rectangles": json.loads(pictures.rectangles),
            "format": "webp",
            "sync": True,
        }
        result = server.client.post("/v1/removals", json=fields).json()["result"]
        assert (result["format"], result["media_type"]) == ("WEBP", "image/webp")
        assert httpx2.get(result["url"]).content[8:12] == b"WEBP"

    def test_what_was_found_is_told(self, idle, pictures):
        task_id = submit(idle, pictures)["id"]
        idle.finish(task_id, pictures.photo, found=[MARK])
        body = idle.client.get(f"/v1/removals/{task_id}").json()
        assert (body["id"], body["state"]) == (task_id, "done")
        assert body["result"]["found"] == [MARK]
        assert httpx2.get(body["result"]["url"]).content == pictures.photo

    def test_a_task_of_another_dialect_tells_what_was_found_too(self, idle, pictures):
        answer = idle.client.post("/task/pic/watermark_auto", files={"file": file(pictures.photo)})
        task_id = answer.json()["data"]["task_id"]
        idle.finish(task_id, pictures.photo, found=[MARK])
        assert "found" not in idle.client.get(f"/task/{task_id}").json()["data"]
        assert idle.client.get(f"/v1/removals/{task_id}").json()["result"]["found"] == [MARK]

    def test_on_the_way(self, idle, pictures):
        accepted = submit(idle, pictures)
        assert (accepted["state"], accepted["result"], accepted["error"]) == ("queued", None, None)
        assert accepted["expires_at"] > accepted["created_at"]
        waiting = idle.client.post("/v1/removals", files={"file": file(pictures.photo)}, data={"sync": "1"})
        assert (waiting.status_code, waiting.json()["state"]) == (202, "queued")  # not done while it waited

    def test_a_failure(self, idle, pictures):
        task_id = submit(idle, pictures)["id"]
        idle.fail(task_id, Failure("picture_unreadable", "It is broken."))
        body = idle.client.get(f"/v1/removals/{task_id}").json()
        assert (body["state"], body["result"]) == ("failed", None)
        assert body["error"] == {"code": "picture_unreadable", "detail": "It is broken."}

    def test_what_was_asked_for_is_kept(self, idle, pictures):
        task_id = submit(idle, pictures, mode="undo", sensitivity="0.75", format="jpg")["id"]
        asked = idle.task(task_id).request
        assert (asked.dialect, asked.mode, asked.sensitivity, asked.format) == (
            "native",
            "undo",
            0.75,
            "JPEG",
        )
        assert idle.task(submit(idle, pictures)["id"]).request.sensitivity == 0.5

    def test_the_service_may_set_another_sensitivity(self, house, pictures):
        keen = house(engine=settings.Engine(sensitivity=0.8))
        assert submit(keen, pictures)["sensitivity"] == 0.8
        assert submit(keen, pictures, sensitivity="0")["sensitivity"] == 0.0

    @pytest.mark.parametrize(
        ("fields", "code", "named"),
        [
            ({"sensitivity": "1.1"}, "field_invalid", "sensitivity"),
            ({"sensitivity": "nan"}, "field_invalid", "sensitivity"),
            ({"mode": "magic"}, "field_invalid", "mode"),
            ({"sync": "maybe"}, "field_invalid", "sync"),
            ({"sensivity": "0.5"}, "field_invalid", "sensivity"),
            ({"format": "xyz"}, "picture_cannot_be_written", "xyz"),
            ({"url": "https://example.com/a.png"}, "source_repeated", "url"),
            ({"rectangles": "[]", "mask_url": "https://example.com/a.png"}, "region_repeated", "mask_url"),
            ({"rectangles": "[[1,2,3,4]]"}, "region_invalid", ""),
            ({"webhook": "ftp://example.com"}, "field_invalid", "webhook"),
        ],
    )
    def test_a_wrong_field_is_named_and_costs_nothing(self, idle, pictures, fields, code, named):
        own = {"Authorization": f"Bearer {idle.token('careful')}"}
        answer = idle.client.post(
            "/v1/removals", files={"file": file(pictures.photo)}, data=fields, headers=own
        )
        assert named in problem(answer, 400, code)
        assert idle.client.get("/v1/account", headers=own).json()["usage"] == 0

    def test_no_picture(self, idle):
        problem(idle.client.post("/v1/removals", json={}), 400, "source_missing")

    def test_only_whose_task_it_is(self, idle, pictures):
        task_id = submit(idle, pictures)["id"]
        other = {"Authorization": f"Bearer {idle.token('other')}"}
        problem(idle.client.get(f"/v1/removals/{task_id}", headers=other), 404, "task_not_found")
        problem(idle.client.get(f"/v1/removals/{NOBODY}"), 404, "task_not_found")
        problem(httpx2.get(f"{idle.url}/v1/removals/{task_id}"), 401, "token_missing")

    def test_the_callback_says_what_the_query_would(self, server, pictures, web):
        secret = server.client.get("/v1/account").json()["webhook_secret"]
        fields = {"rectangles": pictures.rectangles, "webhook": f"{web.url}/native"}
        task_id = submit(server, pictures, **fields)["id"]
        _, headers, body = web.wait_for_post("/native")
        Webhook(secret).verify(body, headers)
        told = json.loads(body)
        assert (told["id"], told["state"]) == (task_id, "done")
        assert told == server.client.get(f"/v1/removals/{task_id}").json()


class TestHouse:
    def test_health_needs_no_token(self, idle):
        answer = httpx2.get(f"{idle.url}/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert httpx2.head(f"{idle.url}/healthz").status_code == 200

    @pytest.mark.parametrize(
        ("path", "fields"),
        [
            ("/v1/removals", "anchor, file, format"),
            ("/v1/batches", "anchor, format, metadata"),
            ("/v1/presets", "anchor, name, rectangles, unit"),
            ("/v1/tokens", "account, admin, name"),
        ],
    )
    def test_a_field_that_does_not_exist_is_answered_with_those_that_do(self, idle, path, fields):
        detail = problem(
            idle.client.post(path, json={"colour": "red"}, headers=admin(idle)), 400, "field_invalid"
        )
        assert f"colour: there is no such field. There are: {fields}" in detail

    def test_many_fields_that_do_not_exist_are_not_all_repeated(self, idle):
        wrong = {f"{number:02}" + "x" * 200: 1 for number in range(60)}
        detail = problem(idle.client.post("/v1/removals", json=wrong), 400, "field_invalid")
        assert len(detail) < 2000
        assert "09xxx" in detail
        assert "10xxx" not in detail

    def test_unknown_paths_and_wrong_methods_are_problems(self, idle):
        problem(idle.client.get("/nowhere"), 404, "path_unknown")
        problem(idle.client.get("/v1/nowhere"), 404, "path_unknown")
        answer = idle.client.put("/v1/tokens")
        problem(answer, 405, "method_wrong")
        assert {"POST"} <= set(answer.headers["Allow"].split(", "))

    def test_answers_are_not_cached(self, idle):
        assert idle.client.get("/v1/account").headers["Cache-Control"] == "no-store"

    def test_no_pages_that_load_scripts_from_elsewhere(self, idle):
        assert idle.client.get("/redoc").status_code == 404
        page = httpx2.get(f"{idle.url}/docs")  # no token
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert not re.search(r"<script|<link|<img|src=|url\(", page.text)

    def test_the_manual_tells_every_call_and_every_field(self, idle):
        page = httpx2.get(f"{idle.url}/docs").text
        document = httpx2.get(f"{idle.url}/openapi.json").json()
        for path, item in document["paths"].items():
            for method, operation in item.items():
                assert f"<b>{method.upper()}</b>{path}<" in page
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    for name in content["schema"]["properties"]:
                        assert re.search(f"<code>{name}( \\*)?</code>", page), name


class TestDocument:
    @pytest.fixture
    def document(self, idle):
        return httpx2.get(f"{idle.url}/openapi.json").json()

    def test_every_call_is_described(self, document):
        described = {(method, path) for path, item in document["paths"].items() for method in item}
        assert described == {
            ("post", "/api/ext/v1/submit_watermark_removal"),
            ("post", "/api/ext/v1/get_task_result"),
            ("post", "/api/ext/v1/get_quota"),
            ("post", "/task/pic/watermark"),
            ("post", "/task/pic/watermark_auto"),
            ("get", "/task/{task_id}"),
            ("post", "/api/tasks/visual/external/watermark-remove"),
            ("get", "/api/tasks/visual/external/watermark-remove/{task_id}"),
            ("post", "/api/tasks/visual/inpaint"),
            ("get", "/api/tasks/visual/inpaint/{task_id}"),
            ("post", "/api/tasks/visual/watermark"),
            ("get", "/api/tasks/visual/watermark/{task_id}"),
            ("get", "/api/customers/package-credits"),
            ("get", "/files/{name}"),
            ("post", "/v1/removals"),
            ("get", "/v1/removals"),
            ("get", "/v1/removals/{removal_id}"),
            ("delete", "/v1/removals/{removal_id}"),
            ("get", "/v1/removals/{removal_id}/webhook"),
            ("post", "/v1/batches"),
            ("get", "/v1/batches/{batch_id}"),
            ("delete", "/v1/batches/{batch_id}"),
            ("get", "/v1/batches/{batch_id}/results.zip"),
            ("post", "/v1/presets"),
            ("get", "/v1/presets"),
            ("get", "/v1/presets/{preset_id}"),
            ("delete", "/v1/presets/{preset_id}"),
            ("post", "/v1/tokens"),
            ("get", "/v1/tokens"),
            ("delete", "/v1/tokens/{token_id}"),
            ("get", "/v1/account"),
            ("get", "/v1/account/tokens"),
            ("post", "/v1/account/tokens"),
            ("delete", "/v1/account/tokens/{token_id}"),
            ("get", "/v1/account/usage"),
            ("post", "/v1/accounts/{name}/credits"),
            ("post", "/v1/session"),
            ("get", "/v1/session"),
            ("delete", "/v1/session"),
            ("get", "/v1/events"),
            ("post", "/v1/marks"),
            ("post", "/v1/picture"),
            ("get", "/v1/removals/{removal_id}/thumbnail"),
            ("post", "/v1/removals/{removal_id}/webhook"),
            ("get", "/v1/operator/accounts"),
            ("get", "/v1/operator/standing"),
            ("get", "/v1/operator/settings"),
            ("get", "/healthz"),
            ("get", "/readyz"),
            ("get", "/metrics"),
        }

    def test_bodies_and_tokens_are_described(self, document):
        form = document["paths"]["/task/pic/watermark"]["post"]
        fields = form["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        assert {"image_file", "image_url", "mask_file", "mask_url", "rectangles", "sync"} <= set(fields)
        assert {name for one in form["security"] for name in one} == {"HTTPBearer", "APIKeyHeader"}
        assert "security" not in document["paths"]["/healthz"]["get"]

    def test_answers_are_as_described(self, document, idle, pictures):
        """The field names of a real answer are those of its schema."""
        schemas = document["components"]["schemas"]
        assert set(idle.client.get("/v1/account").json()) == set(schemas["AccountAnswer"]["properties"])
        task_id = submit(idle, pictures)["id"]
        idle.finish(task_id, pictures.photo, found=[MARK])
        body = idle.client.get(f"/v1/removals/{task_id}").json()
        assert set(body) == set(schemas["RemovalAnswer"]["properties"])
        assert set(body["result"]) == set(schemas["RemovalResult"]["properties"])
        assert set(body["result"]["found"][0]) == set(schemas["FoundMark"]["properties"])

    def test_sensitivity_is_described_wherever_a_removal_is_asked_for(self, document):
        for path in (
            "/v1/removals",
            "/task/pic/watermark",
            "/task/pic/watermark_auto",
            "/api/tasks/visual/external/watermark-remove",
            "/api/tasks/visual/inpaint",
            "/api/tasks/visual/watermark",
            "/api/ext/v1/submit_watermark_removal",
        ):
            content = document["paths"][path]["post"]["requestBody"]["content"]
            for one in content.values():
                described = one["schema"]["properties"]["sensitivity"]
                assert (described["minimum"], described["maximum"]) == (0, 1)
