"""§0 of the wire facts: what holds for every dialect."""

from __future__ import annotations

import base64
import http.client
import re

import httpx2
import pytest
import requests
from structlog.testing import capture_logs

from cleanplate import settings

SUBMIT = "/api/ext/v1/submit_watermark_removal"
QUOTA = "/api/ext/v1/get_quota"
WATERMARK = "/task/pic/watermark"
AUTO = "/task/pic/watermark_auto"
URL = "https://example.com/image.png"


class TestAuthentication:
    """§0.1"""

    @pytest.mark.parametrize("method_path", [("POST", QUOTA), ("GET", "/v1/account")])
    @pytest.mark.parametrize(
        "spell",
        [
            lambda token: {"Authorization": f"Bearer {token}"},
            lambda token: {"Authorization": f"bearer {token}"},
            lambda token: {"Authorization": f"BEARER   {token}"},
            lambda token: {"Authorization": token},
            lambda token: {"X-API-KEY": token},
            lambda token: {"x-api-key": token, "Authorization": "Bearer wrong"},
            lambda token: {"X-API-KEY": "", "Authorization": f"Bearer {token}"},
        ],
    )
    def test_0_1_every_spelling_of_the_token(self, idle, method_path, spell):
        method, path = method_path
        answer = httpx2.request(method, idle.url + path, headers=spell(idle.secret))
        assert answer.status_code == 200

    def test_0_1_spaces_around_the_token_are_trimmed(self, idle):
        connection = http.client.HTTPConnection("127.0.0.1", int(idle.url.rpartition(":")[2]), timeout=20)
        connection.request("POST", QUOTA, headers={"X-API-KEY": f"  {idle.secret}  "})
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        connection.close()

    def test_0_1_nothing_behind_bearer_works_only_without_tokens(self, idle, house):
        def ask(url):
            return requests.post(url + QUOTA, headers={"Authorization": "Bearer "}, timeout=20).status_code

        assert ask(idle.url) == 401
        assert ask(house(account=settings.Account(require_token=False)).url) == 200

    def test_0_1_a_revoked_token_is_refused(self, idle):
        secret = idle.token("leaver")
        [(token, _)] = idle.call(idle.services.accounts.list_tokens("leaver"))
        assert httpx2.post(idle.url + QUOTA, headers={"X-API-KEY": secret}).status_code == 200
        idle.call(idle.services.accounts.revoke_token(token.id))
        assert httpx2.post(idle.url + QUOTA, headers={"X-API-KEY": secret}).status_code == 401


class TestPathsAndBrowsers:
    """§0.3"""

    def test_0_3_a_trailing_slash_is_accepted_and_nothing_redirects(self, idle):
        for path, fields in (
            (SUBMIT, {"image_url": URL}),
            (WATERMARK, {"image_url": URL}),
            (AUTO, {"url": URL}),
        ):
            assert idle.client.post(f"{path}/", json=fields).status_code == 200
            assert idle.client.post(f"{idle.url}/{path}//", json=fields).status_code == 200
        task_id = idle.client.post(AUTO, json={"url": URL}).json()["data"]["task_id"]
        assert idle.client.get(f"/task/{task_id}/").status_code == 200

    @pytest.mark.parametrize(
        "path", [SUBMIT, QUOTA, WATERMARK, "/task/x", "/files/x.png", "/v1/tokens", "/no"]
    )
    def test_0_3_preflight_needs_no_token_and_echoes_the_headers(self, idle, path):
        wanted = "x-api-key,authorization,content-type,access-control-allow-origin"
        answer = httpx2.options(
            idle.url + path,
            headers={
                "Origin": "https://app.example.com",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": wanted,
            },
        )
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Headers"] == wanted
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]

    def test_0_3_answers_errors_and_files_are_for_every_origin(self, idle, pictures):
        _, link = idle.done(pictures)
        origin = {"Origin": "https://app.example.com"}
        answers = [
            idle.client.post(QUOTA, headers=origin),
            idle.client.get(QUOTA, headers=origin),
            idle.client.get("/task/unknown", headers=origin),
            idle.client.get("/nowhere", headers=origin),
            httpx2.get(link, headers=origin),
            httpx2.get(link + "x", headers=origin),
        ]
        assert [answer.status_code for answer in answers] == [200, 405, 404, 404, 200, 404]
        for answer in answers:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            exposed = answer.headers["Access-Control-Expose-Headers"]
            assert {"X-Request-ID", "Retry-After"} <= set(exposed.split(", "))

    def test_0_3_origins_can_be_limited(self, house):
        shut = house(http=settings.Http(cors_origins=["https://app.example.com"]))
        good = shut.client.post(QUOTA, headers={"Origin": "https://app.example.com"})
        bad = shut.client.post(QUOTA, headers={"Origin": "https://evil.example.com"})
        assert good.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
        assert "Access-Control-Allow-Origin" not in bad.headers

    def test_0_3_options_without_a_browser_names_the_methods(self, idle):
        answer = httpx2.options(idle.url + WATERMARK)
        assert answer.status_code == 204
        assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


