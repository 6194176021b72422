"""Fetching scans, over real HTTP from a server of this machine."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from common.catalogue import Painting, Ready, load_catalogue
from engine.styles.cli import main
from engine.styles.fetch import FetchError, fetch_scan
from tests.kit.pictures import encoded


def picture(width: int = 640, height: int = 507, kind: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), kind)


Answer = Callable[[BaseHTTPRequestHandler], None]


def sending(data: bytes, *, status: int = 200, declared: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data) if declared is None else declared))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(unquote(self.path))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_port}/files/", asked
        finally:
            served.shutdown()
            thread.join()


@pytest.fixture
def starry() -> Painting:
    painting = load_catalogue().get("starry-night")
    assert painting is not None
    return painting


def test_a_scan_is_fetched_once_and_kept(starry: Painting, tmp_path: Path) -> None:
    data = picture()
    told: list[tuple[int, int | None]] = []
    with server(sending(data)) as (mirror, asked):
        first = fetch_scan(
            starry, tmp_path / "styles", mirror=mirror, progress=lambda *each: told.append(each)
        )
        again = fetch_scan(starry, tmp_path / "styles", mirror=mirror)
    assert first == again
    assert first.read_bytes() == data
    assert asked == [f"/files/{starry.scan.commons_file}"]
    assert told[-1] == (len(data), len(data))
    assert isinstance(load_catalogue().availability(starry, tmp_path / "styles"), Ready)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sending(b"", status=404), "answered 404"),
        (sending(b"<html>sign in</html>"), "not a complete JPEG or PNG"),
        (sending(picture()[:9000]), "not a complete JPEG or PNG"),
        (sending(picture(kind="GIF")), "not a complete JPEG or PNG"),
        (sending(picture(), declared=10_000_000), "broke off"),
        (sending(picture(640, 640)), "a different picture"),
        (sending(picture(120, 95)), "at least 256"),
        (sending(bytes(3_000_000)), "larger than 1 MiB"),
    ],
)
def test_wrong_or_broken_scan_is_refused_and_not_kept(
    starry: Painting, tmp_path: Path, answer: Answer, words: str
) -> None:
    with server(answer) as (mirror, _), pytest.raises(FetchError) as refused:
        fetch_scan(starry, tmp_path, mirror=mirror, max_bytes=2**20, timeout_seconds=5)
    assert words in str(refused.value)
    assert starry.name in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_trickling_server_times_out(starry: Painting, tmp_path: Path) -> None:
    """It is never silent, and the engine does nothing else meanwhile."""

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(200):
                handler.wfile.write(b"x")
                time.sleep(0.05)

    began = time.monotonic()
    with server(trickle) as (mirror, _), pytest.raises(FetchError, match="silent for too long"):
        fetch_scan(starry, tmp_path, mirror=mirror, timeout_seconds=0.5)
    assert time.monotonic() - began < 5


def test_redirect_or_mirror_outside_the_web_is_refused(starry: Painting, tmp_path: Path) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "file:///etc/hostname")
        handler.end_headers()

    with server(elsewhere) as (mirror, _), pytest.raises(FetchError):
        fetch_scan(starry, tmp_path, mirror=mirror)
    with pytest.raises(FetchError, match="not a web address"):
        fetch_scan(starry, tmp_path, mirror="file:///tmp")


def test_refused_connection_fails_with_a_reason(starry: Painting, tmp_path: Path) -> None:
    with server(sending(b"")) as (mirror, _):
        pass
    with pytest.raises(FetchError, match=r"could not be downloaded: .*refuses"):
        fetch_scan(starry, tmp_path, mirror=mirror)


def test_styles_command_fetches_and_lists_scans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--styles-dir", str(tmp_path)]
    with server(sending(picture())) as (mirror, _):
        assert main([*folder, "fetch", "starry-night", "--mirror", mirror]) == 0
        assert main([*folder, "fetch", "starry-night", "the-kiss", "--mirror", mirror]) == 1
    heard = capsys.readouterr()
    assert "a different picture" in heard.err
    assert "1 of 2" in heard.err
    assert main([*folder, "list", "van gogh"]) == 0
    assert "scan" in capsys.readouterr().out
    assert main([*folder, "fetch", "mona-lisa"]) == 2
    assert "no painting mona-lisa" in capsys.readouterr().err
