"""Shutdown by a signal on Windows, and by the end of standard input."""

import asyncio
import signal
import subprocess
import sys

import pytest

from common.shutdown import on_signal


async def test_ctrl_break_on_windows_requests_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_implemented(*_: object) -> None:
        raise NotImplementedError

    def raise_closed(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    stop, break_signal = asyncio.Event(), signal.SIGUSR1
    before = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, break_signal)
    }
    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", "win32")
            patch.setattr(signal, "SIGBREAK", break_signal, raising=False)
            patch.setattr(asyncio.get_running_loop(), "add_signal_handler", not_implemented)
            on_signal(stop.set)
        signal.raise_signal(break_signal)
        await asyncio.wait_for(stop.wait(), 5)
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", raise_closed)
            signal.raise_signal(break_signal)  # after the event loop was closed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


WATCHES_STDIN = """
import asyncio, sys
from common.shutdown import on_stdin_end

async def run():
    stop = asyncio.Event()
    on_stdin_end(stop.set)
    print("watches", flush=True)
    if "fails" in sys.argv:
        raise RuntimeError("unforeseen")
    await stop.wait()

asyncio.run(run())
"""


@pytest.mark.parametrize(("ending", "status"), [("waits", 0), ("fails", 1)])
def test_process_that_watches_standard_input_ends_with_it_or_by_its_own_error(
    ending: str, status: int
) -> None:
    """Not by an abort, which would look like a crash of the device's driver."""
    with subprocess.Popen(
        [sys.executable, "-c", WATCHES_STDIN, ending],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"watches"
        if ending == "waits":
            process.stdin.close()
        assert process.wait(30) == status
