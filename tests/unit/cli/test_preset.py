from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cleanplate.cli.app import run


def test_one_preset_cleans_pictures_of_any_size(capsys, photo, write):
    """The photo's mark is 35 from the right and 30 from the bottom, 50 x 20 pixels with its rim."""
    assert run(["preset", "create", "shop", "--rectangle", "40,30,50,20", "--anchor", "bottom-right"]) == 0
    assert capsys.readouterr().out.startswith("shop\t40,30,50,20\tpixels from bottom-right\t")
    write(Path("photos/small.png"))
    wider = np.concatenate([photo[:, :10], photo[:, :10], photo], axis=1)
    write(Path("photos/wide.png"), wider)
    assert run(["remove", "photos", "-o", "clean", "--preset", "shop", "--mode", "fill", "--jobs", "1"]) == 0
    for name, before, left in (("small", photo, 30), ("wide", wider, 50)):
        after = cv2.imread(f"clean/{name}.png")
        area = np.zeros(after.shape[:2], bool)
        area[40:60, left : left + 50] = True
        assert np.array_equal(after[~area], before[~area])
        assert after[area].max() < 250


def test_list_and_delete(capsys):
    for name in ("b", "a"):
        run(["preset", "create", name, "--rectangle", "5%,80%,20%,10%"])
    capsys.readouterr()
    assert run(["preset", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["a", "b"]
    assert lines[0].split("\t")[1:3] == ["0.05,0.8,0.2,0.1", "fractions from top-left"]
    assert run(["preset", "delete", "a"]) == 0
    run(["preset", "list"])
    assert capsys.readouterr().out.startswith("b\t")


def test_mistakes_are_one_line(capsys, write):
    picture = str(write(Path("p.png")))
    run(["preset", "create", "twice", "--rectangle", "1,2,3,4"])
    capsys.readouterr()
    for arguments, status in (
        (["preset", "create", "twice", "--rectangle", "1,2,3,4"], 1),
        (["preset", "create", "none"], 2),
        (["preset", "delete", "unknown"], 1),
        (["preset", "list", "--account", "unknown"], 1),
        (["remove", picture, "-o", "x.png", "--preset", "unknown"], 1),
        (["remove", picture, "-o", "x.png", "--preset", "twice", "--rectangle", "1,2,3,4"], 2),
    ):
        assert run(arguments) == status
        assert len(capsys.readouterr().err.splitlines()) == 1
