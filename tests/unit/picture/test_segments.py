"""A JPEG's marker segments: found where they are, whatever lies between them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cleanplate.picture.segments import APP1, COM, SOS, Segment, segments

START = b"\xff\xd8"
SCAN = Segment(SOS, b"\x01\x01\x00\x00\x3f\x00")
a_segment = st.builds(
    Segment, st.sampled_from([APP1, COM, 0xC0, 0xDB]), st.binary(max_size=40) | st.just(b"\xff\xda\x00\x08")
)


@given(st.lists(a_segment, max_size=5), st.integers(0, 3))
def test_what_was_written_is_read_again(written: list[Segment], fill: int) -> None:
    data = START + b"".join(b"\xff" * fill + each.written for each in [*written, SCAN]) + b"coded data"
    read = list(segments(data))
    assert [(each.marker, each.payload) for each in read] == [
        (each.marker, each.payload) for each in [*written, SCAN]
    ]
    assert all(data[each.at : each.end] == each.written for each in read)
    assert data[read[-1].end :] == b"coded data"


def test_nothing_behind_the_first_scan_is_a_segment() -> None:
    data = START + SCAN.written + Segment(COM, b"behind").written
    assert [each.marker for each in segments(data)] == [SOS]


def test_bytes_between_segments_are_skipped() -> None:
    data = START + b"junk" + Segment(COM, b"one").written + b"\xff\x01\xff\xd3" + SCAN.written
    assert [each.payload for each in segments(data)] == [b"one", SCAN.payload]


@given(st.binary(max_size=60))
def test_any_bytes_end(data: bytes) -> None:
    found = list(segments(START + data))
    assert all(first.end <= second.at for first, second in itertools.pairwise(found))
