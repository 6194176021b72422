"""Memory of tensors: what the programs that paint ask of the C library."""

import os
import subprocess
import sys

import pytest

_SHRINKS = """
from engine.allocator import fit_blocks_to, give_large_blocks_back
give_large_blocks_back()
fit_blocks_to("{network}")
import torch

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

torch.ones(6 << 20)  # 24 MiB, after which glibc would by itself keep all that is as large
before = resident()
large = [torch.ones({mib} << 18) for _ in range(160 // {mib})]
small = torch.ones(10)
held = resident() - before
del large
print(held >> 20, resident() - before >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is told")
@pytest.mark.parametrize(("network", "mib"), [("vgg19", 20), ("lite", 5)])
def test_what_large_tensors_took_is_given_back_at_once(network: str, mib: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SHRINKS.format(network=network, mib=mib)],
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    held, left = (int(one) for one in done.stdout.split())
    assert held >= 150
    assert left <= 30


_DROPS = """
import re
from pathlib import Path
from engine.allocator import drop_read_libraries
import torch

def of_files_kib():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = of_files_kib()
drop_read_libraries()
after = of_files_kib()
picture = torch.ones(1, 3, 8, 8, requires_grad=True)
torch.nn.functional.conv2d(picture, torch.ones(2, 3, 3, 3)).sum().backward()
print(before, after, float(picture.grad.sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it asks the kernel which pages are held")
def test_what_was_read_of_libraries_is_let_go_and_read_again_when_needed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DROPS], capture_output=True, text=True, check=True, timeout=120
    )
    before, after, grad = (float(one) for one in done.stdout.split())
    assert after < before / 2
    assert grad == 2 * 27 * 6 * 6
