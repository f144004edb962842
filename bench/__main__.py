"""Run the benches one after the other: `python -m bench [quality] [speed]`; all of them without a name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCHES = ("quality", "speed")


def main() -> int:
    asked = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in asked if name not in BENCHES]
    if unknown:
        print(f"There is no bench {unknown[0]!r}: choose from {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    codes = [
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode for name in asked
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
