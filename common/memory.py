"""Controls whether freed memory is returned to the system or kept for reuse.

These are settings of glibc; on other systems they have no effect.
"""

import contextlib
import ctypes
from collections.abc import Mapping

# From malloc.h. Blocks from M_MMAP_THRESHOLD on are returned as soon as they are freed; M_ARENA_MAX
# limits the heaps that threads share; free memory at a heap's end is returned from M_TRIM_THRESHOLD
# on.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BLOCK_BYTES = 512 * 1024
HEAPS = 2
KEPT_BLOCK_BYTES = 32 * 1024 * 1024
"""The largest threshold that glibc accepts."""
KEPT_BYTES = 128 * 1024 * 1024


def give_large_blocks_back() -> None:
    """Return pictures' memory to the system when it is freed.

    By default glibc raises the threshold when the first large block is freed, and then keeps such
    blocks in its heap, where small ones pin them down.
    """
    set_malloc_options({M_MMAP_THRESHOLD: LARGE_BLOCK_BYTES, M_ARENA_MAX: HEAPS})


def keep_freed_memory() -> None:
    """Keep a picture's memory for the next one, until `give_free_memory_back`.

    Getting pages from the system takes a notable part of the time to decode a picture.
    """
    set_malloc_options({M_MMAP_THRESHOLD: KEPT_BLOCK_BYTES, M_TRIM_THRESHOLD: KEPT_BYTES})


def give_free_memory_back() -> None:
    """Return free memory between blocks in use to the system."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def set_malloc_options(parameters: Mapping[int, int]) -> None:
    """Set glibc's malloc parameters, by number."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        for number, value in parameters.items():
            library.mallopt(number, value)
