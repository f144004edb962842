"""What the documentation tells people to type works as it is typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def _blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """A clone as far as the documentation needs it, with some pictures of one's own."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    sample = cv2.imread(str(ROOT / "samples/lake.jpg"))
    mask = np.zeros(sample.shape[:2], np.uint8)
    mask[462:516, 36:272] = 255
    for name in ("mask.png", "masks/a/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    (tmp_path / "photos/a").mkdir(parents=True)
    shutil.copy(ROOT / "samples/lake.jpg", tmp_path / "photos/a/b.jpg")
    return tmp_path


def _run(script, folder):
    """Run a shell's lines with our command and Python first in its path."""
    (folder / "bin").mkdir(exist_ok=True)
    command = folder / "bin/cleanplate"
    command.write_text(f"#!{sys.executable}\nfrom cleanplate.cli import main\nmain()\n")
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _is_clean(path):
    pixels = cv2.imread(str(path))
    assert pixels.shape == (562, 1000, 3)
    return pixels[462:516, 36:272].max() < 150  # white letters on dark water are gone


def test_the_readme_from_python(folder):
    (block,) = _blocks("README.md", "python")
    (folder / "example.py").write_text(block)

    said = _run("python example.py", folder)

    changed, x, y, width, height = re.fullmatch(r"(\w+) \((\d+), (\d+), (\d+), (\d+)\)\n", said).groups()
    assert changed == "True"
    assert 36 <= int(x) < int(x) + int(width) <= 36 + 236  # the strokes that were found in the rectangle
    assert 462 <= int(y) < int(y) + int(height) <= 462 + 54
    assert _is_clean(folder / "clean.jpg")


def test_the_readme_from_the_command_line(folder):
    (block,) = [block for block in _blocks("README.md", "sh") if block.startswith("cleanplate remove")]
    one, many, pipe = block.splitlines()

    _run(one, folder)
    assert _is_clean(folder / "clean.jpg")
    _run(pipe, folder)
    assert _is_clean(folder / "clean.jpg")
    _run(many, folder)
    assert (folder / "clean/a/b.jpg").is_file()


def test_the_quickstart(folder):
    blocks = [block.replace(".venv/bin/", "") for block in _blocks("docs/quickstart.md", "sh")]
    command, python = (
        next(block for block in blocks if block.startswith(start)) for start in ("cleanplate", "python")
    )

    _run(command, folder)
    _run(python, folder)

    assert _is_clean(folder / "clean2.jpg")
    assert _is_clean(folder / "clean3.jpg")


def test_cleaning_a_folder(folder):
    for block in _blocks("docs/how-to/clean-a-folder.md", "sh"):
        shutil.rmtree(folder / "clean", ignore_errors=True)
        _run(block, folder)
        assert (folder / "clean/a/b.jpg").is_file()


def test_seeing_what_was_found(folder):
    block = _blocks("docs/how-to/see-what-was-found.md", "sh")[0]
    (example,) = _blocks("docs/how-to/see-what-was-found.md", "json")

    _run(block, folder)

    told = json.loads((folder / "marks.json").read_text())
    assert told[0].keys() == json.loads(example)[0].keys()
    assert cv2.imread(str(folder / "mask.png"))[462:516, 36:272].max() == 255


def test_tokens_and_credits(folder):
    block = _blocks("docs/how-to/credits-and-tokens.md", "sh")
    lines = [line for text in block[:2] for line in text.splitlines()]
    secret = ""
    for line in lines:
        command = line.replace("cp_1a2b3", secret[:8])
        said = _run(command, folder)
        secret = said.strip() if "token create" in line else secret

    assert said == "shop: 500 left of 500, 0 used\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
