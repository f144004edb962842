"""One child: what it answers, what ends it, and what its parent then knows."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from structlog.testing import capture_logs

from children import LIMITS, alive, gone, removal
from cleanplate.errors import CleanplateError
from cleanplate.picture import (
    PictureFormatUnsupported,
    PictureTooLarge,
    PictureTooSlow,
    PictureUnreadable,
)
from cleanplate.region import RegionEmpty
from cleanplate.task import AskedRegion
from cleanplate.worker.children import Child, Upbringing
from cleanplate.worker.errors import ChildDied, ChildNotStarted, OutOfMemory, TaskTimeout
from watermarked import encoded, photo
from workshop import DEADLINE

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def started(upbringing):
    child = await Child.start(upbringing)
    try:
        yield child
    finally:
        await child.kill()


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


async def until(condition) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def child(upbringing):
    """One for all tests that leave it alive."""
    async with started(upbringing) as child:
        yield child


async def test_a_child_takes_the_stamp_off_and_touches_nothing_else(child, make_picture):
    data = make_picture()
    answer, [made] = await child.request(removal(), [data], seconds=DEADLINE, decode_seconds=DEADLINE)

    before, after = opened(data), opened(made)
    inside = np.zeros(before.shape[:2], bool)
    inside[10:22, 20:50] = True
    assert (before[~inside] == after[~inside]).all()
    assert (after[inside].max(axis=1) < 250).all(), "the white stamp is still there"
    assert (answer["format"], answer["extension"], answer["media_type"]) == ("PNG", "png", "image/png")
    assert (answer["width"], answer["height"], answer["box"]) == (160, 120, [20, 10, 30, 12])
    assert answer["changed"] is True
    assert answer["fills"][0]["pixels"] == 30 * 12
    assert answer["timings"].keys() >= {"decode", "fill", "encode"}
    assert answer["work_ms"] > 0


def held(pid: int, what: str) -> int:
    """KiB of memory of a process: "VmRSS" is in use, "VmData" counts against its limit."""
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if what in one]
    return int(line.split()[1])


@pytest.mark.parametrize("room_mib", [35, 70])  # too little for OpenCV, too little for the network
async def test_finding_a_mark_without_the_memory_for_it_is_named(upbringing, room_mib):
    large = encoded(np.resize(photo(), (1500, 2000, 3)), "JPEG")
    async with started(upbringing) as usual:
        fresh = held(usual.pid, "VmData") // 1024  # another processor has other libraries' buffers
    async with started(replace(upbringing, memory_mib=fresh + room_mib)) as child:
        with pytest.raises(OutOfMemory):
            await child.request(removal(None), [large], seconds=DEADLINE)


async def test_a_child_that_only_looks_at_uploads_holds_no_network(upbringing):
    async with started(replace(upbringing, networks=False)) as looking:
        fresh = await Child.start(upbringing)
        try:
            assert held(looking.pid, "VmRSS") < held(fresh.pid, "VmRSS") - 20_000
        finally:
            await fresh.kill()


async def test_mask_and_smear_come_as_a_second_body(child, make_picture, make_mask):
    smear = Image.new("RGB", (160, 120))
    smear.paste((255, 0, 0), (20, 10, 50, 22))
    file = io.BytesIO()
    smear.save(file, "PNG")
    for kind, body in [("mask", make_mask()), ("smear", file.getvalue())]:
        answer, _ = await child.request(removal(AskedRegion(kind)), [make_picture(), body], seconds=DEADLINE)
        assert answer["box"] == [20, 10, 30, 12]


async def test_a_picture_without_a_mark_is_answered_with_itself_and_not_sent_back(child):
    data = encoded(photo(), "JPEG")
    answer, made = await child.request(removal(None), [data], seconds=DEADLINE)

    assert answer["same"] is True
    assert answer["changed"] is False
    assert answer["format"] == "JPEG"
    assert made == []


async def test_another_format_is_made_when_asked_for(child, make_picture):
    answer, [made] = await child.request(removal(format="WEBP"), [make_picture()], seconds=DEADLINE)

    assert answer["extension"] == "webp"
    assert Image.open(io.BytesIO(made)).format == "WEBP"


async def test_history_is_written_only_when_wanted(child, make_picture):
    _, [told] = await child.request(removal(), [make_picture()], seconds=DEADLINE)
    _, [silent] = await child.request(removal(history=False), [make_picture()], seconds=DEADLINE)

    assert b"xmpMM:History" in told
    assert b"xmpMM" not in silent


async def test_what_is_wrong_comes_back_as_its_own_error_and_the_child_goes_on(child, make_picture):
    picture = make_picture()
    wrong = [
        (removal(), b"no picture at all", PictureFormatUnsupported),
        (removal(), picture[: len(picture) // 2], PictureUnreadable),
        (removal(limits={**LIMITS, "max_pixels": 100}), picture, PictureTooLarge),
        (removal(AskedRegion("rectangles", ((1000, 1000, 5, 5),))), picture, RegionEmpty),
    ]
    for request, data, error in wrong:
        with pytest.raises(error) as raised:
            await child.request(request, [data], seconds=DEADLINE)
        assert raised.value.public_message
    assert child.usable
    answer, _ = await child.request(removal(), [picture], seconds=DEADLINE)

    assert answer["changed"]


async def test_a_defect_is_told_with_its_trace_for_the_log_only(upbringing, make_picture):
    async with started(upbringing) as child:
        with pytest.raises(CleanplateError) as raised:
            await child.request({"operation": "remove"}, [make_picture()], seconds=DEADLINE)
        assert not child.usable

    assert raised.value.code == "internal_error"
    assert "KeyError" in (raised.value.detail or "")
    assert "KeyError" not in raised.value.public_message


async def test_too_little_memory_is_an_error_of_its_own_and_ends_the_child(upbringing, make_picture):
    tight = replace(upbringing, memory_mib=100)  # the libraries alone have taken most of it
    async with started(tight) as child:
        with pytest.raises(CleanplateError) as raised:
            await child.request(removal(), [bytes(200 * 1024 * 1024)], seconds=DEADLINE)
        assert not child.usable

    assert isinstance(raised.value, OutOfMemory)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
async def test_a_picture_too_large_for_the_memory_is_not_called_damaged(upbringing, kind):
    file = io.BytesIO()
    Image.new("RGB", (6000, 6000), (90, 120, 60)).save(
        file, kind, **({"method": 0} if kind == "WEBP" else {})
    )
    async with started(replace(upbringing, memory_mib=150)) as child:
        with pytest.raises(CleanplateError) as raised:
            await child.request(removal(), [file.getvalue()], seconds=DEADLINE)

    assert raised.value.code in {"out_of_memory", "picture_too_large"}


async def test_a_deadline_kills_the_child(upbringing, make_picture):
    async with started(upbringing) as child:
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(TaskTimeout):
            await child.request(removal(), [make_picture()], seconds=0.05, decode_seconds=DEADLINE)
        assert not child.usable
        await gone(child.pid)


async def test_decoding_has_a_deadline_of_its_own(upbringing, make_picture):
    async with started(upbringing) as child:
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(PictureTooSlow):
            await child.request(removal(), [make_picture()], seconds=DEADLINE, decode_seconds=0.05)
        await gone(child.pid)


async def spoken_for(program: str, upbringing: Upbringing) -> Child:
    """A child that runs another program, to behave as no real one can be made to."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    return Child(await asyncio.create_subprocess_exec(sys.executable, "-c", program, **pipes), upbringing)


