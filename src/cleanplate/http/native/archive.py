"""Batches as ZIP files: pictures in, results out, one picture in memory at a time."""

from __future__ import annotations

import asyncio
import io
import json
import re
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from cleanplate.errors import CleanplateError
from cleanplate.http.errors import BatchInvalid, BatchTooLarge
from cleanplate.task import Picture, State

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

IGNORED = re.compile(r"(^|/)(__MACOSX/|\.[^/]*$|Thumbs\.db$)")  # what file managers add
UNFIT = re.compile(r"[^\w .()+@=,-]+")  # for the name of a file on any system
LONGEST_NAME = 120
MANIFEST = "manifest.json"
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def pictures_in(data: bytes, most: int, picture_bytes: int, total_bytes: int) -> list[Picture]:
    """The pictures in an uploaded ZIP, none of them unpacked yet.

    Sizes are believed here as the ZIP tells them, and held to when a picture is unpacked.

    Args:
        data: the ZIP.
        most: pictures accepted.
        picture_bytes: of one picture, unpacked.
        total_bytes: of all of them, unpacked.

    Raises:
        BatchInvalid: it is not a ZIP, is encrypted, or has no pictures.
        BatchTooLarge: one of the limits is exceeded.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [one for one in archive.infolist() if not one.is_dir() and not IGNORED.search(one.filename)]
    except _UNREADABLE as error:
        raise BatchInvalid("The file is not a ZIP that can be read.", detail=repr(error)[:200]) from error
    if not members:
        raise BatchInvalid("There are no pictures in the ZIP.")
    if len(members) > most:
        raise BatchTooLarge(f"There are {len(members)} pictures in the ZIP, and at most {most} are accepted.")
    if any(one.flag_bits & 1 for one in members):
        raise BatchInvalid("The ZIP is encrypted: send it without a password.")
    if max(one.file_size for one in members) > picture_bytes:
        raise BatchTooLarge(f"A picture in the ZIP is larger than {picture_bytes} bytes.")
    if sum(one.file_size for one in members) > total_bytes:
        raise BatchTooLarge(f"The pictures in the ZIP are larger than {total_bytes} bytes together.")

    def unpacked(member: zipfile.ZipInfo) -> bytes:
        try:
            with archive.open(member) as file:
                picture = file.read(member.file_size + 1)
        except _UNREADABLE as error:
            raise BatchInvalid(f"{member.filename[:100]} in the ZIP cannot be unpacked.") from error
        if len(picture) > member.file_size:
            raise BatchInvalid(f"{member.filename[:100]} in the ZIP is larger than it says.")
        return picture

    return [Picture(one.filename[:255], read=lambda one=one: unpacked(one)) for one in members]


async def results_of(desk: Desk, tasks: Sequence[Task]) -> AsyncGenerator[bytes]:
    """A ZIP of what is done, written while it is read, with a `manifest.json` that tells of every picture.

    Pictures are stored as they are: they are compressed already.
    """
    sink = _Sink()
    archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED)
    manifest: list[dict[str, Any]] = []
    for place, task in enumerate(tasks):
        told: dict[str, Any] = {
            "id": task.id,
            "name": task.request.name,
            "state": task.state.value,
            "file": None,
        }
        if task.failure is not None:
            told["error"] = {"code": task.failure.code, "detail": task.failure.message}
        if task.outcome is not None and task.state is State.DONE:
            try:
                data = await desk.services.blobs.get(task.outcome.result_key)
            except CleanplateError as error:
                told["error"] = {"code": error.code, "detail": error.public_message}
            else:
                told["file"] = _file_name(place, task.request.name or task.id, task.outcome.extension)
                told["changed"] = task.outcome.changed
                await asyncio.to_thread(archive.writestr, told["file"], data)
        manifest.append(told)
        yield sink.taken()
    archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
    archive.close()
    yield sink.taken()


def _file_name(place: int, name: str, extension: str) -> str:
    """A name that no other result has: `0007 holiday.jpg`."""
    stem = UNFIT.sub("_", PurePosixPath(name.replace("\\", "/")).stem)[:LONGEST_NAME].strip(" .")
    return f"{place + 1:04} {stem or 'picture'}.{extension}"


class _Sink(io.RawIOBase):
    """Takes what is written until it is fetched; it cannot go back, so the ZIP is written in one go."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """All that was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
