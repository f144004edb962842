"""Training of the networks: its own extra, never imported by `src/`."""

import os

# Before torch is imported: threads that spin at OpenMP's barriers took four times the CPU time a step when
# the machine was shared with others (3.9 CPU-seconds against 1.0).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
