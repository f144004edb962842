from __future__ import annotations

import ssl

import cv2
import numpy as np
import pytest
import trustme

from servers import Cleanplate, Origin


@pytest.fixture(scope="session")
def truth():
    """The photograph without its mark, (150, 200, 3): soft light, as a wall or a sky has it."""
    down, across = np.mgrid[0:150, 0:200].astype(np.float32)
    light = 110 + 40 * np.sin(across / 120) + 20 * np.cos(down / 90)
    return np.dstack([light * 0.8, light, np.minimum(light * 1.1, 230)]).astype(np.uint8)


@pytest.fixture(scope="session")
def mark():
    """Where the mark is, (150, 200) boolean: strokes inside the vendors' rectangle 0,0,100,100."""
    drawn = np.zeros((150, 200), np.uint8)
    cv2.putText(drawn, "SOLD", (12, 62), cv2.FONT_HERSHEY_DUPLEX, 1.0, 255, 3)
    return drawn > 0


@pytest.fixture(scope="session")
def marked(truth, mark):
    """The photograph with a strong white mark."""
    return np.where(mark[..., None], np.uint8(255), truth)


@pytest.fixture(scope="session")
def smear(mark):
    """A Kaze smear: red strokes over the mark and some way round it, black elsewhere."""
    painted = np.zeros((150, 200, 3), np.uint8)
    painted[cv2.dilate(mark.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0] = (30, 40, 220)
    return painted


@pytest.fixture(scope="session")
def png():
    """Encode as PNG, so that nothing but the removal changes pixels."""

    def encoded(pixels):
        return cv2.imencode(".png", pixels)[1].tobytes()

    return encoded


@pytest.fixture(scope="session")
def example_com(marked, smear, png, tmp_path_factory):
    """`https://example.com` with the two pictures that the vendors' pages name, and its authority's file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("example.com").configure_cert(context)
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with Origin(context) as origin:
        origin.files = {"image.png": png(marked), "smear.png": png(smear)}
        yield origin, ca_file


@pytest.fixture(scope="session")
def server(example_com, tmp_path_factory):
    """Our server, for which `example.com` is the one above."""
    origin, ca_file = example_com
    settings = {
        "FETCH__CONNECT_TO": {"example.com:443": f"127.0.0.1:{origin.port}"},
        "FETCH__CA_FILE": str(ca_file),
        "FETCH__ALLOW_NETWORKS": ["127.0.0.0/8"],
        "WORKER__SLOTS": "2",
    }
    with Cleanplate(tmp_path_factory.mktemp("server"), settings) as running:
        yield running
