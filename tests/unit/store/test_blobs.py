from __future__ import annotations

import asyncio
import os
import stat
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

from backends import ACCESS_KEY, BUCKET, SECRET_KEY
from cleanplate import settings
from cleanplate.store import BlobKeyInvalid, BlobMissing, Blobs, StorageFailed, StoreUrlInvalid


@pytest.fixture(params=["file", "memory", "s3"])
def blobs(request, tmp_path):
    """Every kind of store; every test with this fixture is the suite that each has to pass."""
    if request.param == "s3":
        return request.getfixturevalue("on_s3")()
    return Blobs((tmp_path / "blobs").as_uri() if request.param == "file" else "memory:///")


@pytest.fixture
def on_s3(s3):
    """Make a store on the S3 server, with a prefix of its own."""
    prefix = uuid.uuid4().hex

    def make(url=f"s3://{BUCKET}/{prefix}/deep", **changes):
        section = {"endpoint": s3.endpoint, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
        return Blobs(url, settings.Blobs.model_validate({**section, "retry_seconds": 0.2, **changes}))

    return make


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
    assert size == len(data) == await blobs.size("a/big")
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
    "url",
    [
        *("", "blobs", "/var/blobs", "file:///", "file://host/x", "http://x/"),
        *("s3://", "s3:///prefix", "s3://key:secret@bucket", "s3://bucket:9000/x", "s3://bucket/x?region=y"),
    ],
)
def test_urls_that_cannot_work_are_refused(url):
    with pytest.raises(StoreUrlInvalid):
        Blobs(url)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match="cannot be created"):
        Blobs((tmp_path / "file" / "blobs").as_uri())


def fetch(url, method="GET"):
    """What anybody gets under a URL: status, headers, body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, b""


async def test_a_presigned_link_gives_the_picture_with_its_type_and_name(on_s3):
    blobs = on_s3(redirect=True)
    await blobs.put("results/some-task/2.webp", b"picture", "image/webp")
    url = await blobs.link("results/some-task/2.webp", 60)
    status, headers, body = await asyncio.to_thread(fetch, url)
    assert (status, body) == (200, b"picture")
    assert headers["Content-Type"] == "image/webp"
    assert headers["Content-Disposition"] == 'inline; filename="some-task.webp"'
    assert url.partition("?")[0].endswith("/results/some-task/2.webp")
    assert SECRET_KEY not in url
    head = await blobs.link("results/some-task/2.webp", 60, "HEAD")
    assert (await asyncio.to_thread(fetch, head, "HEAD"))[0] == 200


async def test_a_presigned_link_is_for_one_picture_and_a_time(on_s3):
    blobs = on_s3(redirect=True)
    await blobs.put("results/a/1.png", b"mine", "image/png")
    await blobs.put("results/b/1.png", b"yours", "image/png")
    url = await blobs.link("results/a/1.png", 60)
    for forged in (
        url.replace("results/a/", "results/b/"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=99"),
    ):
        assert (await asyncio.to_thread(fetch, forged))[0] == 403
    assert "X-Amz-Expires=604800" in await blobs.link("results/a/1.png", 10**9)
    with pytest.raises(BlobKeyInvalid):
        await blobs.link("../x", 60)


async def test_a_presigned_link_leads_to_where_those_who_fetch_can_go(on_s3):
    blobs = on_s3(redirect=True, public_endpoint="https://pictures.example.org/")
    assert (await blobs.link("results/a/1.png", 60)).startswith(f"https://pictures.example.org/{BUCKET}/")


async def test_without_redirect_there_are_no_links(blobs):
    assert await blobs.link("results/a/1.png", 60) is None


@pytest.mark.parametrize(
    "wrong",
    [{"secret_key": "not the secret"}, {"endpoint": "http://127.0.0.1:1"}, {"url": "s3://no-such-bucket"}],
)
async def test_an_s3_server_that_cannot_be_used_is_a_storage_error_that_gives_no_secret_away(on_s3, wrong):
    blobs = on_s3(**wrong)
    for call in (blobs.put("a/b", b"x"), blobs.get("a/b")):
        with pytest.raises(StorageFailed) as caught:
            await call
        told = f"{caught.value} {caught.value.detail}"
        assert SECRET_KEY not in told
        assert "not the secret" not in told


async def test_an_s3_server_that_is_away_for_a_moment_is_waited_for(on_s3, s3):
    blobs = on_s3(retry_seconds=20)
    await blobs.put("a/before", b"x")
    s3.stop()
    putting = asyncio.create_task(blobs.put("a/during", b"y"))
    await asyncio.sleep(0)
    s3.start()
    await putting
    assert await blobs.get("a/during") == b"y"


def test_the_keys_of_s3_belong_together_and_are_not_shown():
    with pytest.raises(ValueError, match="belong together"):
        settings.Blobs.model_validate({"access_key": "key"})
    assert "hush" not in repr(settings.Blobs.model_validate({"access_key": "hush", "secret_key": "hush"}))
