"""The native calls: tokens, credits, health, problems, and the document that describes them all."""

from __future__ import annotations

import httpx2
import pytest


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


class TestHouse:
    def test_health_needs_no_token(self, idle):
        answer = httpx2.get(f"{idle.url}/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert httpx2.head(f"{idle.url}/healthz").status_code == 200

    def test_unknown_paths_and_wrong_methods_are_problems(self, idle):
        problem(idle.client.get("/"), 404, "path_unknown")
        problem(idle.client.get("/api/tasks/visual/erase"), 404, "path_unknown")
        answer = idle.client.put("/v1/tokens")
        problem(answer, 405, "method_wrong")
        assert {"POST"} <= set(answer.headers["Allow"].split(", "))

    def test_answers_are_not_cached(self, idle):
        assert idle.client.get("/v1/account").headers["Cache-Control"] == "no-store"

    def test_no_pages_that_load_scripts_from_elsewhere(self, idle):
        assert idle.client.get("/docs").status_code == 404
        assert idle.client.get("/redoc").status_code == 404


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
            ("get", "/files/{name}"),
            ("post", "/v1/tokens"),
            ("get", "/v1/tokens"),
            ("delete", "/v1/tokens/{token_id}"),
            ("get", "/v1/account"),
            ("post", "/v1/accounts/{name}/credits"),
            ("get", "/healthz"),
        }

    def test_bodies_and_tokens_are_described(self, document):
        form = document["paths"]["/task/pic/watermark"]["post"]
        fields = form["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        assert {"image_file", "image_url", "mask_file", "mask_url", "rectangles", "sync"} <= set(fields)
        assert {name for one in form["security"] for name in one} == {"HTTPBearer", "APIKeyHeader"}
        assert "security" not in document["paths"]["/healthz"]["get"]

    def test_answers_are_as_described(self, document, idle):
        """The field names of a real answer are those of its schema."""
        schema = document["components"]["schemas"]["AccountAnswer"]
        assert set(idle.client.get("/v1/account").json()) == set(schema["properties"])
