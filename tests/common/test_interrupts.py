"""Ctrl-C while a command is loading."""

import subprocess
import sys

import pytest

INTERRUPT_IMPORT = """
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
    ("module", "interrupted_import"),
    [
        ("bot", "discord"),
        ("jobs", "sqlalchemy"),
        ("engine", "argparse"),
        ("engine", "torch"),
        ("sandbox", "aiohttp"),
    ],
)
def test_interrupt_while_loading_prints_one_line(module: str, interrupted_import: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT_IMPORT, module, interrupted_import],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == "Stopped.\n"
    assert done.returncode != 0
