"""Draws a run's learning curve: `python -m training.curve --curve curve.csv --out curve.png`."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(curve: Path, out: Path) -> None:
    """F1 by kind, α's error and false alarms over the hours of training."""
    with curve.open(newline="") as lines:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]
    hours = [row["hours"] for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    for name in rows[0]:
        if name.startswith("f1"):
            style = {"color": "black", "linewidth": 2.2} if name == "f1" else {"linewidth": 1}
            left.plot(hours, [row[name] for row in rows], label=name.replace("f1_", ""), **style)
    left.set(xlabel="hours (wall, shared machine)", ylabel="F1, held-out photos and fonts", ylim=(0, 1))
    left.legend(fontsize=8)
    for name, label in (("alpha_mae", "α error in marks"), ("alarms", "clean pictures alarmed")):
        right.plot(hours, [row[name] for row in rows], label=label)
    right.set(xlabel="hours (wall, shared machine)", ylim=(0, None))
    right.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curve", type=Path, default=Path("training/out/find/curve.csv"))
    parser.add_argument("--out", type=Path, default=Path("training/out/find/curve.png"))
    asked = parser.parse_args()
    draw(asked.curve, asked.out)


if __name__ == "__main__":
    main()
