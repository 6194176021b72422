"""Ctrl-C while a command is still loading is one line."""

import subprocess
import sys

import pytest

INTERRUPTED_WHILE_LOADING = """
import builtins, runpy, sys

module, late = sys.argv[1:]
load = builtins.__import__

def interrupted(name, *rest, **named):
    if name.partition(".")[0] == late:
        raise KeyboardInterrupt
    return load(name, *rest, **named)

builtins.__import__ = interrupted
sys.argv = ["-m"]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("module", "late"),
    [
        ("bot", "discord"),
        ("jobs", "sqlalchemy"),
        ("engine", "argparse"),
        ("engine", "torch"),
        ("sandbox", "aiohttp"),
    ],
)
def test_interrupt_while_loading_prints_one_line(module: str, late: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING, module, late],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stderr == "Stopped.\n"
    assert ended.returncode != 0
