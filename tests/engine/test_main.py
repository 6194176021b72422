"""`python -m engine` before anything is painted."""

import subprocess
import sys

import pytest

_ASKS = """
import sys
from engine.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    print(left.code, "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["--until-stdin-close5"], 2),
        (["paint", "--help"], 0),
        (["paint", "photo.png", "--sizze", "512"], 2),
        (["paint"], 2),
        (["styles", "--help"], 0),
    ],
)
def test_help_and_mistyped_flags_do_not_wait_for_torch(asked: list[str], status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASKS, *asked],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == f"{status} False", done.stderr
