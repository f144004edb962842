from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.fetch import Fetcher, FetchTooLarge, UrlInvalid
from cleanplate.fetch.data_url import decode_data_url
from cleanplate.settings import Fetch

BYTES = bytes(range(256))
TEXT = base64.b64encode(BYTES).decode()


@settings(deadline=None)  # the machine may be busy
@given(st.binary(min_size=1))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    assert decode_data_url(url, len(data)) == (data, "image/png")


@pytest.mark.parametrize(
    "url",
    [
        "DATA:IMAGE/PNG;BASE64," + TEXT,
        "data:image/png;charset=utf-8;base64," + TEXT,
        "data:image/png;name=a.png;base64," + TEXT.rstrip("="),
        "data:image/png;base64," + base64.urlsafe_b64encode(BYTES).decode(),
        "data:image/png;base64," + TEXT.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        "data:image/png;base64,\r\n" + "\n ".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76)),
    ],
)
def test_clients_spellings_are_understood(url: str) -> None:
    assert decode_data_url(url, 256) == (BYTES, "image/png")


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:,hello",
        "data:image/png,AAAA",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png;base64,====",
        "data:image/png;base64,A",
        "data:image/png;base64,AA*A",
        "data:image/png;base64,ÄÄÄÄ",
        "data:text/html;base64,AAAA",
        "data:;base64,AAAA",
        "data:image/;base64,AAAA",
    ],
)
def test_anything_else_is_invalid(url: str) -> None:
    with pytest.raises(UrlInvalid):
        decode_data_url(url, 1000)


def test_the_size_is_limited_before_anything_is_decoded() -> None:
    with pytest.raises(FetchTooLarge, match="255 bytes"):
        decode_data_url("data:image/png;base64," + TEXT, 255)
    with pytest.raises(FetchTooLarge):
        decode_data_url("data:image/png;base64," + "*" * 10_000, 255)


async def test_the_fetcher_takes_data_urls_longer_than_other_urls() -> None:
    fetcher = Fetcher(Fetch(max_url_length=100))
    url = "data:image/png;base64," + TEXT
    fetcher.check_url(url)
    fetched = await fetcher.get(url, 256)
    assert (fetched.data, fetched.content_type, fetched.final_url) == (BYTES, "image/png", "data:")
    with pytest.raises(UrlInvalid):
        fetcher.check_url(url, data=False)
    with pytest.raises(UrlInvalid):
        fetcher.check_url("data:text/plain,hello")
    await fetcher.aclose()
