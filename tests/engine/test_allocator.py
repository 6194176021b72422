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


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are of glibc")
def test_large_tensors_are_returned_at_once_in_huge_pages_and_libraries_are_dropped() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    *memory, huge, libraries = (
        [float(number) for number in line.split()] for line in done.stdout.splitlines()
    )
    assert len(memory) == 3  # by default, for VGG-19 and for lite
    for held, left, faults in memory:
        assert held >= 120
        assert left <= 30
        assert faults < 6000, "more than 10,000 if each smaller tensor is mapped anew"
    if Path("/sys/kernel/mm/transparent_hugepage").is_dir():
        assert huge == [1]
    before, after, gradient = libraries
    assert after < before / 2
    assert gradient == 2 * 27 * 6 * 6, "dropped pages are read again when needed"
