from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cleanplate.notify.signature import signed_headers

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = '{"status":200,"data":{"message":"Ümläut"}}'.encode()


async def test_the_librarys_own_verifier_accepts_the_headers() -> None:
    headers = await signed_headers("0b1e", BODY, SECRET, time.time())
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-id"] == "msg_0b1e"
    assert Webhook(SECRET).verify(BODY, headers)["data"]["message"] == "Ümläut"


@pytest.mark.parametrize("touched", ["body", "id", "secret", "time"])
async def test_whatever_is_tampered_with_is_noticed(touched: str) -> None:
    headers = await signed_headers("0b1e", BODY, SECRET, time.time() - (600 if touched == "time" else 0))
    if touched == "id":
        headers["webhook-id"] = "msg_0b1f"
    verifier = Webhook(base64.b64encode(bytes(32)).decode() if touched == "secret" else SECRET)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(BODY + b" " if touched == "body" else BODY, headers)


async def test_the_signature_is_the_standards_own_example() -> None:
    # From the signature scheme's published test vector (symmetric, HMAC-SHA256).
    headers = await signed_headers(
        "p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        1614265330,
    )
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_body_in_pieces_is_signed_as_the_whole_of_it() -> None:
    class Pieces:
        size = len(BODY)

        async def pieces(self):
            for at in range(0, len(BODY), 5):
                yield BODY[at : at + 5]

    now = time.time()
    whole = await signed_headers("0b1e", BODY, SECRET, now)
    assert await signed_headers("0b1e", Pieces(), SECRET, now) == whole
