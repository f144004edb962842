"""A Python client generated from the OpenAPI document runs a batch against the live server.

The generator wants older libraries than this project, so it lives in an environment of its own:

    python3 -m venv /somewhere && /somewhere/bin/pip install openapi-python-client
    CLEANPLATE_CLIENT_GENERATOR=/somewhere/bin/openapi-python-client pytest tests/contract/test_client.py
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import httpx2
import pytest

GENERATOR = os.environ.get("CLEANPLATE_CLIENT_GENERATOR")

SCRIPT = """
import base64, io, json, sys, time
from cleanplate_client import AuthenticatedClient
from cleanplate_client.api.native import create_batch, create_preset, create_removal, get_account
from cleanplate_client.api.native import get_batch, get_batch_results, get_removal, list_removals
from cleanplate_client.models import CreateBatchFilesBody, CreateBatchFilesBodyMode, CreatePresetBody
from cleanplate_client.models import CreatePresetBodyAnchor, CreateRemovalFilesBody
from cleanplate_client.models import CreateRemovalFilesBodyMode, Problem
from cleanplate_client.types import File

url, token, zipped, photo = sys.argv[1:]
client = AuthenticatedClient(url, token)
preset = create_preset.sync(client=client, body=CreatePresetBody(
    name="generated", rectangles='[{"x": 34, "y": 28, "width": 20, "height": 12}]',
    anchor=CreatePresetBodyAnchor.BOTTOM_RIGHT,
))
body = CreateBatchFilesBody(
    zip_=File(io.BytesIO(base64.b64decode(zipped)), "pictures.zip", "application/zip"),
    preset=preset.id, mode=CreateBatchFilesBodyMode.FILL, metadata='{"job": 1}',
)
made = create_batch.sync_detailed(client=client, body=body, idempotency_key="generated-1")
assert made.status_code == 202, made.content
batch = made.parsed
deadline = time.monotonic() + 60
while batch.state != "done" and time.monotonic() < deadline:
    for one in list_removals.sync(client=client, batch=batch.id).removals:
        if one.state in ("queued", "running"):
            get_removal.sync(one.id, client=client, wait=5)
    batch = get_batch.sync(batch.id, client=client)
again = create_removal.sync_detailed(client=client, body=CreateRemovalFilesBody(
    file=File(io.BytesIO(base64.b64decode(photo)), "p.png", "image/png"), preset="generated", sync=True,
    mode=CreateRemovalFilesBodyMode.FILL,
))
problem = get_batch.sync("unknown", client=client)
assert isinstance(problem, Problem)
print(json.dumps({
    "batch": batch.to_dict(),
    "results": base64.b64encode(get_batch_results.sync_detailed(batch.id, client=client).content).decode(),
    "removal": again.parsed.to_dict(),
    "problem": problem.to_dict(),
    "usage": get_account.sync(client=client).usage,
}))
"""


@pytest.mark.skipif(GENERATOR is None, reason="CLEANPLATE_CLIENT_GENERATOR names no generator")
def test_a_generated_client_runs_a_batch(server, pictures, tmp_path):
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx2.get(f"{server.url}/openapi.json").content)
    subprocess.run(
        [GENERATOR, "generate", "--path", str(document), "--output-path", str(tmp_path / "client")],
        check=True,
        capture_output=True,
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("one.png", "two.png"):
            archive.writestr(name, pictures.photo)
    secret = server.token("generated")
    done = subprocess.run(
        [
            str(Path(GENERATOR).with_name("python")),
            "-c",
            SCRIPT,
            server.url,
            secret,
            base64.b64encode(buffer.getvalue()).decode(),
            base64.b64encode(pictures.photo).decode(),
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "client")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["batch"]["counts"] == {"queued": 0, "running": 0, "done": 2, "failed": 0}
    assert told["batch"]["metadata"] == {"job": 1}
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(told["results"]))) as archive:
        assert archive.namelist() == ["0001 one.png", "0002 two.png", "manifest.json"]
        assert pictures.is_clean(archive.read("0001 one.png"))
    assert told["removal"]["result"]["box"] == list(pictures.stamp)
    assert (told["problem"]["code"], told["usage"]) == ("batch_not_found", 3)
