"""How the memory of tensors is asked of the system, in the programs that paint.

glibc keeps what is freed: of the large tensors of an iteration, which come and go in many sizes,
half as much again as is in use. Of a fixed size on it can give each back at once; in pages of
2 MiB, which torch asks for if it is told to before it is imported, that costs no time in all.
"""

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from common.memory import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, tell_malloc

_LARGE_BYTES = 10 << 20
"""With 4 MiB, iterations of VGG-19 take a tenth longer, for 4 % less at the most that is held."""
_LARGE_BYTES_OF = {"lite": 5 << 19}
"""Of a network whose tensors are smaller: less is held at the most. It is a bit more than a number
for each pixel and color takes at 512 px, as there are dozens of these in each iteration: with 2 MiB
a painting of that size takes a fifteenth longer, with 1 MiB a fifth."""
_KEPT_BYTES = 16 << 20
_MADV_DONTNEED = 4
_LEAST_DROPPED_KIB = 1024
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")


def give_large_blocks_back() -> None:
    """Call before torch is imported; what is set in the environment stays."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    _give_back(_LARGE_BYTES)


def fit_blocks_to(network: str) -> None:
    """Call before a network paints: what counts as large depends on its tensors."""
    _give_back(_LARGE_BYTES_OF.get(network, _LARGE_BYTES))


def drop_read_libraries() -> None:
    """Call when torch is imported: what was read of libraries to load them is let go.

    Of CUDA's libraries alone that is 150 MiB, also on a machine without it. The pages were not
    changed, so whatever is needed after all is read again, mostly from the system's cache.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for start, end in _read_only():
            madvise(start, end - start, _MADV_DONTNEED)


def _read_only() -> Iterator[tuple[int, int]]:
    """Addresses of libraries' parts that nobody can write to and that are as they are on disk."""
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
        tell_malloc({M_MMAP_THRESHOLD: large_bytes, M_TRIM_THRESHOLD: _KEPT_BYTES})
