"""The CPU time limit on systems without SIGXCPU."""

import os
import sys
import threading
import time

import pytest

from common import confining
from common.confining import is_too_slow, processor_time


def test_windows_watchdog_thread_ends_a_cpu_hungry_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes: list[int] = []
    ended = threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()
        sys.exit()  # ends the watchdog thread only

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(confining, "_WATCH_SECONDS", 0.01)
    monkeypatch.setattr(sys, "platform", "win32")
    with processor_time(60.0):
        time.sleep(0.03)
    assert not codes
    with processor_time(-1.0):
        assert ended.wait(5)
    assert is_too_slow(codes[0])
    assert not is_too_slow(1)
