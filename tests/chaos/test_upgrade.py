"""A rolling upgrade: workers of the revision before the last migration and of this one on one database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from fleet import Fleet, until

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = "src/cleanplate/store/migrations/versions"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def previous(tmp_path):
    """The source of the revision before the last migration; or the one that CLEANPLATE_PREVIOUS names."""
    if named := os.environ.get("CLEANPLATE_PREVIOUS"):
        yield Path(named)
        return
    try:
        before = _git("log", "-1", "--format=%H^", "--", MIGRATIONS)
        _git("worktree", "add", "--detach", str(tmp_path / "before"), before)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no history here, from which to take the revision before: set CLEANPLATE_PREVIOUS")
    yield tmp_path / "before"
    _git("worktree", "remove", "--force", str(tmp_path / "before"))


@pytest.mark.slow
def test_workers_of_two_versions_work_side_by_side(previous, postgres, s3, tmp_path):
    old = ("env", f"PYTHONPATH={previous / 'src'}")
    pixels = np.full((90, 120, 3), 100, np.uint8)
    pixels[40:60, 30:80] = 255
    picture = cv2.imencode(".png", pixels)[1].tobytes()
    with Fleet(tmp_path, postgres, postgres.create(), s3, {"TASK__SWEEP_SECONDS": "1"}) as fleet:
        server = fleet.add_server(before=old)
        fleet.add_worker(before=old)
        levels = [fleet.query("SELECT version_num FROM alembic_version")]

        def clean(at, count: int) -> None:
            for _ in range(count):
                answer = requests.post(
                    f"{at.url}/v1/removals",
                    headers={"Authorization": f"Bearer {server.token}"},
                    files={
                        "file": ("a.png", picture),
                        "rectangles": (None, '[{"x":30,"y":40,"width":50,"height":20}]'),
                    },
                    timeout=60,
                )
                assert answer.status_code == 202, answer.text

        def ended(count: int) -> None:
            until(lambda: fleet.query("SELECT count(*) FROM tasks WHERE state = 'done'") == [(count,)], 120)

        clean(server, 2)
        ended(2)
        newer = fleet.add_server()  # upgrades the tables under the others
        fleet.add_worker()
        levels.append(fleet.query("SELECT version_num FROM alembic_version"))
        clean(server, 10)
        clean(newer, 10)
        ended(22)
        assert levels[0] < levels[1]
        assert all(one.log.count("task done") >= 2 for one in fleet.workers)
        # One of the version before may be started again on the newer tables.
        fleet.workers[1].end()
        fleet.workers[0].end()
        fleet.workers[0].start()
        clean(newer, 2)
        ended(24)
        assert fleet.query("SELECT version_num FROM alembic_version") == levels[1]
        kinds = fleet.query("SELECT kind, count(*) FROM ledger GROUP BY kind ORDER BY kind")
        assert kinds == [("capture", 24), ("hold", 24)]
        print(f"levels {levels}; done by each: {[one.log.count('task done') for one in fleet.workers]}")


def test_this_interpreter_is_the_one_that_the_fleet_runs_with():
    """PYTHONPATH goes before what is installed: else both versions would be the same."""
    told = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.path[1])"],
        env={**os.environ, "PYTHONPATH": "/before"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "/before"
