from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cleanplate.cli.app import run
from cleanplate.cli.errors import UsageInvalid
from cleanplate.cli.remove import read_rectangles
from watermarked import OPACITY, decoded, encoded, is_restored, marked, opacity
from watermarked import photo as photo_without_a_mark

COMMAND = [sys.executable, "-c", "from cleanplate.cli import main; main()"]
# These tests are of the command. A bare block is no watermark that a finder must know, so it is painted over.
AT_MARK = ["--rectangle", "30,40,50,20", "--mode", "fill"]


def _read(path):
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


def _is_clean(pixels, photo):
    """The bright mark is gone: what is there now is as dark as its surroundings (at most 220)."""
    assert photo[45:55, 35:75].min() == 255
    return pixels[45:55, 35:75].max() < 235


def test_one_picture_is_cleaned_and_the_rest_of_it_kept(write, photo):
    write(Path("a.png"))

    assert run(["remove", "a.png", "-o", "b.png", *AT_MARK]) == 0

    answer = _read("b.png")
    assert _is_clean(answer, photo)
    outside = np.ones(photo.shape[:2], bool)
    outside[40:60, 30:80] = False
    assert np.array_equal(answer[outside], photo[outside])
    assert Path("a.png").read_bytes() == cv2.imencode(".png", photo)[1].tobytes()


@pytest.mark.parametrize("rectangle", ["25%,44.5%,42%,22.5%", "0.25,0.445,0.42,0.225"])
def test_fractions_say_the_same_as_pixels(write, photo, rectangle):
    write(Path("a.png"))

    assert run(["remove", "a.png", "-o", "b.png", "--rectangle", rectangle, "--mode", "fill"]) == 0

    assert _is_clean(_read("b.png"), photo)


def test_without_a_mark_the_very_bytes_come_back_and_that_is_said(write, capsys):
    write(Path("a.jpg"), np.full((40, 60, 3), 90, np.uint8))

    assert run(["remove", "a.jpg", "-o", "b.jpg"]) == 0

    assert Path("b.jpg").read_bytes() == Path("a.jpg").read_bytes()
    said = capsys.readouterr().err
    assert "a.jpg: no watermark found, left as it is" in said
    assert "--sensitivity" in said


def test_a_mark_is_found_undone_and_told_of(capsys):
    Path("a.png").write_bytes(encoded(marked()))

    assert run(["remove", "a.png", "-o", "b.png", "--found", "mask.png", "--found-json", "marks.json"]) == 0

    assert is_restored(decoded(Path("b.png").read_bytes()))
    assert re.search(r"a\.png: .*\d see-through marks?.* removed", capsys.readouterr().err)
    [told, *_] = json.loads(Path("marks.json").read_text())
    assert told["kind"] == "see-through"
    assert told["opacity"] == pytest.approx(OPACITY, abs=0.1)
    assert told["colour"] == "#ffffff"
    assert told["confidence"] > 0.8
    x, y, width, height = told["box"]
    mask = _read("mask.png") > 0
    assert mask[y : y + height, x : x + width].sum() > 0.9 * mask.sum() > 1000


