from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.fetch import UrlInvalid
from cleanplate.fetch.url import parse_url

INVALID = [
    "",
    "   ",
    "example.com/picture.png",
    "//example.com/picture.png",
    "http:",
    "http://",
    "http:///etc/passwd",
    "http:example.com/",
    "http:/example.com/",
    "http://:80/",
    "http://?x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "dict://example.com:11211/",
    "ws://example.com/",
    "unix:///run/docker.sock",
    "javascript:alert(1)",
    "blob:https://example.com/0b1e",
    "data:text/html;base64,AAAA",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://exa mple.com/",
    "http://exa\tmple.com/",
    "http://example.com/\r\nHost: evil",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:port/",
    "http://example..com/",
    "http://.example.com/",
    "http://example.com../",
    "http://-example.com/",
    "http://example%2ecom/",
    "http://%31%32%37.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0X7F.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.0x1/",
    "http://127.0.0.01/",
    "http://256.0.0.1/",
    "http://1.2.3.4.5/",
    "http://0/",
    "http://0x/",
    "http://example.0x1/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://[127.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[v1.x]/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 127 + "com/",
    "http://①②⑦.⓪.⓪.①/",
    "http://ⓔxample.com/",
]


@pytest.mark.parametrize("url", INVALID)
def test_an_invalid_url_is_told_so(url: str) -> None:
    with pytest.raises(UrlInvalid):
        parse_url(url, 2048)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://example.com", "http://example.com"),
        ("  https://example.com/a.png\n", "https://example.com/a.png"),
        ("HTTPS://EXAMPLE.com:443/A?B=C", "https://example.com/A?B=C"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("http://example.com./", "http://example.com/"),
        ("http://127.0.0.1./", "http://127.0.0.1/"),
        ("http://127。0。0。1/", "http://127.0.0.1/"),
        ("http://my_bucket.example.com/", "http://my_bucket.example.com/"),
        ("http://localhost/", "http://localhost/"),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://[::FFFF:7f00:1]/", "http://[::ffff:7f00:1]/"),
        ("http://[2606:4700:0:0::1111]:8080/x", "http://[2606:4700::1111]:8080/x"),
        ("http://example.com/a#part", "http://example.com/a"),
        ("http://example.com#@127.0.0.1:99999/", "http://example.com"),
        (
            "https://s3.example.com/b/k%2Fx.png?X-Amz-Signature=ab%2Bcd%3D&X-Amz-Date=2026:11:01T00",
            "https://s3.example.com/b/k%2Fx.png?X-Amz-Signature=ab%2Bcd%3D&X-Amz-Date=2026:11:01T00",
        ),
    ],
)
def test_a_valid_url_is_brought_into_one_form(url: str, normal: str) -> None:
    assert str(parse_url(url, 2048)) == normal


def test_the_length_is_limited() -> None:
    url = "http://example.com/" + "a" * 31
    assert parse_url(url, 50)
    with pytest.raises(UrlInvalid, match="longer than 49 characters"):
        parse_url(url, 49)


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"http://{text}"))
def test_any_text_is_either_a_normal_url_or_invalid(text: str) -> None:
    try:
        parsed = parse_url(text, 2048)
    except UrlInvalid:
        return
    assert parsed.scheme in {"http", "https"}
    assert parsed.raw_host
    assert not parsed.userinfo
    assert parse_url(str(parsed), 10_000) == parsed
