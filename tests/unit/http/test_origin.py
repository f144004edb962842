from __future__ import annotations

import pytest
from starlette.requests import Request

from cleanplate import settings
from cleanplate.http.errors import HostInvalid
from cleanplate.http.origin import base_url


def base(headers=None, *, scheme="http", server=("127.0.0.1", 8080), root_path="", **section):
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {"type": "http", "scheme": scheme, "headers": raw, "server": server, "root_path": root_path}
    return base_url(Request(scope), settings.Http(**section))


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:8443", "127.0.0.1:1", "[::1]:8080", "a_b.local"]
)
def test_the_host_of_the_request(host):
    assert base({"Host": host}) == f"http://{host}"


def test_scheme_and_prefix():
    assert base({"Host": "example.org"}, scheme="https", root_path="/clean/") == "https://example.org/clean"


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a:b", "[::1", 'a"', "ä.org", "a\tb", "-x"])
def test_a_host_that_may_not_be_in_a_link(host):
    with pytest.raises(HostInvalid):
        base({"Host": host}, server=None)


def test_without_a_host_header_the_listening_address():
    assert base({}) == "http://127.0.0.1:8080"
    assert base({}, server=("::1", 80)) == "http://[::1]:80"
    with pytest.raises(HostInvalid):
        base({}, server=None)


def test_public_url_wins():
    given = {"Host": "x y", "X-Forwarded-Host": "z"}
    assert base(given, public_url="https://a.org/b/", trust_forwarded=True) == "https://a.org/b"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "http://inner:80"),
        ({"X-Forwarded-Proto": "https"}, "https://inner:80"),
        ({"X-Forwarded-Proto": "HTTPS , http"}, "https://inner:80"),
        ({"X-Forwarded-Proto": "gopher"}, "http://inner:80"),
        ({"X-Forwarded-Host": "a.org, b.org"}, "http://a.org"),
        ({"X-Forwarded-Host": "a.org:1", "X-Forwarded-Port": "2"}, "http://a.org:1"),
        ({"X-Forwarded-Host": "a.org", "X-Forwarded-Port": "8080"}, "http://a.org:8080"),
        (
            {"X-Forwarded-Host": "a.org", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"},
            "https://a.org",
        ),
        ({"X-Forwarded-Host": "a.org", "X-Forwarded-Port": "x"}, "http://a.org"),
    ],
)
def test_forwarded_headers(headers, expected):
    assert base({"Host": "inner:80", **headers}, trust_forwarded=True) == expected
    assert base({"Host": "inner:80", **headers}) == "http://inner:80"


def test_a_forwarded_host_is_checked_too():
    with pytest.raises(HostInvalid):
        base({"Host": "a.org", "X-Forwarded-Host": "evil/path"}, trust_forwarded=True)
