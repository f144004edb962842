"""§0.6 of the wire facts: result files and the links to them."""

from __future__ import annotations

import re

import httpx2
import pytest

from cleanplate import settings

SUBMIT = "/api/ext/v1/submit_watermark_removal"
URL = "https://example.com/image.png"


class TestFiles:
    """§0.6"""

    @pytest.fixture
    def link(self, idle, pictures):
        return idle.done(pictures)[1]

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
        task_id, link = idle.done(pictures)
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
        other_id = httpx2.URL(idle.done(pictures)[1]).path
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
        task_id, link = brief.done(pictures)
        assert httpx2.get(link).status_code == 200
        brief.age = 601
        _, expired = brief.done(pictures)
        assert httpx2.get(expired).status_code == 404
        brief.age = 0
        assert brief.client.get(f"/task/{task_id}").status_code == 200
        brief.age = -10
        assert brief.client.get(f"/task/{task_id}").status_code == 404

    def test_0_6_a_purged_file_is_404(self, idle, pictures):
        task_id, link = idle.done(pictures)
        idle.call(idle.services.blobs.delete([idle.task(task_id).outcome.result_key]))
        assert httpx2.get(link).status_code == 404

    def test_0_6_another_servers_links_are_404(self, idle, house, pictures):
        _, link = house().done(pictures)
        assert (
            httpx2.get(str(link).replace(httpx2.URL(link).netloc.decode(), idle.url[7:])).status_code == 404
        )


class TestBaseUrl:
    """§0.6: the host in links"""

    def link(self, house, pictures, **headers):
        task_id, _ = house.done(pictures)
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
