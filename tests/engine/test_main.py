"""What `python -m engine` loads before it paints."""

import importlib
import json
import subprocess
import sys

import pytest

from engine import __main__ as engine_main

_SCRIPT = """
import json, sys
from engine.__main__ import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as exit:
        print("ended", exit.code, "torch" in sys.modules)
"""


def test_help_and_mistyped_flags_do_not_load_torch() -> None:
    statuses = {
        ("--help",): 0,
        ("--version",): 0,
        ("--until-stdin-close5",): 2,
        ("paint", "--help"): 0,
        ("paint", "photo.png", "--sizze", "512"): 2,
        ("paint",): 2,
        ("styles", "--help"): 0,
    }
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps([*statuses])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ends = [line for line in done.stdout.splitlines() if line.startswith("ended")]
    assert ends == [f"ended {status} False" for status in statuses.values()], done.stderr


def test_library_pages_are_dropped_only_after_modules_were_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(engine_main, "drop_read_libraries", lambda: calls.append(None))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    for _ in range(2):
        with engine_main._loading():
            importlib.import_module("colorsys")
    assert len(calls) == 1