class TestTiming:
    """§0.4"""

    def test_0_4_async_create_downloads_nothing(self, idle, web):
        """The worker does; `idle` has none, so nobody asks for the picture."""
        task_id = idle.client.post(AUTO, json={"url": f"{web.url}/slow.png"}).json()["data"]["task_id"]
        assert idle.client.get(f"/task/{task_id}").json()["data"]["state"] == 0
        assert "/slow.png" not in web.asked


class TestSources:
    """§0.5"""

    def test_0_5_data_urls_are_uploads(self, idle, pictures):
        url = "data:image/png;base64," + base64.b64encode(pictures.photo).decode()
        for path, name in ((SUBMIT, "image_url"), (WATERMARK, "image_url"), (AUTO, "url")):
            task = idle.accepted(idle.client.post(path, json={name: url}))
            assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo
        for bad in ("data:image/png;base64,AAAA", "data:text/html;base64,AAAA", "data:,"):
            assert idle.client.post(AUTO, json={"url": bad}).status_code == 400

    def test_0_5_private_addresses_are_a_failed_task(self, house, pictures, web):
        careful = house(worker=True, fetch=settings.Fetch())
        fields = {"image_url": web.put("/private.png", pictures.photo), "sync": "1"}
        data = careful.client.post(WATERMARK, json=fields).json()["data"]
        assert (data["state"], data["progress"]) == (-3, 0)
        assert "public" in data["err_info"]


class TestRequests:
    """Ids and the access log."""

    def test_every_answer_has_an_id_and_a_good_one_is_kept(self, idle):
        assert (
            idle.client.post(QUOTA, headers={"X-Request-ID": "abc-1.2"}).headers["X-Request-ID"] == "abc-1.2"
        )
        for bad in ("", "a b", "x" * 200, "<script>"):
            given = idle.client.get("/nowhere", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
            assert re.fullmatch("[0-9a-f]{32}", given)

    def test_the_id_goes_with_the_task(self, idle):
        answer = idle.client.post(AUTO, json={"url": URL}, headers={"X-Request-ID": "mine"})
        assert idle.accepted(answer).request.request_id == "mine"

    def test_one_line_each_without_secrets(self, idle, pictures):
        with capture_logs() as lines:
            _, link = idle.done(pictures)
            httpx2.get(link)
            idle.client.post(SUBMIT, json={"image_base64": "AAAA"})
            idle.client.get("/healthz")  # a line is written just after its answer: before the next one's
        lines = [line for line in lines if line["event"] == "request"][:4]
        told = [
            (line["method"], line["path"].split("/")[1], line["status"], line["dialect"]) for line in lines
        ]
        assert told == [
            ("POST", "task", 200, "gptge"),
            ("GET", "task", 200, "gptge"),
            ("GET", "files", 200, "native"),
            ("POST", "api", 400, "kaze"),
        ]
        assert all(line["ms"] >= 0 for line in lines)
        assert lines[0]["account"] == "default"
        assert lines[0]["task"] == lines[1]["task"] == lines[2]["task"]
        assert lines[3]["error"] == "picture_format_unsupported"
        signature = httpx2.URL(link).params["s"]
        assert not any(secret in str(lines) for secret in (idle.secret, signature, "AAAA"))
