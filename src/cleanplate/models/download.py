"""Downloading one file whose size and SHA-256 are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cleanplate.models.errors import DownloadFailed, DownloadWrong

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedWriter
    from pathlib import Path

SECONDS = 30.0  # of silence after which a connection is given up
PIECE_BYTES = 64 * 1024
FINAL = (400, 401, 403, 404, 410, 451)  # answers that another try will not change


def download(
    address: str,
    file: Path,
    *,
    sha256: str,
    size: int,
    tries: int = 3,
    told: Callable[[int], None] | None = None,
) -> None:
    """Fetch `address` into `file`, which appears only when it is whole and right.

    Args:
        address: http or https.
        file: where to; its folder is there.
        sha256: what it must have, in hexadecimal.
        size: its bytes; no more are taken.
        tries: how often to try before giving up; what will not change (404) is tried once.
        told: how many bytes have come so far; starts again from 0 with each try.

    Raises:
        DownloadFailed: it could not be had.
        DownloadWrong: something else was had.
        OSError: the file cannot be written.
    """
    import pooch  # loaded here, with its HTTP client: only a download needs them
    from requests import exceptions

    pooch.get_logger().setLevel("ERROR")  # its progress is told in our words

    def fetch(url: str, target: str, caller: Any) -> None:
        get = pooch.HTTPDownloader(chunk_size=PIECE_BYTES, timeout=SECONDS)
        with open(target, "wb") as output:  # noqa: PTH123  # what pooch hands over is a string
            try:
                get(url, _Measured(output, size, told), caller)
            except exceptions.HTTPError as error:
                if error.response is not None and error.response.status_code in FINAL:
                    raise _failed(url, _reason(error)) from error
                raise

    shelf = cast("Any", pooch).create(  # it is typed only in part
        path=file.parent,
        base_url="",
        registry={file.name: f"sha256:{sha256}"},
        urls={file.name: address},
        retry_if_failed=tries - 1,
    )
    try:
        shelf.fetch(file.name, downloader=fetch)
    except exceptions.RequestException as error:
        if isinstance(error, ValueError):  # whatever it is called in detail
            raise _failed(address, "this is not an address") from error
        raise _failed(address, _reason(error)) from error
    except ValueError as error:  # pooch's word for another hash
        raise DownloadWrong(
            f"What {address} has is not the network of the catalogue (another SHA-256), and was thrown away.",
            detail=str(error),
        ) from error


class _Measured:
    """A file that takes no more than it should, and says how much it has taken."""

    def __init__(self, output: BufferedWriter, most: int, told: Callable[[int], None] | None) -> None:
        self._output, self._most, self._told = output, most, told
        self._taken = 0

    def write(self, piece: bytes) -> int:
        self._taken += len(piece)
        if self._taken > self._most:
            raise DownloadWrong(f"The server sends more than the {self._most} bytes that the network has.")
        if self._told is not None:
            self._told(self._taken)
        return self._output.write(piece)

    def flush(self) -> None:
        self._output.flush()


def _failed(address: str, reason: str) -> DownloadFailed:
    return DownloadFailed(
        f"{address} could not be downloaded ({reason}): check the connection, or set "
        "CLEANPLATE_MODELS__MIRROR to a server that has it."
    )


def _reason(error: Exception) -> str:
    """In a few words; what the library says goes over many lines."""
    name = type(error).__name__
    words = {
        "ConnectionError": "no connection",
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "the server fell silent",
        "ChunkedEncodingError": "the connection broke off",
        "SSLError": "its certificate is not trusted",
        "ProxyError": "the proxy does not let it through",
        "TooManyRedirects": "it is redirected in circles",
    }
    if name == "HTTPError":
        answer = getattr(error, "response", None)
        return f"the server answers {getattr(answer, 'status_code', 'an error')}"
    return words.get(name, name)
