"""What becomes of memory that is freed: given back to the system, or kept for what comes next.

glibc's are asked; elsewhere than on Linux these do nothing.
"""

import contextlib
import ctypes
from collections.abc import Mapping

# From malloc.h: blocks of at least the threshold are given back as soon as they are freed; threads
# share as many heaps; what is free at a heap's end is given back from the trim threshold on.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BLOCK_BYTES = 512 * 1024
HEAPS = 2
KEPT_BLOCK_BYTES = 32 * 1024 * 1024
"""The largest that glibc takes for a threshold."""
KEPT_BYTES = 128 * 1024 * 1024


def give_large_blocks_back() -> None:
    """Have pictures' bytes go back to the system when they are freed.

    glibc would raise the threshold with the first large block that is freed, and from then on keep
    such blocks in its heap, where small ones soon pin them down.
    """
    tell_malloc({M_MMAP_THRESHOLD: LARGE_BLOCK_BYTES, M_ARENA_MAX: HEAPS})


def keep_freed_memory() -> None:
    """Have a picture's memory serve for the next one; what is kept, `give_free_memory_back` gives.

    To get pages from the system takes an eighth of the time in which a picture is decoded.
    """
    tell_malloc({M_MMAP_THRESHOLD: KEPT_BLOCK_BYTES, M_TRIM_THRESHOLD: KEPT_BYTES})


def give_free_memory_back() -> None:
    """Have what lies free between blocks in use go back to the system, in a millisecond."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def tell_malloc(parameters: Mapping[int, int]) -> None:
    """Set parameters of glibc's malloc, by their numbers."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        for number, value in parameters.items():
            library.mallopt(number, value)
