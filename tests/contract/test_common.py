"""§0 of the wire facts: what holds for every dialect."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
from urllib.parse import quote, urlencode

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
BOUNDARY = "----XyZ"


def multipart(*parts, boundary=BOUNDARY, end=True):
    """Multipart by hand: each part is (headers after `form-data; `, bytes)."""
    lines = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {headers}\r\n\r\n".encode() + body + b"\r\n"
        for headers, body in parts
    )
    return lines + (f"--{boundary}--\r\n".encode() if end else b"")


def post(house, path, body, content_type=None, **headers):
    """POST bytes with exactly these headers."""
    headers = {"Authorization": house.secret, **headers}
    if content_type is not None:
        headers["Content-Type"] = content_type
    return httpx2.post(house.url + path, content=body, headers=headers, timeout=20)


def accepted(house, answer):
    assert answer.status_code == 200, answer.text
    return house.task(answer.json()["data"]["task_id"])


def done(house, pictures):
    """A done task of each dialect's kind: its id and the link to its result."""
    task_id = house.client.post(WATERMARK, files={"image_file": pictures.photo}).json()["data"]["task_id"]
    house.finish(task_id, pictures.photo)
    return task_id, house.client.get(f"/task/{task_id}").json()["data"]["image"]


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


class TestBodies:
    """§0.2"""

    def test_0_2_text_parts_without_a_file_name_or_content_type(self, idle):
        body = multipart(('name="image_url"', URL.encode()), ('name="sync"', b"0"))
        task = accepted(idle, post(idle, WATERMARK, body, f"multipart/form-data; boundary={BOUNDARY}"))
        assert task.request.source.value == URL

    def test_0_2_python_requests_sends_data_before_files(self, idle):
        answer = requests.post(
            idle.url + WATERMARK,
            headers={"Authorization": f"Bearer {idle.secret}"},
            files={"image_url": (None, URL)},
            data={"rectangles": '[{"x":0,"y":0,"width":100,"height":100}]', "sync": "0"},
            timeout=20,
        )
        assert accepted(idle, answer).request.region.rectangles == ((0.0, 0.0, 100.0, 100.0),)

    @pytest.mark.parametrize("turned", [False, True])
    def test_0_2_parts_in_any_order(self, idle, pictures, turned):
        parts = [
            ('name="rectangles"', pictures.rectangles.encode()),
            ('name="image_file"; filename="a.png"\r\nContent-Type: image/png', pictures.photo),
            ('name="sync"', b"0"),
        ]
        body = multipart(*(parts[::-1] if turned else parts))
        task = accepted(idle, post(idle, WATERMARK, body, f"multipart/form-data; boundary={BOUNDARY}"))
        assert task.request.region is not None
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    @pytest.mark.parametrize(
        "content_type",
        [
            "multipart/form-data",
            "multipart/form-data; boundary=----copied-from-elsewhere",
            "application/json",
            None,
        ],
    )
    def test_0_2_the_boundary_is_taken_from_the_first_line(self, idle, pictures, content_type):
        body = multipart(('name="image_file"; filename="a.png"', pictures.photo))
        task = accepted(idle, post(idle, WATERMARK, body, content_type))
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    @pytest.mark.parametrize(
        "body",
        [
            b"not a form at all",
            b"--",
            b"\r\n\r\n",
            multipart(('name="image_url"', URL.encode()), end=False),
            multipart(("", b"no name")),
            multipart((f'name="{"n" * 500}"', b"long name")),
            b"--" + b"b" * 5000 + b"\r\n",
        ],
    )
    def test_0_2_a_form_that_is_none_is_400(self, idle, body):
        assert post(idle, WATERMARK, body, "multipart/form-data").status_code == 400

    def test_0_2_chunked_without_a_content_length(self, idle, pictures):
        body = multipart(('name="image_file"; filename="a.png"', pictures.photo))

        def pieces():
            for at in range(0, len(body), 100):
                yield body[at : at + 100]

        answer = post(idle, WATERMARK, pieces(), f"multipart/form-data; boundary={BOUNDARY}")
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        task = accepted(idle, answer)
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    def test_0_2_expect_100_continue(self, idle):
        body = json.dumps({"image_url": URL}).encode()
        host, port = idle.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as wire:
            wire.sendall(
                f"POST {SUBMIT} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: {idle.secret}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                "Expect: 100-continue\r\nConnection: close\r\n\r\n".encode()
            )
            assert wire.recv(1000).startswith(b"HTTP/1.1 100 ")
            wire.sendall(body)
            answer = b"".join(iter(lambda: wire.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "application/json; charset=utf-8",
            "text/plain",
            "application/vnd.x+json",
            "application/x-www-form-urlencoded",
            None,
        ],
    )
    @pytest.mark.parametrize(
        ("path", "name"), [(SUBMIT, "image_url"), (WATERMARK, "image_url"), (AUTO, "url")]
    )
    def test_0_2_a_body_that_starts_with_a_brace_is_json(self, idle, path, name, content_type):
        body = json.dumps({name: URL, "sync": 0}).encode()
        assert accepted(idle, post(idle, path, body, content_type)).request.source.value == URL

    def test_0_2_json_may_begin_with_a_byte_order_mark(self, idle):
        body = b"\xef\xbb\xbf \r\n" + json.dumps({"image_url": URL}).encode()
        accepted(idle, post(idle, SUBMIT, body, "application/json"))

    @pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", None])
    @pytest.mark.parametrize(
        ("path", "name"), [(SUBMIT, "image_url"), (WATERMARK, "image_url"), (AUTO, "url")]
    )
    def test_0_2_urlencoded(self, idle, path, name, content_type):
        body = urlencode({name: URL + "?a=ä&b=1", "sync": "0", "callback_url": ""}).encode()
        assert accepted(idle, post(idle, path, body, content_type)).request.source.value == URL + "?a=ä&b=1"

    def test_0_2_scalars_in_the_query_string(self, idle, pictures):
        query = urlencode({"return_type": 2, "rectangles": pictures.rectangles, "sync": 1})
        body = multipart(('name="image_file"; filename="a.png"', pictures.photo))
        answer = post(idle, f"{WATERMARK}?{query}", body, "multipart/form-data")
        request = accepted(idle, answer).request
        assert (request.return_type, request.sync, request.region.kind) == (2, True, "rectangles")

    def test_0_2_the_body_wins_over_the_query_string(self, idle):
        answer = post(idle, f"{AUTO}?url={quote('https://example.com/other.png')}", json.dumps({"url": URL}))
        assert accepted(idle, answer).request.source.value == URL

    def test_0_2_a_source_in_the_query_string_alone(self, idle):
        assert accepted(idle, post(idle, f"{AUTO}?url={quote(URL)}", b"")).request.source.value == URL

    @pytest.mark.parametrize("nothing", [b"", b"  ", b"null", b"undefined"])
    def test_0_2_empty_means_absent(self, idle, pictures, nothing):
        parts = [(f'name="{name}"', nothing) for name in ("image_url", "callback_url", "mask_url", "type")]
        parts.append(('name="mask_file"; filename=""\r\nContent-Type: application/octet-stream', b""))
        parts.append(('name="image_file"; filename="a.png"', pictures.photo))
        accepted(idle, post(idle, WATERMARK, multipart(*parts), "multipart/form-data"))

    @pytest.mark.parametrize(
        "headers",
        [
            'name="image_file"; filename="org"\r\nContent-Type: image/jpg',
            'name="image_file"; filename="document.pdf"\r\nContent-Type: application/pdf',
            'name="image_file"; filename="../../etc/passwd"\r\nContent-Type: text/plain',
            'name="image_file"; filename="фото.png"',
            'name="image_file"',
            "name=image_file; filename=blob\r\nContent-Type: application/octet-stream",
        ],
    )
    def test_0_2_names_and_types_of_parts_are_not_trusted(self, idle, pictures, headers):
        body = multipart((headers, pictures.photo))
        task = accepted(idle, post(idle, WATERMARK, body, "multipart/form-data"))
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    def test_0_2_a_picture_is_not_taken_for_text(self, idle, pictures):
        body = multipart(('name="image_url"; filename="a.png"', pictures.photo))
        assert post(idle, WATERMARK, body, "multipart/form-data").status_code == 400

    def test_0_2_a_field_sent_twice(self, idle, pictures):
        same = multipart(*[('name="image_url"', URL.encode())] * 2, ('name="image_url"', b""))
        accepted(idle, post(idle, WATERMARK, same, "multipart/form-data"))
        other = multipart(('name="image_url"', URL.encode()), ('name="image_url"', b"https://example.com/b"))
        assert post(idle, WATERMARK, other, "multipart/form-data").status_code == 400
        files = multipart(*[('name="image_file"; filename="a.png"', pictures.photo)] * 2)
        assert post(idle, WATERMARK, files, "multipart/form-data").status_code == 400

    def test_0_2_a_form_without_any_part_is_a_request_without_fields(self, idle):
        answer = post(idle, WATERMARK, f"--{BOUNDARY}--\r\n", f"multipart/form-data; boundary={BOUNDARY}")
        assert "input file does not exist" in answer.json()["message"].lower()

    def test_0_2_a_large_file_arrives_whole(self, idle, pictures):
        data = pictures.photo + bytes(range(256)) * 12_000  # 3 MiB: more than is kept in memory
        body = multipart(('name="image_file"; filename="a.png"', data), ('name="sync"', b"0"))
        task = accepted(idle, post(idle, WATERMARK, body, "multipart/form-data"))
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == data

    def test_0_2_compressed_bodies_are_refused(self, idle):
        answer = post(idle, SUBMIT, b"\x1f\x8b", "application/json", **{"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["code"]) == (415, 1000)


class TestLimits:
    def test_too_large_is_refused_before_it_is_sent(self, house):
        small = house(http=settings.Http(max_body_bytes=1000))
        port = int(small.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
            wire.sendall(
                f"POST {WATERMARK} HTTP/1.1\r\nHost: x\r\nAuthorization: {small.secret}\r\n"
                "Content-Length: 5000000000\r\n\r\n".encode()
            )
            answer = b""
            while not answer.endswith(b"}"):
                answer += wire.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'{"status":413,' in answer

    def test_too_large_without_a_content_length_is_refused_while_it_streams(self, house):
        small = house(http=settings.Http(max_body_bytes=100_000))
        sent = 0

        def endless():
            nonlocal sent
            yield multipart(('name="image_file"; filename="a"', b""), end=False)
            while sent < 5_000_000:
                sent += 10_000
                yield b"\0" * 10_000

        answer = post(small, WATERMARK, endless(), "multipart/form-data")
        assert (answer.status_code, answer.json()["status"]) == (413, 413)

    def test_a_client_that_only_reads_after_sending_all_still_reads_the_refusal(self, house):
        small = house(http=settings.Http(max_body_bytes=1_000_000))
        files = {"image_file": b"\0" * 20_000_000}
        headers = {"Authorization": small.secret}
        answer = requests.post(small.url + WATERMARK, files=files, headers=headers, timeout=20)
        assert answer.json()["status"] == 413

    def test_too_slow_is_refused_in_the_dialect(self, house):
        hasty = house(http=settings.Http(body_seconds=0.2))
        port = int(hasty.url.rpartition(":")[2])
        for path, expected in ((SUBMIT, b'{"code":1000,'), (WATERMARK, b'{"status":408,')):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
                wire.sendall(
                    f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {hasty.secret}\r\n"
                    'Content-Length: 1000\r\n\r\n{"image_url":'.encode()
                )
                answer = b"".join(iter(lambda: wire.recv(65536), b""))  # read at once
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert expected in answer

    @pytest.mark.parametrize(
        "body",
        [
            multipart(*((f'name="f{n}"', b"x") for n in range(11)), ('name="image_url"', URL.encode())),
            "&".join(f"f{n}=x" for n in range(12)),
        ],
    )
    def test_too_many_fields_are_refused(self, house, body):
        answer = post(house(http=settings.Http(max_fields=10)), WATERMARK, body)
        assert answer.status_code == 400
        assert "more than 10 fields" in answer.json()["message"]

    def test_large_bodies_take_turns(self, house, pictures):
        narrow = house(http=settings.Http(upload_memory_mib=1))
        data = pictures.photo + b"\0" * 2_000_000
        for _ in range(3):  # a place that is not given back would block the second
            assert narrow.client.post(WATERMARK, files={"image_file": data}).status_code == 200
            assert narrow.client.post(WATERMARK, files={"image_file": b"\0" * 2_000_000}).status_code == 400

    def test_a_client_that_hangs_up_leaves_no_trace(self, idle):
        before = idle.client.post(QUOTA).json()["data"]["usage"]
        port = int(idle.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
            wire.sendall(
                f"POST {SUBMIT} HTTP/1.1\r\nHost: x\r\nAuthorization: {idle.secret}\r\n"
                'Content-Length: 1000\r\n\r\n{"image_url":'.encode()
            )
        assert idle.client.post(QUOTA).json()["data"]["usage"] == before


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
        _, link = done(idle, pictures)
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
        """The worker does; `idle` has none, so nobody asks."""
        task_id = idle.client.post(AUTO, json={"url": f"{web.url}/slow.png"}).json()["data"]["task_id"]
        assert idle.client.get(f"/task/{task_id}").json()["data"]["state"] == 0


class TestSources:
    """§0.5"""

    def test_0_5_data_urls_are_uploads(self, idle, pictures):
        url = "data:image/png;base64," + base64.b64encode(pictures.photo).decode()
        for path, name in ((SUBMIT, "image_url"), (WATERMARK, "image_url"), (AUTO, "url")):
            task = accepted(idle, idle.client.post(path, json={name: url}))
            assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo
        for bad in ("data:image/png;base64,AAAA", "data:text/html;base64,AAAA", "data:,"):
            assert idle.client.post(AUTO, json={"url": bad}).status_code == 400

    def test_0_5_private_addresses_are_a_failed_task(self, house, pictures, web):
        careful = house(worker=True, fetch=settings.Fetch())
        fields = {"image_url": web.put("/private.png", pictures.photo), "sync": "1"}
        data = careful.client.post(WATERMARK, json=fields).json()["data"]
        assert (data["state"], data["progress"]) == (-3, 0)
        assert "public" in data["err_info"]


class TestFiles:
    """§0.6"""

    @pytest.fixture
    def link(self, idle, pictures):
        return done(idle, pictures)[1]

    def test_0_6_no_header_is_needed(self, link, pictures):
        answer = httpx2.get(link)
        assert (answer.status_code, answer.content) == (200, pictures.photo)
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Length"] == str(len(pictures.photo))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"].startswith("private")
        assert re.fullmatch(r'inline; filename="[0-9a-f-]{36}\.png"', answer.headers["Content-Disposition"])

    def test_0_6_the_path_ends_in_the_tasks_id_and_a_real_extension(self, link):
        assert re.fullmatch(r"/files/[0-9a-f-]{36}\.png", httpx2.URL(link).path)

    def test_0_6_the_link_stays_the_same(self, idle, pictures):
        task_id, link = done(idle, pictures)
        assert idle.client.get(f"/task/{task_id}").json()["data"]["image"] == link

    def test_0_6_head(self, link, pictures):
        answer = httpx2.head(link)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(pictures.photo))
        assert answer.headers["Content-Type"] == "image/png"

    def test_0_6_etag(self, link):
        etag = httpx2.get(link).headers["ETag"]
        answer = httpx2.get(link, headers={"If-None-Match": etag})
        assert (answer.status_code, answer.content) == (304, b"")

    def test_0_6_altered_links_are_404(self, idle, pictures, link):
        url = httpx2.URL(link)
        query = dict(url.params)
        other_id = httpx2.URL(done(idle, pictures)[1]).path
        altered = [
            url.copy_with(path=other_id),
            url.copy_with(path=url.path.replace(".png", ".jpg")),
            url.copy_with(query=None),
            *(
                url.copy_set_param(name, value)
                for name, value in [("e", "99999999999"), ("a", "2"), ("s", "A" * 43)]
            ),
            *(url.copy_remove_param(name) for name in query),
            url.copy_set_param("s", query["s"][:-1]),
            url.copy_set_param("s", "é" * 43),
            url.copy_set_param("e", "-1"),
        ]
        for one in altered:
            answer = httpx2.get(one)
            assert answer.status_code == 404, one
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert httpx2.get(link).status_code == 200

    def test_0_6_after_expiry_404_for_task_and_file(self, house, pictures):
        brief = house(task=settings.Task(keep_seconds=600))
        brief.age = 595
        task_id, link = done(brief, pictures)
        assert httpx2.get(link).status_code == 200
        brief.age = 601
        _, expired = done(brief, pictures)
        assert httpx2.get(expired).status_code == 404
        brief.age = 0
        assert brief.client.get(f"/task/{task_id}").status_code == 200
        brief.age = -10
        assert brief.client.get(f"/task/{task_id}").status_code == 404

    def test_0_6_a_purged_file_is_404(self, idle, pictures):
        task_id, link = done(idle, pictures)
        idle.call(idle.services.blobs.delete([idle.task(task_id).outcome.result_key]))
        assert httpx2.get(link).status_code == 404

    def test_0_6_another_servers_links_are_404(self, idle, house, pictures):
        _, link = done(house(), pictures)
        assert (
            httpx2.get(str(link).replace(httpx2.URL(link).netloc.decode(), idle.url[7:])).status_code == 404
        )


class TestBaseUrl:
    """§0.6: the host in links"""

    def link(self, house, pictures, **headers):
        task_id, _ = done(house, pictures)
        return house.client.get(f"/task/{task_id}", headers=headers).json()["data"]["image"]

    def test_0_6_scheme_and_host_of_the_request(self, idle, pictures):
        assert self.link(idle, pictures).startswith(f"{idle.url}/files/")
        link = self.link(idle, pictures, Host="clean.example.org:8443")
        assert link.startswith("http://clean.example.org:8443/files/")

    def test_0_6_forwarded_headers_are_not_believed_by_default(self, idle, pictures):
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example.org"}
        assert self.link(idle, pictures, **headers).startswith(f"{idle.url}/files/")

    def test_0_6_forwarded_headers_when_told_to(self, house, pictures):
        behind = house(http=settings.Http(trust_forwarded=True))
        headers = {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "clean.example.org, inner"}
        assert self.link(behind, pictures, **headers).startswith("https://clean.example.org/files/")
        headers["X-Forwarded-Port"] = "8443"
        assert self.link(behind, pictures, **headers).startswith("https://clean.example.org:8443/files/")

    def test_0_6_public_url(self, house, pictures):
        public = house(http=settings.Http(public_url="https://clean.example.org/api/"))
        assert self.link(public, pictures).startswith("https://clean.example.org/api/files/")

    @pytest.mark.parametrize("host", ["evil.example.org/x?", 'a"b', "a b", "<script>", "a:b:c", "[::1"])
    def test_0_6_a_strange_host_is_400(self, idle, host):
        answer = idle.client.post(SUBMIT, json={"image_url": URL}, headers={"Host": host})
        assert answer.status_code == 400


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
        assert accepted(idle, answer).request.request_id == "mine"

    def test_one_line_each_without_secrets(self, idle, pictures):
        with capture_logs() as lines:
            _, link = done(idle, pictures)
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
