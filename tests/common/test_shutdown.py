"""Ending in order where the system has other signals."""

import asyncio
import signal
import sys

import pytest

from common.shutdown import on_signal


async def test_ctrl_break_on_windows_requests_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise NotImplementedError

    def closed(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    stop, stand_in = asyncio.Event(), signal.SIGUSR1
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, stand_in)}
    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", "win32")
            patch.setattr(signal, "SIGBREAK", stand_in, raising=False)
            patch.setattr(asyncio.get_running_loop(), "add_signal_handler", refused)
            on_signal(stop.set)
        signal.raise_signal(stand_in)
        await asyncio.wait_for(stop.wait(), 5)
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", closed)
            signal.raise_signal(stand_in)  # at the very end of the program
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
