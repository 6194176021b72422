"""Returning freed memory to the system: allocator settings and dropped library pages."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import re
from pathlib import Path
from engine.allocator import drop_read_libraries, fit_blocks_to, give_large_blocks_back
give_large_blocks_back()
import torch

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

torch.ones(6 << 20)  # freeing 24 MiB would raise the dynamic threshold of glibc
for network, mib in (("vgg19", 20), ("lite", 5)):
    fit_blocks_to(network)
    before = resident()
    large = [torch.ones(mib << 18) for _ in range(160 // mib)]
    small = torch.ones(10)
    held = resident() - before
    del large
    print(held >> 20, resident() - before >> 20)

def file_pages_kib():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = file_pages_kib()
drop_read_libraries()
after = file_pages_kib()
picture = torch.ones(1, 3, 8, 8, requires_grad=True)
torch.nn.functional.conv2d(picture, torch.ones(2, 3, 3, 3)).sum().backward()
print(before, after, float(picture.grad.sum()))
"""


@pytest.fixture(scope="module")
def measurements() -> list[list[float]]:
    """The numbers that the script printed, by line."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [[float(number) for number in line.split()] for line in done.stdout.splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are of glibc")
def test_freed_large_tensors_return_their_memory_at_once(measurements: list[list[float]]) -> None:
    for held, left in measurements[:2]:  # VGG-19, then lite
        assert held >= 150
        assert left <= 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_dropped_library_pages_are_read_again_when_needed(
    measurements: list[list[float]],
) -> None:
    before, after, grad = measurements[2]
    assert after < before / 2
    assert grad == 2 * 27 * 6 * 6
