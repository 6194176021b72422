"""How tensors get their memory from the system, in the programs that paint.

glibc's malloc keeps freed blocks. The large tensors of an iteration come and go in many sizes, so
these blocks add a good part to the memory in use. Above a fixed threshold malloc can map each block
by itself, and unmap it as soon as it is freed. With huge pages (2 MiB) that costs no time; torch
asks for them if it is told to before it is imported.
"""

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from common.memory import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, set_malloc_options

_LARGE_BYTES = 10 << 20
"""The threshold of malloc. A lower one slows VGG-19 down more than it saves at the peak."""
_LARGE_BYTES_OF = {"lite": 5 << 19}
"""Thresholds of networks with smaller tensors, for a lower peak. Still above one float32 plane of
a picture of 512 px: an iteration has dozens of those, and mapping each anew would slow it down."""
_KEPT_BYTES = 16 << 20
"""Free memory at the top of the heap that malloc keeps for itself."""
_MADV_DONTNEED = 4
_LEAST_DROPPED_KIB = 1024
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")


def give_large_blocks_back() -> None:
    """Unmap large blocks when they are freed; to be called before torch is imported.

    The environment has precedence.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    _give_back(_LARGE_BYTES)


def fit_blocks_to(network: str) -> None:
    """Set the threshold for a network; to be called before it paints."""
    _give_back(_LARGE_BYTES_OF.get(network, _LARGE_BYTES))


def drop_read_libraries() -> None:
    """Drop the pages of shared libraries from this process; to be called after torch is imported.

    Loading them made large parts resident that are never used again, such as CUDA's libraries on a
    machine without it. The pages are unchanged copies of files, so the system reads what is needed
    after all again, mostly from its cache.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for start, end in _read_only():
            madvise(start, end - start, _MADV_DONTNEED)


def _read_only() -> Iterator[tuple[int, int]]:
    """Start and end addresses of read-only library mappings whose pages are as they are on disk."""
    text = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    start = end = held_kib = 0
    usable = False
    for line in text.splitlines():
        if found := _MAPPING.fullmatch(line):
            start, end = int(found[1], 16), int(found[2], 16)
            usable = found[3] in {"r--p", "r-xp"} and ".so" in found[4]
            continue
        name, _, value = line.partition(":")
        if name == "Rss":
            held_kib = int(value.split()[0])
        elif name in {"Private_Dirty", "Shared_Dirty", "Anonymous"}:
            usable &= int(value.split()[0]) == 0
        elif name == "VmFlags" and usable and held_kib >= _LEAST_DROPPED_KIB:
            yield start, end


def _give_back(large_bytes: int) -> None:
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        set_malloc_options({M_MMAP_THRESHOLD: large_bytes, M_TRIM_THRESHOLD: _KEPT_BYTES})
