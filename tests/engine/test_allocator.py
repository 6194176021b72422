"""Memory of tensors: what the programs that paint ask of the C library."""

import os
import subprocess
import sys

import pytest

_SHRINKS = """
from engine.allocator import give_large_blocks_back
give_large_blocks_back()
import torch

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

torch.ones(6 << 20)  # 24 MiB, after which glibc would by itself keep all that is as large
before = resident()
large, small = [torch.ones(5 << 20) for _ in range(8)], torch.ones(10)
held = resident() - before
del large
print(held >> 20, resident() - before >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is told")
def test_what_large_tensors_took_is_given_back_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SHRINKS],
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    held, left = (int(one) for one in done.stdout.split())
    assert held >= 150
    assert left <= 30
