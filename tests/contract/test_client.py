"""Clients generated from the OpenAPI document do their work against the live server.

`make clients` puts the generators into `.venv/clients`: openapi-python-client into an environment of its own
(it wants older libraries than this project), openapi-typescript and the compiler beside it. Where they cannot
be had, these tests are skipped and say so.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import httpx2
import pytest

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".venv/clients"
PYTHON = INSTALLED / "python/bin"
TYPESCRIPT = INSTALLED / "typescript/node_modules"

needs_python = pytest.mark.skipif(
    not (PYTHON / "openapi-python-client").exists(), reason="no openapi-python-client: run `make clients`"
)
needs_typescript = pytest.mark.skipif(
    not ((TYPESCRIPT / "openapi-typescript").is_dir() and shutil.which("node")),
    reason="no Node.js, or no openapi-typescript: run `make clients`",
)


@pytest.fixture
def desk(server, pictures, tmp_path):
    """A folder with what a program needs: the document, a picture, a ZIP of two."""
    (tmp_path / "openapi.json").write_bytes(httpx2.get(f"{server.url}/openapi.json").content)
    (tmp_path / "photo.png").write_bytes(pictures.photo)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for name in ("one.png", "two.png"):
            archive.writestr(name, pictures.photo)
    return tmp_path


def run(desk, *command, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=desk,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def results(desk, pictures):
    """The names in the ZIP of results, once its first picture is seen to be clean."""
    with zipfile.ZipFile(io.BytesIO((desk / "results.zip").read_bytes())) as archive:
        assert pictures.is_clean(archive.read("0001 one.png"))
        return archive.namelist()


@needs_python
def test_a_python_client_runs_a_batch(server, pictures, desk):
    shutil.copy(HERE / "clients/python/batch.py", desk)
    run(desk, PYTHON / "openapi-python-client", "generate", "--path=openapi.json", "--output-path=client")
    run(
        desk,
        PYTHON / "python",
        "batch.py",
        server.url,
        server.token("python"),
        PYTHONPATH=str(desk / "client"),
    )

    told = json.loads((desk / "told.json").read_text())
    assert told["batch"]["counts"] == {"queued": 0, "running": 0, "done": 2, "failed": 0}
    assert told["batch"]["metadata"] == {"job": 1}
    assert results(desk, pictures) == ["0001 one.png", "0002 two.png", "manifest.json"]
    assert told["removal"]["result"]["box"] == list(pictures.stamp)
    assert (told["problem"]["code"], told["usage"]) == ("batch_not_found", 3)


@needs_typescript
def test_a_typescript_client_compiles_strictly_and_does_all_that_there_is(server, web, pictures, desk):
    shutil.copytree(HERE / "clients/typescript", desk, dirs_exist_ok=True)
    (desk / "node_modules").symlink_to(TYPESCRIPT)
    photo = web.put("/typescript.png", pictures.photo)
    run(desk, "node", "generate.mjs")
    run(desk, "node", "node_modules/typescript/bin/tsc", "--project", ".")
    run(desk, "node", "out/batch.js", server.url, server.token("typescript"), photo)

    told = json.loads((desk / "told.json").read_text())
    assert told["removal"]["result"]["box"] == list(pictures.stamp)
    assert (told["removal"]["preset"], told["removal"]["metadata"]) == ("typescript", {"order": 4711})
    assert told["repeated"][0] == told["repeated"][1]
    assert told["batch"]["counts"] == {"queued": 0, "running": 0, "done": 2, "failed": 0}
    assert sorted(told["listed"]) == ["one.png", "two.png"]
    assert results(desk, pictures) == ["0001 one.png", "0002 two.png", "manifest.json"]
    assert told["problems"] == [[409, "task_ended"], [404, "batch_not_found"], [400, "url_invalid"]]
    assert (told["presets"], told["usage"]) == (0, 4)
