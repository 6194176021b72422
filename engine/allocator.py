"""How the memory of tensors is asked of the system, in the programs that paint.

glibc keeps what is freed: of the large tensors of an iteration, which come and go in many sizes,
half as much again as is in use. Of a fixed size on it can give each back at once; in pages of
2 MiB, which torch asks for if it is told to before it is imported, that costs no time in all.
"""

import contextlib
import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""As glibc's `malloc.h` has them."""
_LARGE_BYTES = 10 << 20
"""With 4 MiB, iterations of VGG-19 take a tenth longer, for 4 % less at the most that is held."""
_LARGE_BYTES_OF = {"lite": 4 << 20}
"""Of a network whose tensors are smaller: a tenth less is held at the most, in the same time; with
1 MiB it is a little less again, and a painting takes a fifth longer."""
_KEPT_BYTES = 64 << 20


def give_large_blocks_back() -> None:
    """Call before torch is imported; what is set in the environment stays."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    _give_back(_LARGE_BYTES)


def fit_blocks_to(network: str) -> None:
    """Call before a network paints: what counts as large depends on its tensors."""
    _give_back(_LARGE_BYTES_OF.get(network, _LARGE_BYTES))


def _give_back(large_bytes: int) -> None:
    if sys.platform != "linux" or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such thing
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, large_bytes)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
