"""Browsers: signing in with a token, and that no other site can act for who is signed in."""

from __future__ import annotations

import httpx2
import pytest

from cleanplate import settings


@pytest.fixture
def browser(idle):
    """A client that keeps cookies and knows no token."""
    with httpx2.Client(base_url=idle.url, timeout=20) as client:
        yield client


def sign_in(browser, secret, **headers):
    answer = browser.post("/v1/session", json={"token": secret}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_who_is_not_signed_in_is_told_that_a_token_is_needed(browser):
    told = browser.get("/v1/session").json()
    assert (told["signed_in"], told["token_required"], told["account"]) == (False, True, None)
    assert browser.get("/v1/account").status_code == 401


def test_a_session_acts_for_its_token(browser, idle):
    told = sign_in(browser, idle.secret)
    assert (told["account"], told["admin"], told["token"]) == ("default", False, idle.secret[:8])
    assert browser.get("/v1/account").json()["account"] == "default"
    assert browser.get("/v1/session").json()["proof"] == told["proof"]


def test_the_cookie_is_for_this_host_and_no_script(browser, idle):
    cookie = browser.post("/v1/session", json={"token": idle.secret}).headers["set-cookie"]
    assert cookie.startswith("cleanplate=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert idle.secret not in cookie


def test_over_https_the_cookie_stays_on_https(house):
    behind_proxy = house(http=settings.Http(public_url="https://clean.example.org"))
    cookie = httpx2.post(f"{behind_proxy.url}/v1/session", json={"token": behind_proxy.secret}).headers[
        "set-cookie"
    ]
    assert cookie.startswith("__Host-cleanplate=")
    assert "Secure" in cookie.split("; ")


def test_a_cookie_alone_changes_nothing(browser, idle, pictures):
    """What another site can make a browser send: the cookie, and no header of ours."""
    proof = sign_in(browser, idle.secret)["proof"]
    upload = {"file": ("a.png", pictures.photo)}
    forged = browser.post("/v1/removals", files=upload)
    assert (forged.status_code, forged.json()["code"]) == (403, "proof_missing")
    wrong = browser.post("/v1/removals", files=upload, headers={"X-CSRF-Token": "0" * 64})
    assert wrong.json()["code"] == "proof_missing"
    assert browser.post("/v1/removals", files=upload, headers={"X-CSRF-Token": proof}).status_code == 202


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_another_site_cannot_sign_a_browser_in_or_out(browser, idle, headers):
    answer = browser.post("/v1/session", json={"token": idle.secret}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "proof_missing")
    sign_in(browser, idle.secret, Origin=idle.url)
    assert browser.delete("/v1/session", headers=headers).status_code == 403
    assert browser.get("/v1/account").status_code == 200


def test_a_proxy_in_front_that_nobody_told_of_keeps_nobody_out(browser, idle):
    headers = {"Origin": "https://clean.example.org", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/v1/session", json={"token": idle.secret}, headers=headers).status_code == 201
    over_tls = {"Origin": idle.url.replace("http:", "https:")}
    assert browser.post("/v1/session", json={"token": idle.secret}, headers=over_tls).status_code == 201


def test_signing_out_ends_the_session_on_the_server_too(browser, idle):
    sign_in(browser, idle.secret)
    kept = dict(browser.cookies)
    assert browser.delete("/v1/session").status_code == 204
    assert httpx2.get(f"{idle.url}/v1/account", cookies=kept).status_code == 401


def test_revoking_the_token_ends_the_session(browser, idle):
    secret = idle.token("default")
    sign_in(browser, secret)
    idle.call(idle.services.accounts.revoke_token(secret[:8]))
    assert browser.get("/v1/account").status_code == 401
    assert browser.get("/v1/session").json()["signed_in"] is False


def test_a_session_ends_by_itself(house):
    short = house(account=settings.Account(session_seconds=1))
    with httpx2.Client(base_url=short.url) as browser:
        sign_in(browser, short.secret)
        short.services.accounts.sessions._clock = lambda: 1e11
        assert browser.get("/v1/account").status_code == 401


def test_a_wrong_token_signs_nobody_in(browser):
    answer = browser.post("/v1/session", json={"token": "cp_wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert "set-cookie" not in answer.headers


def test_a_token_in_the_headers_goes_before_the_cookie(browser, idle):
    sign_in(browser, idle.secret)
    answer = browser.get("/v1/operator/accounts", headers={"Authorization": f"Bearer {idle.admin}"})
    assert answer.status_code == 200


def test_where_no_token_is_needed_everybody_is_the_default_account(house):
    open_house = house(account=settings.Account(require_token=False))
    told = httpx2.get(f"{open_house.url}/v1/session").json()
    assert (told["signed_in"], told["token_required"], told["account"]) == (False, False, "default")
    assert httpx2.get(f"{open_house.url}/v1/account/tokens").status_code == 401
