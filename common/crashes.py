"""Detects crash loops, with a file in the data folder that survives restarts."""

import contextlib
import json
import time
from pathlib import Path

from common.files import write_whole

FILE = "crashes.json"
WINDOW_SECONDS = 600.0
LOOP = 3
"""Crashes within the window that make a loop."""
ENGINE_ON = "engine on "
"""What the name of an engine begins with; its device follows."""


def note(folder: Path, who: str) -> None:
    """Record that a program crashed, or started without an orderly end before."""
    known = _recent(folder)
    known.setdefault(who, []).append(time.time())
    _write(folder, known)


def take_back(folder: Path, who: str) -> None:
    """Remove the last record: the program ended in order after all."""
    known = _recent(folder)
    if known.pop(who, None) is not None:
        _write(folder, known)


def loops(folder: Path) -> list[str]:
    """The programs with at least `LOOP` crashes within the window."""
    return sorted(who for who, times in _recent(folder).items() if len(times) >= LOOP)


def _recent(folder: Path) -> dict[str, list[float]]:
    try:
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        now = time.time()  # ignore times in the future, after a clock was set back
        known = {
            str(who): [float(at) for at in times if now - WINDOW_SECONDS < at <= now]
            for who, times in stored.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {who: times for who, times in known.items() if times}


def _write(folder: Path, known: dict[str, list[float]]) -> None:
    with contextlib.suppress(OSError):  # a full disk is reported elsewhere
        write_whole(folder / FILE, json.dumps(known).encode())