async def test_a_child_in_the_middle_of_a_long_answer_can_be_killed(upbringing):
    program = """if True:
        import sys
        sys.stderr.write("here it comes\\n")
        sys.stderr.flush()
        sys.stdout.buffer.write(bytes(32 * 1024 * 1024))
    """
    with capture_logs() as lines:
        child = await spoken_for(program, upbringing)
        await until(lambda: child._process.stdout._paused)
        await child.kill()

    assert not alive(child.pid)
    assert "child not collected" not in [line["event"] for line in lines]


async def test_the_deadline_of_decoding_ends_with_decoding(upbringing):
    program = """if True:
        import sys, time
        from cleanplate.worker import frames
        def send(header):
            sys.stdout.buffer.write(b"".join(frames.pack(header)))
            sys.stdout.buffer.flush()
        send({"answer": {}})
        frames.receive(sys.stdin.buffer)
        send({"step": "decoded"})
        time.sleep(1.6)
        send({"answer": {"slow": "but sure"}})
    """
    child = await spoken_for(program, upbringing)
    try:
        await child._answer(lambda _: None)  # ready: starting takes none of the time to decode
        answer, _ = await child.request({}, [], seconds=DEADLINE, decode_seconds=1.5)
    finally:
        await child.kill()

    assert answer == {"slow": "but sure"}


