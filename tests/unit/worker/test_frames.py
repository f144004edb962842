from __future__ import annotations

import asyncio
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.errors import CleanplateError
from cleanplate.picture import PictureTooLarge
from cleanplate.task import QueueFull
from cleanplate.worker import frames
from cleanplate.worker.frames import FrameBroken

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
JSON = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)
HEADERS = st.dictionaries(st.sampled_from(["operation", "answer", "größe"]), JSON)


def packed(header, bodies=()) -> bytes:
    return b"".join(frames.pack(header, bodies))


async def received_async(data: bytes):
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return await frames.receive_async(stream)


@settings(max_examples=40, deadline=None)  # each example runs an event loop; the machine may be busy
@given(HEADERS, st.lists(st.binary(max_size=2000), max_size=3))
def test_both_sides_read_what_was_packed(header, bodies):
    data = packed(header, bodies)

    got, got_bodies = frames.receive(BytesIO(data))
    also, also_bodies = asyncio.run(received_async(data))

    assert got_bodies == also_bodies == bodies
    assert got == also == {**header, "bodies": [len(body) for body in bodies]}


def test_a_long_body_comes_in_pieces_that_are_not_copies():
    body = bytes(3 * frames.PIECE_BYTES + 1)

    _, *pieces = frames.pack({}, [body])

    assert [len(piece) for piece in pieces] == [frames.PIECE_BYTES] * 3 + [1]
    assert all(isinstance(piece, memoryview) and piece.obj is body for piece in pieces)


def test_the_end_between_frames_is_no_error():
    assert frames.receive(BytesIO(b"")) is None


@pytest.mark.parametrize(
    "data",
    [
        packed({"a": 1}, [b"body"])[:2],
        packed({"a": 1}, [b"body"])[:7],
        packed({"a": 1}, [b"body"])[:-1],
        b"\xff\xff\xff\xff" + bytes(100),
        b"\0\0\0\4nope",
        b"\0\0\0\2[]",
        b"\0\0\0\2{}",
        b'\0\0\0\x0f{"bodies":[-1]}',
    ],
)
async def test_what_is_no_frame_is_refused_on_both_sides(data: bytes):
    with pytest.raises(FrameBroken):
        frames.receive(BytesIO(data))
    with pytest.raises(FrameBroken):
        await received_async(data)


def test_a_header_that_nobody_would_read_is_not_sent():
    with pytest.raises(FrameBroken):
        packed({"a": "x" * (frames.MOST_HEADER_BYTES + 1)})


def test_an_error_comes_back_as_its_own_class():
    error = PictureTooLarge("Send at most ten pixels.", detail="eleven")

    back = frames.rebuild(frames.describe(error))

    assert type(back) is PictureTooLarge
    assert (back.public_message, back.detail) == ("Send at most ten pixels.", "eleven")


def test_also_one_whose_class_wants_other_arguments():
    assert type(frames.rebuild(frames.describe(QueueFull(retry_after=3)))) is QueueFull


def test_an_error_that_is_not_known_here_keeps_its_code():
    back = frames.rebuild({"code": "from_afar", "message": "Far away.", "retryable": True, "detail": None})

    assert isinstance(back, CleanplateError)
    assert (back.code, back.public_message, back.retryable) == ("from_afar", "Far away.", True)
