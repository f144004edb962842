from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from cleanplate.store import BlobKeyInvalid, BlobMissing, Blobs, StorageFailed, StoreUrlInvalid


@pytest.fixture(params=["file", "memory"])
def blobs(request, tmp_path):
    """Both kinds of store; every test with this fixture is the suite that each has to pass."""
    return Blobs((tmp_path / "blobs").as_uri() if request.param == "file" else "memory:///")


@pytest.fixture
def on_disk(tmp_path):
    return Blobs((tmp_path / "blobs").as_uri())


async def keys(blobs, folder):
    return sorted([blob.key async for blob in blobs.list(folder)])


async def test_what_was_put_is_got(blobs):
    await blobs.put("results/a/1.png", b"first")
    assert await blobs.get("results/a/1.png") == b"first"
    assert await blobs.exists("results/a/1.png")


async def test_putting_again_replaces(blobs):
    await blobs.put("a/b", b"first")
    await blobs.put("a/b", b"second, and longer")
    assert await blobs.get("a/b") == b"second, and longer"


async def test_nothing_at_all_can_be_stored(blobs):
    await blobs.put("a/empty", b"")
    assert await blobs.get("a/empty") == b""


async def test_what_is_missing_is_said_to_be(blobs):
    with pytest.raises(BlobMissing):
        await blobs.get("a/b")
    with pytest.raises(BlobMissing):
        await blobs.stream("a/b")
    assert not await blobs.exists("a/b")


async def test_deleting_takes_away_only_what_is_named(blobs):
    for key in ("a/1", "a/2", "a/3"):
        await blobs.put(key, b"x")
    await blobs.delete(["a/1", "a/3", "a/never", "nowhere/never"])
    assert await keys(blobs, "a") == ["a/2"]
    await blobs.delete([])


async def test_a_listing_is_of_one_folder_with_sizes_and_times(blobs):
    await blobs.put("results/a/1.png", b"12345")
    await blobs.put("results/ab/1.png", b"x")
    await blobs.put("sources/a/source", b"x")
    [blob] = [blob async for blob in blobs.list("results/a")]
    assert (blob.key, blob.size) == ("results/a/1.png", 5)
    assert blob.written_at > 1_700_000_000
    assert await keys(blobs, "results") == ["results/a/1.png", "results/ab/1.png"]
    assert await keys(blobs, "nothing") == []


async def test_a_long_listing_is_complete(blobs):
    expected = [f"many/{number:03}" for number in range(120)]
    await asyncio.gather(*(blobs.put(key, b"") for key in expected))
    assert await keys(blobs, "many") == expected


async def test_a_stream_gives_every_byte_and_says_how_many(blobs):
    data = bytes(range(256)) * 8192
    await blobs.put("a/big", data)
    size, pieces = await blobs.stream("a/big", chunk_bytes=1 << 18)
    assert size == len(data)
    assert b"".join([piece async for piece in pieces]) == data


async def test_on_disk_a_big_blob_comes_in_pieces(on_disk):
    await on_disk.put("a/big", bytes(4 << 20))
    _, pieces = await on_disk.stream("a/big", chunk_bytes=1 << 18)
    assert max([len(piece) async for piece in pieces]) < 4 << 20


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "a/..",
        ".hidden",
        "a/.b",
        "a b",
        "a\n",
        "ä",
        "a\\b",
        "a#1",
        "a\0",
        "-a",
        "a" * 256,
    ],
)
async def test_a_key_that_could_name_something_else_is_refused(blobs, key):
    for call in (
        blobs.put(key, b"x"),
        blobs.get(key),
        blobs.exists(key),
        blobs.stream(key),
        blobs.delete([key]),
    ):
        with pytest.raises(BlobKeyInvalid):
            await call


async def test_on_disk_a_put_has_reached_the_disk_when_it_returns(on_disk, tmp_path, monkeypatch):
    flushed = []

    def note(handle):
        flushed.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    real = os.fsync
    monkeypatch.setattr(os, "fsync", note)
    await on_disk.put("results/a/1.png", b"x")
    root = tmp_path / "blobs"
    # The bytes, then every name on the way to them: a file in a folder that is lost is lost.
    assert flushed == [
        str(root / "results/a/1.png"),
        str(root / "results/a"),
        str(root / "results"),
        str(root),
    ]


async def test_on_disk_nobody_else_can_read_them_and_no_empty_folders_are_left(on_disk, tmp_path):
    await on_disk.put("results/a/1.png", b"x")
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700
    await on_disk.delete(["results/a/1.png"])
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_on_disk_they_are_there_for_the_next_process(on_disk, tmp_path):
    await on_disk.put("a/b", b"x")
    assert await Blobs((tmp_path / "blobs").as_uri()).get("a/b") == b"x"


async def test_on_disk_folders_that_come_and_go_do_not_disturb_a_put(on_disk):
    async def come_and_go(worker):
        for number in range(60):
            key = f"sources/{worker}-{number}/source"
            await on_disk.put(key, b"x")
            await on_disk.delete([key])

    await asyncio.gather(*(come_and_go(worker) for worker in range(6)))
    assert await keys(on_disk, "sources") == []


async def test_on_disk_a_reader_sees_the_old_or_the_new(on_disk):
    versions = {b"a" * 300_000, b"b" * 200_000}
    await on_disk.put("a/b", b"a" * 300_000)

    async def write():
        for _ in range(10):
            for version in versions:
                await on_disk.put("a/b", version)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await on_disk.get("a/b") in versions
    await writing


async def test_on_disk_what_cannot_be_stored_is_a_storage_error(on_disk, tmp_path):
    (tmp_path / "blobs" / "results").write_bytes(b"in the way")
    with pytest.raises(StorageFailed) as caught:
        await on_disk.put("results/a/1.png", b"x")
    assert str(tmp_path) not in caught.value.public_message


def test_a_folder_with_spaces_in_its_name_works(tmp_path):
    Blobs((tmp_path / "my own blobs").as_uri())
    assert (tmp_path / "my own blobs").is_dir()


@pytest.mark.parametrize(
    "url", ["", "blobs", "/var/blobs", "file:///", "file://host/x", "s3://bucket", "http://x/"]
)
def test_urls_that_cannot_work_are_refused(url):
    with pytest.raises(StoreUrlInvalid):
        Blobs(url)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match="cannot be created"):
        Blobs((tmp_path / "file" / "blobs").as_uri())
