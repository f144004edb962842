#!/usr/bin/env python3
"""Make the second set of marked photos: other photos, fonts, words, logos and sizes than the first.

    python bench/second.py [--photos DIR] [--fonts DIR] [--out DIR] [--count 250]

250 cases, 50 of each kind, by the shared benchmark's `make_cases.py` with `pack_second.py`. Every photo
comes twice: at its own size, and cut and scaled to one of SIZES, so that a method cannot live on one size.
`--fonts` fetches Debian's packages of the pack and unpacks them there, installing nothing; without it they
have to be installed. `DIR/set/manifest.json` is what `automatic.py --manifest` wants; `DIR/layers` holds the
exact marks.

The photos and `make_cases.py` are not part of the repository: when they are absent this says so and exits
with status 2.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageOps

from pack_second import PACKAGES

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
SIZES = ((481, 321), (768, 512), (1024, 683), (400, 600))
SEED = 90217


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=SHARED / "photos" / "cid22-validation")
    parser.add_argument("--bench", type=Path, default=SHARED / "bench", help="where make_cases.py is")
    parser.add_argument("--fonts", type=Path, help="unpack the pack's fonts here")
    parser.add_argument("--out", type=Path, default=HERE / "out" / "second")
    parser.add_argument("--count", type=int, default=250)
    options = parser.parse_args()
    for needed in (options.photos, options.bench / "make_cases.py"):
        if not needed.exists():
            print(f"The second set cannot be made here: {needed} does not exist.", file=sys.stderr)
            return 2
    if options.fonts:
        unpack(options.fonts)
    prepare(options.photos, options.out / "photos")
    command = [
        sys.executable, options.bench / "make_cases.py",
        "--photos", options.out / "photos",
        "--pack", HERE / "pack_second.py",
        "--out", options.out / "set",
        "--layers", options.out / "layers",
        "--name", "second",
        "--count", options.count,
        "--seed", SEED,
        *(["--fonts", options.fonts] if options.fonts else []),
    ]  # fmt: skip
    return subprocess.run([str(part) for part in command], check=False).returncode


def unpack(folder: Path) -> None:
    """Debian's font packages of the pack, fetched and unpacked, not installed: training must not see them."""
    packages = folder / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        if not list(packages.glob(f"{name}_*.deb")):
            subprocess.run(["apt-get", "download", "-qq", name], cwd=packages, check=True)
    for package in sorted(packages.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "unpacked")], check=True)


def prepare(photos: Path, folder: Path) -> None:
    """Each photo at its own size, and at one of SIZES."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(photos.glob("*.jpg"))):
        photo = Image.open(path).convert("RGB")
        photo.save(folder / f"{path.stem}.png")
        size = SIZES[number % len(SIZES)]
        scaled = ImageOps.fit(photo, size, Image.Resampling.LANCZOS)
        scaled.save(folder / f"{path.stem}-{size[0]}x{size[1]}.png")


if __name__ == "__main__":
    sys.exit(main())
