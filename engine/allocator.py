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
_KEPT_BYTES = 64 << 20


def give_large_blocks_back() -> None:
    """Call before torch is imported; what is set in the environment stays."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if sys.platform != "linux" or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such thing
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
