from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleanplate.cli.errors import UsageInvalid
from cleanplate.cli.plan import make_plan


def _targets(plan):
    return {str(job.source): str(job.target) for job in plan.jobs}


def test_one_file_goes_to_the_name_given(write):
    write(Path("a.png"))

    plan = make_plan(["a.png"], "clean.png", None)

    assert _targets(plan) == {"a.png": "clean.png"}
    assert not plan.into_folder


@pytest.mark.parametrize("out", ["out/", "there"])
def test_one_file_goes_into_a_folder_when_out_is_one(write, out):
    write(Path("in/a.png"))
    Path("there").mkdir()

    plan = make_plan(["in/a.png"], out, None)

    assert plan.into_folder
    assert plan.jobs[0].target == Path(out) / "a.png"


def test_a_folder_keeps_its_tree_and_leaves_other_files_alone(write):
    write(Path("in/a.jpg"))
    write(Path("in/b/c/d.PNG".lower()))
    Path("in/notes.txt").write_text("no picture")
    write(Path("in/.hidden/e.png"))
    write(Path("in/.f.png"))

    plan = make_plan(["in"], "out", None)

    assert _targets(plan) == {"in/a.jpg": "out/a.jpg", "in/b/c/d.png": "out/b/c/d.png"}
    assert plan.others == 1


def test_a_picture_without_an_ending_is_found_by_its_content(write):
    write(Path("x.png")).rename("in_raw")
    Path("in").mkdir()
    Path("in_raw").rename("in/scan")

    plan = make_plan(["in"], "out", None)

    assert plan.jobs[0].output("PNG") == Path("out/scan.png")


def test_several_folders_stand_beside_each_other(write):
    write(Path("one/a.jpg"))
    write(Path("two/a.jpg"))

    plan = make_plan(["one", "two"], "out", None)

    assert _targets(plan) == {"one/a.jpg": "out/one/a.jpg", "two/a.jpg": "out/two/a.jpg"}


def test_a_quoted_pattern_is_expanded_and_keeps_the_tree_below_its_fixed_part(write):
    write(Path("in/a.jpg"))
    write(Path("in/b/c.jpg"))
    write(Path("in/b/d.png"))

    plan = make_plan(["in/**/*.jpg"], "out", None)

    assert _targets(plan) == {"in/a.jpg": "out/a.jpg", "in/b/c.jpg": "out/b/c.jpg"}


def test_a_pattern_that_matches_nothing_says_so():
    with pytest.raises(UsageInvalid, match=r"No file matches '\*\.jpg'"):
        make_plan(["*.jpg"], "out", None)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(write):
    write(Path("a[1].png"))

    plan = make_plan(["a[1].png"], "out/", None)

    assert _targets(plan) == {"a[1].png": "out/a[1].png"}


def test_pictures_of_one_name_get_their_folders_before_it(write):
    for path in ("x/1/a.jpg", "y/1/a.jpg", "z/b.jpg"):
        write(Path(path))

    plan = make_plan(["x/1/a.jpg", "y/1/a.jpg", "z/b.jpg"], "out", None)

    assert _targets(plan) == {
        "x/1/a.jpg": "out/x/1/a.jpg",
        "y/1/a.jpg": "out/y/1/a.jpg",
        "z/b.jpg": "out/b.jpg",
    }


def test_where_an_answer_goes_does_not_depend_on_the_order_of_arguments(write):
    paths = ["x/a.jpg", "y/a.jpg", "x/b.gif", "x/b.png"]
    for path in paths:
        write(Path(path))

    forward = make_plan(paths, "out", None)
    backward = make_plan(paths[::-1], "out", None)

    assert _targets(forward) == _targets(backward)


def test_two_answers_never_share_a_place(write):
    write(Path("in/a.png"))
    write(Path("in/a.gif"))  # becomes a PNG when it is changed

    jobs = {job.source.name: job for job in make_plan(["in"], "out", None).jobs}

    assert jobs["a.png"].output("PNG") == Path("out/a.png")
    assert jobs["a.gif"].output("PNG") == Path("out/a.gif.png")
    assert jobs["a.gif"].output("GIF") == Path("out/a.gif")


def test_a_format_asked_for_is_a_reason_to_keep_names_apart(write):
    write(Path("in/a.png"))
    write(Path("in/a.jpg"))

    jobs = make_plan(["in"], "out", "WEBP").jobs

    assert sorted(str(job.output("WEBP")) for job in jobs) == ["out/a.jpg.webp", "out/a.png.webp"]


def test_the_ending_follows_the_format(write):
    write(Path("in/photo.gif"))
    write(Path("in/scan.jpeg"))

    gif, jpeg = make_plan(["in"], "out", None).jobs

    assert gif.output("GIF") == Path("out/photo.gif")
    assert gif.output("PNG") == Path("out/photo.png")
    assert jpeg.output("JPEG") == Path("out/scan.jpeg")  # as usual as .jpg


def test_the_same_file_named_twice_is_one_job(write):
    write(Path("in/a.jpg"))

    assert len(make_plan(["in/a.jpg", "in", "./in/a.jpg"], "out", None).jobs) == 1


def test_answers_inside_the_folder_are_not_taken_for_pictures(write):
    write(Path("in/a.jpg"))
    write(Path("in/clean/a.jpg"))

    plan = make_plan(["in"], "in/clean", None)

    assert _targets(plan) == {"in/a.jpg": "in/clean/a.jpg"}


def test_several_pictures_do_not_fit_into_a_file(write):
    write(Path("in/a.jpg"))
    Path("out.jpg").write_bytes(b"")

    with pytest.raises(UsageInvalid, match="need a folder"):
        make_plan(["in"], "out.jpg", None)


@pytest.mark.parametrize(
    ("inputs", "out"), [(["-", "a.jpg"], "out.jpg"), (["a.jpg", "b.jpg"], "-"), (["-"], "."), (["."], "-")]
)
def test_a_stream_takes_one_picture(inputs, out):
    with pytest.raises(UsageInvalid):
        make_plan(inputs, out, None)


def test_a_pipe_in_a_folder_is_not_read(write):
    write(Path("in/a.jpg"))
    os.mkfifo("in/b.jpg")

    assert [job.source.name for job in make_plan(["in"], "out", None).jobs] == ["a.jpg"]
