"""Downloading scans over HTTP from a local server."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from common.catalogue import Painting, load_catalogue, needs_download
from engine.styles.cli import main
from engine.styles.fetch import FetchError, fetch_scan
from tests.kit.pictures import encoded


@cache
def picture(width: int = 640, height: int = 507, kind: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), kind)


Answer = Callable[[BaseHTTPRequestHandler], None]


def send_bytes(data: bytes, *, status: int = 200, declared: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data) if declared is None else declared))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(unquote(self.path))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http_server.server_port}/files/", requested
        finally:
            http_server.shutdown()
            thread.join()


@pytest.fixture
def starry() -> Painting:
    painting = load_catalogue().get("starry-night")
    assert painting is not None
    return painting


def test_a_scan_is_fetched_once_and_kept(starry: Painting, tmp_path: Path) -> None:
    data = picture()
    reports: list[tuple[int, int | None]] = []
    with server(send_bytes(data)) as (mirror, requested):
        first = fetch_scan(
            starry,
            tmp_path / "styles",
            mirror=mirror,
            progress=lambda *report: reports.append(report),
        )
        second = fetch_scan(starry, tmp_path / "styles", mirror=mirror)
    assert first == second
    assert first.read_bytes() == data
    assert requested == [f"/files/{starry.scan.commons_file}"]
    assert reports[-1] == (len(data), len(data))
    assert not needs_download(starry, tmp_path / "styles")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (send_bytes(b"", status=404), "answered 404"),
        (send_bytes(b"<html>sign in</html>"), "not a complete JPEG or PNG"),
        (send_bytes(picture()[:9000]), "not a complete JPEG or PNG"),
        (send_bytes(picture(64, 64, "GIF")), "not a complete JPEG or PNG"),
        (send_bytes(picture(), declared=10_000_000), "broke off"),
        (send_bytes(picture(640, 640)), "a different picture"),
        (send_bytes(picture(120, 95)), "at least 256"),
        (send_bytes(bytes(3_000_000)), "larger than 1 MiB"),
    ],
)
def test_wrong_or_broken_scan_is_refused_and_not_kept(
    starry: Painting, tmp_path: Path, answer: Answer, message: str
) -> None:
    with server(answer) as (mirror, _), pytest.raises(FetchError) as refused:
        fetch_scan(starry, tmp_path, mirror=mirror, max_bytes=2**20, timeout_seconds=5)
    assert message in str(refused.value)
    assert starry.name in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_trickling_server_times_out(starry: Painting, tmp_path: Path) -> None:
    """A server that never stops sending would block the engine."""

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(200):
                handler.wfile.write(b"x")
                time.sleep(0.05)

    started_at = time.monotonic()
    with server(trickle) as (mirror, _), pytest.raises(FetchError, match="silent for too long"):
        fetch_scan(starry, tmp_path, mirror=mirror, timeout_seconds=0.5)
    assert time.monotonic() - started_at < 5


def test_redirect_or_mirror_outside_the_web_is_refused(starry: Painting, tmp_path: Path) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "file:///etc/hostname")
        handler.end_headers()

    with server(redirect) as (mirror, _), pytest.raises(FetchError):
        fetch_scan(starry, tmp_path, mirror=mirror)
    with pytest.raises(FetchError, match="not a web address"):
        fetch_scan(starry, tmp_path, mirror="file:///tmp")


def test_refused_connection_fails_with_a_reason(starry: Painting, tmp_path: Path) -> None:
    with server(send_bytes(b"")) as (mirror, _):
        pass
    with pytest.raises(FetchError, match=r"could not be downloaded: .*refuses"):
        fetch_scan(starry, tmp_path, mirror=mirror)


def test_styles_command_fetches_and_lists_scans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--styles-dir", str(tmp_path)]
    with server(send_bytes(picture())) as (mirror, _):
        assert main([*folder, "fetch", "starry-night", "--mirror", mirror]) == 0
        assert main([*folder, "fetch", "starry-night", "the-kiss", "--mirror", mirror]) == 1
    captured = capsys.readouterr()
    assert "a different picture" in captured.err
    assert "1 of 2" in captured.err
    assert main([*folder, "list", "van gogh"]) == 0
    assert "scan" in capsys.readouterr().out
    assert main([*folder, "fetch", "mona-lisa"]) == 2
    assert "no painting mona-lisa" in capsys.readouterr().err
