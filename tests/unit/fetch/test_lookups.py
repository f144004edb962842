from __future__ import annotations

import pytest

from cleanplate.fetch.lookups import domain_of


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("www.example.co.uk", "example.co.uk"),
        ("a.www.example.com.au", "example.com.au"),
        ("cdn.abc.io", "abc.io"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
    ],
)
def test_the_names_of_one_owner_are_told_by_their_ends(host: str, domain: str) -> None:
    assert domain_of(host) == domain
