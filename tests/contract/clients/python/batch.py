"""What a customer's program would do, with nothing but the client that was generated."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

from cleanplate_client import AuthenticatedClient
from cleanplate_client.api.native import (
    create_batch,
    create_preset,
    create_removal,
    get_account,
    get_batch,
    get_batch_results,
    get_removal,
    list_removals,
)
from cleanplate_client.models import (
    CreateBatchFilesBody,
    CreateBatchFilesBodyMode,
    CreatePresetBody,
    CreatePresetBodyAnchor,
    CreateRemovalFilesBody,
    CreateRemovalFilesBodyMode,
    Problem,
)
from cleanplate_client.types import File

url, token = sys.argv[1:]
client = AuthenticatedClient(url, token)
preset = create_preset.sync(
    client=client,
    body=CreatePresetBody(
        name="generated",
        rectangles='[{"x": 34, "y": 28, "width": 20, "height": 12}]',
        anchor=CreatePresetBodyAnchor.BOTTOM_RIGHT,
    ),
)
body = CreateBatchFilesBody(
    zip_=File(io.BytesIO(Path("pictures.zip").read_bytes()), "pictures.zip", "application/zip"),
    preset=preset.id,
    mode=CreateBatchFilesBodyMode.FILL,
    metadata='{"job": 1}',
)
made = create_batch.sync_detailed(client=client, body=body, idempotency_key="generated-1")
assert made.status_code == 202, made.content
batch = made.parsed
deadline = time.monotonic() + 60
while batch.state != "done" and time.monotonic() < deadline:
    for one in list_removals.sync(client=client, batch=batch.id).removals:
        if one.state in {"queued", "running"}:
            get_removal.sync(one.id, client=client, wait=5)
    batch = get_batch.sync(batch.id, client=client)
again = create_removal.sync_detailed(
    client=client,
    body=CreateRemovalFilesBody(
        file=File(io.BytesIO(Path("photo.png").read_bytes()), "p.png", "image/png"),
        preset="generated",
        sync=True,
        mode=CreateRemovalFilesBodyMode.FILL,
    ),
)
problem = get_batch.sync("unknown", client=client)
assert isinstance(problem, Problem)
Path("results.zip").write_bytes(get_batch_results.sync_detailed(batch.id, client=client).content)
told = {
    "batch": batch.to_dict(),
    "removal": again.parsed.to_dict(),
    "problem": problem.to_dict(),
    "usage": get_account.sync(client=client).usage,
}
Path("told.json").write_text(json.dumps(told))