def test_a_folder_tells_of_each_picture_beside_its_answer(capsys):
    Path("in/x").mkdir(parents=True)
    Path("in/x/a.png").write_bytes(encoded(marked()))
    Path("in/b.jpg").write_bytes(encoded(photo_without_a_mark(), "JPEG"))

    assert run(["remove", "in", "-o", "out", "--found-json", "told", "--json", "--jobs", "2"]) == 0

    lines = {line["path"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    for path, marks in (("x/a.png", True), ("b.jpg", False)):
        told = json.loads(Path(f"told/{path}.json").read_text())
        assert lines[f"in/{path}"]["found"] == told
        assert bool(told) is marks
    assert Path("out/b.jpg").read_bytes() == Path("in/b.jpg").read_bytes()
    assert is_restored(decoded(Path("out/x/a.png").read_bytes()))


def test_the_more_sensitive_the_more_is_taken_for_a_mark(capsys):
    faint = np.rint(photo_without_a_mark() * (1 - opacity() / 5)[..., None] + 255 * opacity()[..., None] / 5)
    Path("a.png").write_bytes(encoded(faint.astype(np.uint8)))
    arguments = ["remove", "a.png", "-o", "b.png", "--overwrite", "--found", "mask.png"]
    removed = []

    for sensitivity in ("0", "1"):
        assert run([*arguments, "--sensitivity", sensitivity]) == 0
        removed.append(_read("mask.png") > 0)

    assert removed[0].sum() < removed[1].sum()
    assert removed[1][opacity() > 0].mean() > 0.8


@pytest.mark.parametrize("option", ["--mask", "--smear"])
def test_a_painted_region_is_obeyed(write, photo, option):
    write(Path("a.png"))
    painted = np.zeros(photo.shape, np.uint8)
    painted[42:58, 32:78] = 255 if option == "--mask" else (60, 80, 200)
    write(Path("region.png"), painted)

    assert run(["remove", "a.png", "-o", "b.png", option, "region.png", "--mode", "fill"]) == 0

    assert _is_clean(_read("b.png"), photo)


def test_a_folder_of_masks_serves_each_picture_its_own(write, photo, capsys):
    write(Path("in/x/a.jpg"))
    write(Path("in/b.png"))
    write(Path("in/c.png"))
    mask = np.zeros(photo.shape, np.uint8)
    mask[42:58, 32:78] = 255
    write(Path("masks/x/a.png"), mask)
    write(Path("masks/b.png"), mask)

    assert run(["remove", "in", "-o", "out", "--mask", "masks", "--mode", "fill"]) == 1

    assert _is_clean(_read("out/x/a.jpg"), photo)
    assert _is_clean(_read("out/b.png"), photo)
    assert "in/c.png: There is no masks/c.png" in capsys.readouterr().err


def test_what_was_removed_can_be_seen(write, photo):
    write(Path("a.png"))

    arguments = ["remove", "a.png", "-o", "b.png", *AT_MARK]
    assert run([*arguments, "--found", "mask.png", "--found-json", "marks.json"]) == 0

    assert json.loads(Path("marks.json").read_text()) == []  # in this mode nothing is looked for
    mask = _read("mask.png")
    expected = np.zeros(photo.shape[:2], np.uint8)
    expected[40:60, 30:80] = 255
    assert np.array_equal(mask, expected)


def test_json_tells_what_was_done(write, capsys):
    write(Path("a.png"))

    assert run(["remove", "a.png", "-o", "b.png", *AT_MARK, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["path"], told["output"]) == ("a.png", "b.png")
    assert told["changed"] is True
    assert told["box"] == [30, 40, 50, 20]
    assert told["found"] == []
    assert sum(fill["pixels"] for fill in told["fills"]) == 50 * 20
    assert told["seconds"] > 0
    assert told["error"] is None


def test_the_ending_of_the_output_asks_for_its_format(write):
    write(Path("a.png"))

    assert run(["remove", "a.png", "-o", "b.webp", *AT_MARK]) == 0
    assert run(["remove", "a.png", "-o", "c", *AT_MARK, "--format", "jpg"]) == 0

    assert Path("b.webp").read_bytes()[8:12] == b"WEBP"
    assert Path("c").read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("given", "named", "instead"),
    [
        (["a.png", "-o", "b.heic"], "b.heic", "b.jpg"),
        (["a.png", "-o", "b.GIF"], "b.GIF", "b.png"),
        (["a.gif", "-o", "b.gif"], "b.gif", "b.png"),
        (["a.png", "-o", "b.jpg", "--format", "webp"], "b.jpg", "b.webp"),
    ],
)
def test_no_file_is_written_under_the_name_of_another_format(write, capsys, given, named, instead):
    """HEIC and changed GIFs are not written, and a lossy JPEG named .heic is taken for what it is not."""
    write(Path("a.png"))
    write(Path("a.gif"))

    assert run(["remove", *given, *AT_MARK]) == 1

    assert not Path(named).exists()
    assert f"name it {instead}." in capsys.readouterr().err


def test_an_untouched_gif_keeps_its_name(write):
    data = write(Path("a.gif"), np.full((40, 60, 3), 90, np.uint8)).read_bytes()

    assert run(["remove", "a.gif", "-o", "b.gif"]) == 0

    assert Path("b.gif").read_bytes() == data


def test_the_history_can_be_left_out(write):
    write(Path("a.png"))
    run(["remove", "a.png", "-o", "with.png", *AT_MARK])
    run(["remove", "a.png", "-o", "without.png", *AT_MARK, "--no-history"])

    assert b"xmpMM:History" in Path("with.png").read_bytes()
    assert b"xmpMM:History" not in Path("without.png").read_bytes()


def test_standard_input_and_output(write, photo):
    data = write(Path("a.png")).read_bytes()

    done = subprocess.run(
        [*COMMAND, "remove", "-", "-o", "-", "--json", *AT_MARK],
        input=data,
        capture_output=True,
        check=True,
    )

    answer = cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_UNCHANGED)
    assert _is_clean(answer, photo)
    assert json.loads(done.stderr)["output"] == "-"  # beside the picture, not in it


def test_a_named_output_is_not_overwritten_unasked(write, photo, capsys):
    write(Path("a.png"))
    Path("b.png").write_bytes(b"precious")

    assert run(["remove", "a.png", "-o", "b.png", *AT_MARK]) == 1
    assert Path("b.png").read_bytes() == b"precious"
    assert "--overwrite" in capsys.readouterr().err

    assert run(["remove", "a.png", "-o", "b.png", *AT_MARK, "--overwrite"]) == 0
    assert _is_clean(_read("b.png"), photo)


@pytest.mark.parametrize(
    "inputs", [["a.png", "-o", "a.png"], [".", "-o", "."], ["b/a.png", "a.png", "-o", "."]]
)
def test_an_input_is_never_overwritten_unasked(write, inputs, capsys):
    data = write(Path("a.png")).read_bytes()
    write(Path("b/a.png"), np.zeros((30, 30, 3), np.uint8))

    status = run(["remove", *inputs, *AT_MARK])

    assert Path("a.png").read_bytes() == data
    if inputs[0] != "b/a.png":  # there both get their folders' names and all is well
        assert status == 1
        assert "would be replaced" in capsys.readouterr().err


def test_a_picture_can_be_cleaned_in_place_when_asked(write, photo):
    write(Path("in/a.png"))

    assert run(["remove", "in", "-o", "in", *AT_MARK, "--overwrite"]) == 0

    assert _is_clean(_read("in/a.png"), photo)
    assert [path.name for path in Path("in").iterdir()] == ["a.png"]


def test_one_bad_file_is_named_and_does_not_stop_the_rest(write, photo, capsys):
    for number in range(3):
        write(Path(f"in/{number}.png"))
    Path("in/1.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")

    assert run(["remove", "in", "-o", "out", *AT_MARK, "--jobs", "2"]) == 1

    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "2.png"]
    assert _is_clean(_read("out/2.png"), photo)
    said = capsys.readouterr().err
    assert "cleanplate: in/1.png: " in said
    assert "2 cleaned, 1 failed" in said
    assert "Traceback" not in said


