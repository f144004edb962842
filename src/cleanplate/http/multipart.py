"""multipart/form-data, part by part onto temporary files while it streams in."""

from __future__ import annotations

import re
from tempfile import SpooledTemporaryFile

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cleanplate.http.errors import BodyInvalid, TooManyFields
from cleanplate.http.form import MAX_NAME, MAX_TEXT, Part, Value

SPOOL_BYTES = 256 * 1024  # a part stays in memory up to here
BOUNDARY_LINE = re.compile(rb"\r?\n?--([!-~][ -~]{0,199}?)[ \t]*\r?\n")


def find_boundary(content_type: str, start: bytes) -> bytes | None:
    """The boundary that separates the parts.

    Clients set `Content-Type: multipart/form-data` by hand, without a boundary or with one copied from
    elsewhere; what the body itself begins with is what counts.

    Args:
        content_type: the header as sent.
        start: the body's first bytes, a whole line at least.

    Returns:
        None when the body does not begin with a boundary.
    """
    declared = parse_options_header(content_type)[1].get(b"boundary", b"")
    if declared and start.lstrip(b"\r\n").startswith(b"--" + declared):
        return declared
    line = BOUNDARY_LINE.match(start)
    return line.group(1) if line else None


class MultipartBody:
    """A multipart body that is being received.

    `write` may run in a thread, one call at a time.

    Args:
        boundary: as `find_boundary` found it.
        max_parts: most parts accepted.
    """

    def __init__(self, boundary: bytes, max_parts: int) -> None:
        self._max_parts = max_parts
        self._parts: list[Part] = []
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise BodyInvalid("The form's boundary is too long.") from error

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BodyInvalid: this is not a form.
            TooManyFields: it has more parts than are accepted.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise BodyInvalid("The form could not be read.", detail=str(error)) from error

    def fields(self) -> list[tuple[str, Value]]:
        """All parts, once the body is complete; short ones without a file name as text.

        Raises:
            BodyInvalid: its end is missing.
        """
        if not self._ended:
            raise BodyInvalid("The form is cut short: its closing boundary is missing.")
        return [(part.name, _text_of(part)) for part in self._parts]

    def close(self) -> None:
        """Remove the temporary files."""
        for part in self._parts:
            part.spool.close()

    def _on_part_begin(self) -> None:
        if len(self._parts) >= self._max_parts:
            raise TooManyFields(f"The form has more than {self._max_parts} fields.")
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        options = parse_options_header(self._disposition)[1]
        name = options.get(b"name")
        if name is None or len(name) > MAX_NAME:
            raise BodyInvalid("A part of the form has no name, or too long a one.")
        spool = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115  # closed by `close`, with the request
        self._parts.append(Part(name.decode("utf-8", "replace"), b"filename" in options, 0, spool))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        part.spool.write(data[start:end])
        part.size += end - start

    def _on_end(self) -> None:
        self._ended = True


def _text_of(part: Part) -> str | Part:
    if part.is_file or part.size > MAX_TEXT:
        return part
    try:
        return part.read().decode("utf-8")
    except UnicodeDecodeError:
        return part
