"""Deleting expired pictures, if the clock is right."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.kit.samples import Storage, reload


def test_gc_reports_deleted_files(storage: Storage) -> None:
    code, text = run("gc", "--trust-clock")
    assert code == 0
    assert text.startswith("Deleted the pictures of 0 jobs: 0 files (0.0 MB) and ")


DAY_SECONDS = 86_400.0


@pytest.mark.parametrize(
    ("off_seconds", "expected"),
    [
        (0.0, None),
        (-600.0, None),
        (-400 * DAY_SECONDS, "is 400 days ahead of Discord's"),
        (3 * 3600.0, "is 180 minutes behind Discord's"),
    ],
)
def test_gc_deletes_nothing_while_the_clock_is_wrong(
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    off_seconds: float,
    expected: str | None,
) -> None:
    """With a clock far ahead, all pictures would count as expired."""
    assert asyncio.run(finished_pictures(storage)) == 1
    with serve_clock(time.time() + off_seconds) as address:
        monkeypatch.setenv("DISCORD_API_URL", address)
        code, text = run("gc")
    if expected is None:
        assert (code, text.partition(" ")[0]) == (0, "Deleted")
    else:
        error = capsys.readouterr().err
        assert (code, text) == (1, "")
        assert "Nothing is deleted." in error
        assert expected in error
    assert asyncio.run(finished_pictures(storage)) == 1


def test_gc_without_an_answer_of_discord_needs_trust_in_the_clock(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_clock(time.time()) as address:
        pass  # the server is closed again
    monkeypatch.setenv("DISCORD_API_URL", address)
    assert run("gc") == (1, "")
    assert "add --trust-clock" in capsys.readouterr().err
    assert run("gc", "--trust-clock")[0] == 0


async def finished_pictures(storage: Storage) -> int:
    async with await JobQueue.open(storage.settings()) as queue:
        job = await reload(queue, 1)
        return int(job.pictures_deleted_at is None)


@contextlib.contextmanager
def serve_clock(seconds: float) -> Iterator[str]:
    """Serve Discord's API with this time as date; the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(seconds, usegmt=True)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v10"
        finally:
            server.shutdown()
            thread.join()