def test_a_second_run_does_only_what_is_left(write, capsys):
    for name in ("a", "b", "c"):
        write(Path(f"in/{name}.png"))
    arguments = ["remove", "in", "-o", "out", *AT_MARK, "--json"]
    assert run(arguments) == 0
    made = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    Path("out/a.png").unlink()
    later = made[Path("out/b.png")] + 1_000_000_000
    os.utime("in/b.png", ns=(later, later))  # the picture was changed since
    capsys.readouterr()

    assert run(arguments) == 0

    told = {line["path"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {path: line["skipped"] for path, line in told.items()} == {
        "in/a.png": False,
        "in/b.png": False,
        "in/c.png": True,
    }
    assert Path("out/c.png").stat().st_mtime_ns == made[Path("out/c.png")]
    assert run([*arguments, "--overwrite"]) == 0
    assert Path("out/c.png").stat().st_mtime_ns > made[Path("out/c.png")]


def test_a_gif_that_was_changed_is_known_again(write, capsys):
    data = cv2.imencode(".gif", np.full((40, 60, 3), 90, np.uint8))[1].tobytes()
    Path("in").mkdir()
    Path("in/a.gif").write_bytes(data)
    arguments = ["remove", "in", "-o", "out", "--rectangle", "5,5,10,10", "--json"]
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["output"] == "out/a.png"

    assert run(arguments) == 0

    assert json.loads(capsys.readouterr().out)["skipped"] is True


def test_no_unfinished_file_is_left_when_the_disk_refuses(write, capsys):
    write(Path("a.png"))
    Path("out").mkdir()
    Path("out/b.png").mkdir()  # a folder stands where the answer should go

    assert run(["remove", "a.png", "-o", "out/b.png/../b.png/x.png", *AT_MARK, "--found", "out"]) == 1

    assert list(Path("out").rglob(".*")) == []
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["remove", "a.png"], "'--out'"),
        (["remove", "a.png", "-o", "b.png", "--rectangle", "1,2,3"], "four numbers"),
        (["remove", "a.png", "-o", "b.png", "--rectangle", "1,2,0,3"], "greater than 0"),
        (["remove", "a.png", "-o", "b.png", "--rectangle", "5%,2,3,4"], "all four"),
        (
            ["remove", "a.png", "-o", "b.png", "--rectangle", "1,2,3,4", "--rectangle", "1%,2%,3%,4%"],
            "all rect",
        ),
        (["remove", "a.png", "-o", "b.png", "--rectangle", "1,2,3,4", "--mask", "a.png"], "one of"),
        (["remove", "a.png", "-o", "b.png", "--mask", "nowhere.png"], "nowhere.png"),
        (["remove", "a.png", "-o", "b.png", "--mode", "magic"], "magic"),
        (["remove", "a.png", "-o", "b.png", "--quality", "20"], "95"),
        (["remove", "a.png", "-o", "b.png", "--sensitivity", "1.01"], "from 0 to 1"),
        (["remove", "a.png", "-o", "b.png", "--sensitivity", "-0.1"], "from 0 to 1"),
        (["remove", "a.png", "-o", "b.png", "--sensitivity", "nan"], "from 0 to 1"),
        (["remove", "a.png", "-o", "b.png", "--sensitivity", "high"], "--sensitivity"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_status_2(write, capsys, arguments, said):
    write(Path("a.png"))

    assert run(arguments) == 2

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("cleanplate: ")
    assert said in lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["remove", "nowhere.png", "-o", "b.png"], "no such file"),
        (["remove", "a.png", "-o", "b.png", "--format", "xyz"], "xyz"),
        (["remove", "a.txt", "-o", "b.png"], "no picture"),
        (["remove", "a.png", "-o", "b.png", "--rectangle", "500,500,10,10"], "inside the picture"),
    ],
)
def test_what_fails_is_one_line_and_status_1(write, capsys, arguments, said):
    write(Path("a.png"))
    Path("a.txt").write_text("no picture")

    assert run(arguments) == 1

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert not Path("b.png").exists()


def test_the_debug_variable_shows_where_an_error_came_from(write, capsys, monkeypatch):
    write(Path("a.png"))
    monkeypatch.setenv("CLEANPLATE_DEBUG", "1")

    assert run(["remove", "a.png", "-o", "b.png", "--rectangle", "500,500,10,10"]) == 1

    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        (["0,0,1,1"], "pixel"),
        (["1.5,2,30,40"], "pixel"),
        (["0.0,0,1,1"], "fraction"),
        (["0%,0%,100%,10%"], "fraction"),
        ([" 1, 2 ,3,4"], "pixel"),
    ],
)
def test_the_unit_of_rectangles(given, unit):
    assert read_rectangles(given)[1] == unit


@pytest.mark.parametrize("given", ["nan,0,1,1", "0,0,inf,1", "a,b,c,d", "", "1,2,3,4,5"])
def test_no_rectangle_is_made_of_nonsense(given):
    with pytest.raises(UsageInvalid):
        read_rectangles([given])
