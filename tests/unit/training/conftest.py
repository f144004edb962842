from __future__ import annotations

import sys
from pathlib import Path

# `training` is no part of the installed package: it is found beside it, in the repository
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
