from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from cleanplate.http.auth import presented


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"Authorization": "Bearer t"}, "t"),
        ({"Authorization": "bearer t"}, "t"),
        ({"Authorization": "BEARER\t t "}, "t"),
        ({"Authorization": "t"}, "t"),
        ({"Authorization": " t "}, "t"),
        ({"Authorization": "Bearer "}, None),
        ({"Authorization": "Bearer"}, None),
        ({"Authorization": ""}, None),
        ({"Authorization": "Bearert"}, "Bearert"),
        ({"Authorization": "Basic dTpw"}, "Basic dTpw"),
        ({"X-API-KEY": "k"}, "k"),
        ({"X-API-KEY": " k "}, "k"),
        ({"X-API-KEY": "k", "Authorization": "Bearer t"}, "k"),
        ({"X-API-KEY": " ", "Authorization": "Bearer t"}, "t"),
    ],
)
def test_the_token_in_every_spelling(headers, token):
    assert presented(Headers(headers)) == token
