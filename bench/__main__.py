"""Run the benches one after the other: `python -m bench [NAME …]`; all of them without a name.

quality     how well a given region is filled (QUALITY.md)
wide        holes of 10 to 35 % of a photo (QUALITY.md)
undo        undoing alone, the exact mask given (UNDO.md)
repetition  tiled marks found by their repetition alone (REPETITION.md)
automatic   finding the mark and taking it off (AUTOMATIC.md)
second      the same on a set of other photos, fonts, logos and sizes, once second.py has made it
ablation    what each part of the engine is worth (AUTOMATIC.md)
speed       seconds and memory (SPEED.md)
service     the server under load, its memory over 10,000 pictures, one of 100 megapixels (SERVICE.md)
larger      seconds beside larger networks that paint (SPEED.md)
scale       what database and queue carry: latency, no-op tasks a second (SCALE.md); needs PostgreSQL
soak        pictures a second, then an hour at 70 % of what goes (SCALE.md); needs PostgreSQL
console     the console in a browser (CONSOLE.md)

Their photos are not part of the repository: a bench whose set is absent says so, and the others still run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEV = HERE.parent.parent / "shared" / "bench" / "dev" / "manifest.json"
SECOND = HERE / "out" / "second"
BENCHES: dict[str, tuple[str | Path, ...]] = {
    "quality": ("quality.py",),
    "wide": ("wide.py",),
    "undo": ("undo.py", DEV),
    "repetition": ("repetition.py", "--dev", DEV, "--out", HERE / "out" / "repetition"),
    "automatic": ("automatic.py",),
    "second": ("automatic.py", "--manifest", SECOND / "set" / "manifest.json", "--layers", SECOND / "layers"),
    "ablation": ("ablation.py",),
    "speed": ("speed.py",),
    "service": ("service.py",),
    "larger": ("larger.py",),
    "scale": ("scale.py",),
    "soak": ("soak.py",),
    "console": ("console.py",),
}


def main() -> int:
    asked = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in asked if name not in BENCHES]
    if unknown:
        print(f"There is no bench {unknown[0]!r}: choose from {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    codes: dict[str, int] = {}
    for name in asked:
        script, *words = BENCHES[name]
        print(f"== {name}", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / script), *map(str, words)]
        codes[name] = subprocess.run(command, check=False).returncode
    failed = [name for name, code in codes.items() if code]
    if failed:
        print(f"Not measured: {', '.join(failed)}; each has said why above.", file=sys.stderr)
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main())
