"""Programs that end again and again, remembered in the data folder from one start to the next."""

import contextlib
import json
import time
from pathlib import Path

from common.files import write_whole

FILE = "crashes.json"
WINDOW_SECONDS = 600.0
LOOP = 3
"""So many ends within the window are a loop."""


def note(folder: Path, who: str) -> None:
    """Remember that a program ended by itself, or began without having ended in order."""
    known = _recent(folder)
    known.setdefault(who, []).append(time.time())
    _write(folder, known)


def take_back(folder: Path, who: str) -> None:
    """It ended in order after all: what was noted of it counts no longer."""
    known = _recent(folder)
    if known.pop(who, None) is not None:
        _write(folder, known)


def loops(folder: Path) -> list[str]:
    """The programs that ended `LOOP` times or more within the window."""
    return sorted(who for who, times in _recent(folder).items() if len(times) >= LOOP)


def _recent(folder: Path) -> dict[str, list[float]]:
    try:
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        now = time.time()  # a clock that was put back must not keep an end in mind until then
        known = {
            str(who): [float(at) for at in times if now - WINDOW_SECONDS < at <= now]
            for who, times in stored.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {who: times for who, times in known.items() if times}


def _write(folder: Path, known: dict[str, list[float]]) -> None:
    with contextlib.suppress(OSError):  # a full disk is told elsewhere
        write_whole(folder / FILE, json.dumps(known).encode())
