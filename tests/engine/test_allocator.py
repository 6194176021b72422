"""Returning freed memory to the system: allocator settings and dropped library pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import re
import resource
from pathlib import Path
from engine.allocator import drop_read_libraries, fit_blocks_to, give_large_blocks_back
give_large_blocks_back()
import torch

def resident():
    "Without files, whose pages the system takes back when it likes."
    pages, of_files = Path("/proc/self/statm").read_text().split()[1:3]
    return (int(pages) - int(of_files)) * 4096

def print_memory(large_mib, small_mib):
    before = resident()
    large = [torch.ones(large_mib << 18) for _ in range(160 // large_mib)]
    pinned = torch.ones(10)
    held = resident() - before
    del large
    left = resident() - before
    torch.ones(small_mib << 18)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(small_mib << 18)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    print(held >> 20, left >> 20, faults)

torch.ones(6 << 20)  # freeing 24 MiB would raise the dynamic threshold of glibc
print_memory(20, 8)
for network, large_mib, small_mib in (("vgg19", 20, 8), ("lite", 5, 2)):
    fit_blocks_to(network)
    print_memory(large_mib, small_mib)

def flags_of(tensor):
    around = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if found := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
            around = int(found[1], 16) <= tensor.data_ptr() < int(found[2], 16)
        elif around and line.startswith("VmFlags:"):
            return line.split()

print(int("hg" in flags_of(torch.ones(20 << 18))))

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
    for held, left, _faults in measurements[:3]:  # by default, for VGG-19 and for lite
        assert held >= 120
        assert left <= 30


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are of glibc")
def test_memory_of_smaller_tensors_is_kept_for_the_next_ones(
    measurements: list[list[float]],
) -> None:
    for _held, _left, faults in measurements[:3]:
        assert faults < 6000  # more than 10,000 if each tensor is mapped anew


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").is_dir(), reason="the kernel has no huge pages"
)
def test_large_tensors_ask_for_huge_pages(measurements: list[list[float]]) -> None:
    assert measurements[3] == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_dropped_library_pages_are_read_again_when_needed(
    measurements: list[list[float]],
) -> None:
    before, after, grad = measurements[4]
    assert after < before / 2
    assert grad == 2 * 27 * 6 * 6
