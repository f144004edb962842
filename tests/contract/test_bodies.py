"""§0.2 of the wire facts: bodies in every encoding that clients send, and their limits."""

from __future__ import annotations

import json
import socket
from urllib.parse import quote, urlencode

import httpx2
import pytest
import requests

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


class TestBodies:
    """§0.2"""

    def test_0_2_text_parts_without_a_file_name_or_content_type(self, idle):
        body = multipart(('name="image_url"', URL.encode()), ('name="sync"', b"0"))
        task = idle.accepted(post(idle, WATERMARK, body, f"multipart/form-data; boundary={BOUNDARY}"))
        assert task.request.source.value == URL

    def test_0_2_python_requests_sends_data_before_files(self, idle):
        answer = requests.post(
            idle.url + WATERMARK,
            headers={"Authorization": f"Bearer {idle.secret}"},
            files={"image_url": (None, URL)},
            data={"rectangles": '[{"x":0,"y":0,"width":100,"height":100}]', "sync": "0"},
            timeout=20,
        )
        assert idle.accepted(answer).request.region.rectangles == ((0.0, 0.0, 100.0, 100.0),)

    @pytest.mark.parametrize("turned", [False, True])
    def test_0_2_parts_in_any_order(self, idle, pictures, turned):
        parts = [
            ('name="rectangles"', pictures.rectangles.encode()),
            ('name="image_file"; filename="a.png"\r\nContent-Type: image/png', pictures.photo),
            ('name="sync"', b"0"),
        ]
        body = multipart(*(parts[::-1] if turned else parts))
        task = idle.accepted(post(idle, WATERMARK, body, f"multipart/form-data; boundary={BOUNDARY}"))
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
        task = idle.accepted(post(idle, WATERMARK, body, content_type))
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
        task = idle.accepted(answer)
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
        assert idle.accepted(post(idle, path, body, content_type)).request.source.value == URL

    def test_0_2_json_may_begin_with_a_byte_order_mark(self, idle):
        body = b"\xef\xbb\xbf \r\n" + json.dumps({"image_url": URL}).encode()
        idle.accepted(post(idle, SUBMIT, body, "application/json"))

    @pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", None])
    @pytest.mark.parametrize(
        ("path", "name"), [(SUBMIT, "image_url"), (WATERMARK, "image_url"), (AUTO, "url")]
    )
    def test_0_2_urlencoded(self, idle, path, name, content_type):
        body = urlencode({name: URL + "?a=ä&b=1", "sync": "0", "callback_url": ""}).encode()
        assert idle.accepted(post(idle, path, body, content_type)).request.source.value == URL + "?a=ä&b=1"

    def test_0_2_scalars_in_the_query_string(self, idle, pictures):
        query = urlencode({"return_type": 2, "rectangles": pictures.rectangles, "sync": 1})
        body = multipart(('name="image_file"; filename="a.png"', pictures.photo))
        answer = post(idle, f"{WATERMARK}?{query}", body, "multipart/form-data")
        request = idle.accepted(answer).request
        assert (request.return_type, request.sync, request.region.kind) == (2, True, "rectangles")

    def test_0_2_the_body_wins_over_the_query_string(self, idle):
        answer = post(idle, f"{AUTO}?url={quote('https://example.com/other.png')}", json.dumps({"url": URL}))
        assert idle.accepted(answer).request.source.value == URL

    def test_0_2_a_source_in_the_query_string_alone(self, idle):
        assert idle.accepted(post(idle, f"{AUTO}?url={quote(URL)}", b"")).request.source.value == URL

    @pytest.mark.parametrize("nothing", [b"", b"  ", b"null", b"undefined"])
    def test_0_2_empty_means_absent(self, idle, pictures, nothing):
        parts = [(f'name="{name}"', nothing) for name in ("image_url", "callback_url", "mask_url", "type")]
        parts.append(('name="mask_file"; filename=""\r\nContent-Type: application/octet-stream', b""))
        parts.append(('name="image_file"; filename="a.png"', pictures.photo))
        idle.accepted(post(idle, WATERMARK, multipart(*parts), "multipart/form-data"))

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
        task = idle.accepted(post(idle, WATERMARK, body, "multipart/form-data"))
        assert idle.call(idle.services.blobs.get(task.request.source.value)) == pictures.photo

    def test_0_2_a_picture_is_not_taken_for_text(self, idle, pictures):
        body = multipart(('name="image_url"; filename="a.png"', pictures.photo))
        assert post(idle, WATERMARK, body, "multipart/form-data").status_code == 400

    def test_0_2_a_field_sent_twice(self, idle, pictures):
        same = multipart(*[('name="image_url"', URL.encode())] * 2, ('name="image_url"', b""))
        idle.accepted(post(idle, WATERMARK, same, "multipart/form-data"))
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
        task = idle.accepted(post(idle, WATERMARK, body, "multipart/form-data"))
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
