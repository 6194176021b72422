"""Downloads a painting's scan, checks and keeps it."""

import io
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, wait
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

from PIL import Image, UnidentifiedImageError

from common.catalogue import Painting
from common.catalogue.catalogue import kept_scan, scan_path
from common.files import write_whole
from common.pictures import DecodeLimits, DecoderUnavailableError, PictureError, decode_in_child
from common.sentences import ExplainedError, Sentence, sentence
from common.system_errors import system_reason
from common.version import VERSION

MAX_BYTES: Final = 24 * 1024 * 1024
MAX_PIXELS: Final = 60_000_000
LEAST_SIDE_PX: Final = 256
TIMEOUT_SECONDS: Final = 30.0
SLOWEST_BYTES_PER_SECOND: Final = 16 * 1024
"""Least average rate of a download, as all other jobs wait meanwhile."""
_CHUNK = 64 * 1024
_LOOK_SECONDS = 0.1
_FORMATS = ("JPEG", "PNG")
_AGENT = f"Atelier/{VERSION} (Discord bot that paints; it fetches each painting's scan once)"

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and their total, or None."""


class FetchError(ExplainedError):
    """A scan cannot be downloaded or used."""


class NotHereError(FetchError):
    """A scan cannot be stored or read on this machine; nothing is wrong with the scan."""


class FetchStoppedError(Exception):
    """The caller asked to stop."""


def fetch_scan(
    painting: Painting,
    styles_dir: Path,
    *,
    mirror: str | None = None,
    progress: Progress | None = None,
    max_bytes: int = MAX_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
    should_stop: Callable[[], bool] | None = None,
) -> Path:
    """The file of a painting's scan, downloaded and checked if it is not kept yet.

    The file is written atomically.

    Args:
        painting: of the catalogue.
        styles_dir: folder of the scans.
        mirror: address of a folder with the files under their names on Wikimedia Commons, to use
            instead of Wikimedia Commons.
        progress: called during the download.
        max_bytes: limit of the file's size.
        timeout_seconds: limit of silence, and of the delay beyond `SLOWEST_BYTES_PER_SECOND`.
        should_stop: asked several times a second; ends the wait once it returns true.

    Raises:
        FetchStoppedError: `should_stop` returned true.
        FetchError: the download failed, or is not the expected picture.
    """
    if (kept := kept_scan(painting, styles_dir)) is not None:
        return kept
    url = painting.image_url
    if mirror is not None:
        url = f"{mirror.rstrip('/')}/{quote(painting.scan.commons_file)}"

    def download(told: Progress | None) -> bytes:
        return _download(painting, url, told, max_bytes, timeout_seconds)

    data = download(progress) if should_stop is None else _unless(should_stop, download, progress)
    check_scan(painting, data)
    path = scan_path(painting, styles_dir)
    try:
        write_whole(path, data)
    except OSError as error:
        raise NotHereError(
            "The scan of {painting} cannot be saved in the folder {folder}: {reason}.",
            painting=painting.titled,
            folder=styles_dir.name,
            reason=system_reason(error),
        ) from error
    return path


def check_scan(painting: Painting, data: bytes) -> None:
    """Raise FetchError unless a file is a picture of the expected size and aspect.

    Reads only its header; the rest is decoded in a confined process.
    """
    name = painting.titled
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise FetchError(
                        "The scan of {painting} has {width} × {height} pixels, which is too many.",
                        painting=name,
                        width=width,
                        height=height,
                    )
        decode_in_child(data, DecodeLimits(max_bytes=len(data), max_pixels=MAX_PIXELS))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, PictureError) as error:
        raise FetchError(
            "What was downloaded as the scan of {painting} is not a complete JPEG or PNG picture.",
            painting=name,
        ) from error
    except DecoderUnavailableError as error:
        raise NotHereError(
            "The scan of {painting} cannot be read: {reason}.", painting=name, reason=str(error)
        ) from error
    if min(width, height) < LEAST_SIDE_PX:
        raise FetchError(
            "The scan of {painting} has only {width} × {height} pixels; each side needs at least "
            "{least}.",
            painting=name,
            width=width,
            height=height,
            least=LEAST_SIDE_PX,
        )
    wanted = painting.scan.aspect_ratio
    if abs(width / height / wanted - 1) > painting.scan.aspect_tolerance:
        raise FetchError(
            "The scan of {painting} is {width} × {height} pixels; its sides should be "
            "{wanted:g} to 1, so this is a different picture.",
            painting=name,
            width=width,
            height=height,
            wanted=wanted,
        )


def _download(
    painting: Painting, url: str, progress: Progress | None, max_bytes: int, timeout: float
) -> bytes:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise FetchError("{url} is not a web address.", url=url)
    asked = request.Request(url, headers={"User-Agent": _AGENT})  # noqa: S310 - checked above
    try:
        with _opener().open(asked, timeout=timeout) as answer:
            return _read(painting, answer, progress, max_bytes, timeout)
    except HTTPError as error:
        answered = sentence(
            "the server answered {code} ({reason})", code=error.code, reason=str(error.reason)
        )
        raise _not_downloaded(painting, answered) from error
    except URLError as error:
        raise _not_downloaded(painting, _of_url(error)) from error
    except (HTTPException, OSError) as error:
        raise _not_downloaded(painting, system_reason(error)) from error


def _of_url(error: URLError) -> str | Sentence:
    cause = error.reason
    return system_reason(cause) if isinstance(cause, OSError) else str(cause)


def _unless(
    should_stop: Callable[[], bool],
    download: Callable[[Progress | None], bytes],
    progress: Progress | None,
) -> bytes:
    """Download in a thread of its own, as a wait for a silent server cannot be interrupted.

    An abandoned download ends at its next bytes or with its time limit, and is discarded.

    Raises:
        FetchStoppedError: `should_stop` returned true.
    """
    ended: Future[bytes] = Future()
    given_up = threading.Event()

    def on_progress(received: int, total: int | None) -> None:
        if given_up.is_set():
            raise FetchStoppedError
        if progress is not None:
            progress(received, total)

    def run() -> None:
        try:
            ended.set_result(download(on_progress))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            ended.set_exception(error)

    # A daemon: the end of the program does not wait for it either.
    threading.Thread(target=run, name="scan", daemon=True).start()
    while not wait([ended], timeout=_LOOK_SECONDS).done:
        if should_stop():
            given_up.set()
            raise FetchStoppedError
    return ended.result()


def _not_downloaded(painting: Painting, reason: str | Sentence) -> FetchError:
    return FetchError(
        "The scan of {painting} could not be downloaded: {reason}.",
        painting=painting.titled,
        reason=reason,
    )


def _opener() -> request.OpenerDirector:
    # Only the web: a redirection must not lead to files of this machine, nor to FTP.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _read(
    painting: Painting,
    answer: HTTPResponse,
    progress: Progress | None,
    max_bytes: int,
    timeout: float,
) -> bytes:
    declared = answer.headers.get("Content-Length")
    total = int(declared) if declared and declared.isdigit() else None
    data = bytearray()
    began = time.monotonic()
    while chunk := answer.read1(_CHUNK):
        data += chunk
        if time.monotonic() - began > timeout + len(data) / SLOWEST_BYTES_PER_SECOND:
            raise TimeoutError
        if len(data) > max_bytes:
            raise FetchError(
                "The scan of {painting} is larger than {limit:g} MiB.",
                painting=painting.titled,
                limit=max_bytes / 2**20,
            )
        if progress is not None:
            progress(len(data), total)
    if total is not None and len(data) < total:
        raise FetchError(
            "The download of {painting} broke off after {received} of {total} bytes.",
            painting=painting.titled,
            received=len(data),
            total=total,
        )
    return bytes(data)