async def test_a_child_that_is_killed_while_it_works_is_noticed(upbringing, make_picture):
    async with started(upbringing) as child:
        os.kill(child.pid, signal.SIGSTOP)
        request = asyncio.create_task(child.request(removal(), [make_picture()], seconds=DEADLINE))
        await asyncio.sleep(0)
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(ChildDied):
            await request
        assert not child.usable


async def test_whoever_no_longer_wants_the_answer_ends_the_child(upbringing, make_picture):
    async with started(upbringing) as child:
        os.kill(child.pid, signal.SIGSTOP)
        request = asyncio.create_task(child.request(removal(), [make_picture()], seconds=DEADLINE))
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert not child.usable
        await gone(child.pid)


async def test_a_child_that_cannot_start_says_why(upbringing):
    with pytest.raises(ChildNotStarted) as raised:
        await Child.start(replace(upbringing, start_seconds=0.001))

    assert "TimeoutError" in (raised.value.detail or "")


async def test_a_machine_without_room_for_a_process_is_a_child_that_cannot_start(upbringing, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ChildNotStarted) as raised:
        await Child.start(upbringing)

    assert "No such file" in (raised.value.detail or "")


async def test_what_a_child_prints_goes_to_the_log_line_by_line(upbringing, monkeypatch):
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")  # makes it say something when it is aborted
    with capture_logs() as lines:
        async with started(upbringing) as child:
            os.kill(child.pid, signal.SIGABRT)
            await gone(child.pid)

    said = [line for line in lines if line["event"] == "child says"]
    assert {line["pid"] for line in said} == {child.pid}
    assert said[0]["line"] == "Fatal Python error: Aborted"
    assert len(said) > 2


async def test_nothing_that_a_library_prints_is_taken_for_an_answer():
    program = """if True:
        import os
        from cleanplate.worker import child
        requests, answers = child._take_pipes()
        print("from Python", flush=True)
        os.system("echo from C")
        answers.write(b"the answer to " + requests.read())
    """
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], input=b"a request", capture_output=True, check=True
    )

    assert ran.stdout == b"the answer to a request"
    assert ran.stderr == b"from Python\nfrom C\n"


async def test_a_child_leaves_it_to_its_parent_when_to_stop(child, make_picture):
    """A service manager tells every process of a service to stop; what runs may still finish."""
    os.kill(child.pid, signal.SIGTERM)
    os.kill(child.pid, signal.SIGINT)

    answer, _ = await child.request(removal(), [make_picture()], seconds=DEADLINE)

    assert answer["changed"]


async def test_a_child_is_not_told_the_settings(upbringing, monkeypatch):
    monkeypatch.setenv("CLEANPLATE_SECRET", "top secret")
    async with started(upbringing) as child:
        environment = await asyncio.to_thread(Path(f"/proc/{child.pid}/environ").read_bytes)

    assert b"PATH=" in environment
    assert b"CLEANPLATE_" not in environment


async def test_a_child_dies_with_its_parent(upbringing):
    program = f"""if True:
        import asyncio, os, signal
        from cleanplate.worker.children import *
        async def main():
            child = await Child.start({upbringing!r})
            os.kill(child.pid, signal.SIGSTOP)  # so that it cannot see that its input has ended
            print(child.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    ran = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], capture_output=True)

    assert ran.returncode == -signal.SIGKILL
    await gone(int(ran.stdout))
