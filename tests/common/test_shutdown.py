"""Shutdown by a signal on Windows."""

import asyncio
import signal
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
