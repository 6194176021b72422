"""Giving memory back to the system."""

import contextlib
import ctypes

# From malloc.h: blocks of at least the threshold are given back as soon as they are freed; threads
# share as many heaps.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE_BLOCK_BYTES = 512 * 1024
HEAPS = 2


def give_large_blocks_back() -> None:
    """Have pictures' bytes go back to the system when they are freed.

    glibc would raise the threshold with the first large block that is freed, and from then on keep
    such blocks in its heap, where small ones soon pin them down. Elsewhere this does nothing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        library.mallopt(M_ARENA_MAX, HEAPS)


def give_free_memory_back() -> None:
    """Have what lies free between blocks that are in use go back to the system, in a millisecond.

    Elsewhere than on Linux this does nothing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
