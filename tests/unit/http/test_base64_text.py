from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.http.base64_text import decode_base64
from cleanplate.http.errors import Base64Invalid

SPELLINGS = [
    lambda text: text,
    lambda text: text.rstrip("="),
    lambda text: text.replace("+", "-").replace("/", "_"),
    lambda text: f"data:image/png;base64,{text}",
    lambda text: f"DATA:;base64,{text}",
    lambda text: " ".join(text) + "\r\n",
]


@given(st.binary(min_size=1, max_size=200), st.sampled_from(SPELLINGS))
def test_every_spelling_means_the_same_bytes(data, spell):
    assert decode_base64("f", spell(base64.b64encode(data).decode())) == data


@pytest.mark.parametrize(
    "text", ["", "=", "A", "x" * 17, "AA!A", "data:image/png;base64", "ÄÖ", "AA=A", "\ud800"]
)
def test_what_is_not_base64_names_the_field(text):
    with pytest.raises(Base64Invalid, match=r"^image_base64 "):
        decode_base64("image_base64", text)
