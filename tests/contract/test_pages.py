"""The files of the console: one page and what it loads, all from this server."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import httpx2
import pytest

from cleanplate import settings
from cleanplate.http.console.pages import POLICY

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "src/cleanplate/http/console/static"
SOURCES = ROOT / "console"


@pytest.mark.skipif(not SOURCES.is_dir(), reason="the console's sources are not in a source distribution")
def test_the_bundle_is_made_of_these_sources():
    """What `npm run build` noted down of them; without this, an edit might never reach anybody."""
    noted = dict(reversed(line.split("  ", 1)) for line in (BUNDLE / "sources.txt").read_text().splitlines())
    fixed = {"index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"}
    there = {one.relative_to(SOURCES).as_posix() for one in (SOURCES / "src").rglob("*") if one.is_file()}
    assert set(noted) == there | fixed
    stale = [
        path
        for path, digest in noted.items()
        if hashlib.sha256((SOURCES / path).read_bytes()).hexdigest() != digest
    ]
    assert stale == [], "run `make console`"


def test_the_bundle_names_no_other_host():
    """Only names of namespaces, and pages that libraries mention in errors; the policy forbids them too."""
    addresses = set()
    for path in BUNDLE.rglob("*.js"):
        addresses |= set(re.findall(r"https?://([\w.-]+)", path.read_text()))
    assert addresses <= {"www.w3.org", "react.dev", "konvajs.org", "konvajs.github.io", "github.com"}


def test_nothing_of_an_earlier_bundle_is_left():
    """Each file is named by the page, or by another file."""
    texts = [BUNDLE / "index.html", *BUNDLE.rglob("*.js"), *BUNDLE.rglob("*.css")]
    named = {path: path.read_text() for path in texts}
    files = [path for path in (BUNDLE / "console").iterdir() if path.is_file()]
    lost = [
        one.name for one in files if not any(one.name in text for path, text in named.items() if path != one)
    ]
    assert lost == []


def test_the_first_page_is_light():
    """Less than 250 kB, compressed, before the editor is opened."""
    page = (BUNDLE / "index.html").read_text()
    first = [BUNDLE / path for path in re.findall(r'(?:src|href)="\./([^"]+)"', page)]
    assert sum(len(gzip.compress(path.read_bytes())) for path in first) < 250_000


def test_the_page_and_all_it_loads_come_from_here(idle):
    page = httpx2.get(f"{idle.url}/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for path in loaded:
        assert path.startswith("./console/")
        answer = httpx2.get(f"{idle.url}/{path}")
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]
    assert "<script>" not in page.text
    assert "<style" not in page.text


def test_a_page_that_is_known_is_not_sent_again(idle):
    page = httpx2.get(f"{idle.url}/")
    assert httpx2.get(f"{idle.url}/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    assert httpx2.get(f"{idle.url}/", headers={"Accept-Encoding": "identity"}).text == page.text


@pytest.mark.parametrize("path", ["console/nothing.js", "console/../pages.py", "console/%2e%2e/pages.py"])
def test_there_is_nothing_else(idle, path):
    assert httpx2.get(f"{idle.url}/{path}").status_code == 404


def test_the_console_can_be_switched_off(house):
    without = house(http=settings.Http(console=False))
    assert httpx2.get(f"{without.url}/").status_code == 404
