"""Passes decoded pictures from a decoding process through shared memory.

A pipe holds 64 KiB, so a large picture needs many turns of the event loop. Pictures that do not
fit, and all pictures where there is no such memory, go through the pipe.
"""

import contextlib
import os
import sys

HELD_BYTES = 16 * 1024 * 1024
"""Shared memory of each child."""
IN_MEMORY = "in_memory"
"""Header field with the length of the first file if it is in shared memory."""


def open_memory() -> int | None:
    """A file descriptor of new shared memory of fixed size; None if not supported.

    A file of fixed size can be written by mapping it, which is allowed in a process that must not
    write files.
    """
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415 - not on Windows

    with contextlib.suppress(OSError, AttributeError):
        memory = os.memfd_create("atelier-picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(memory, HELD_BYTES)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
        except OSError:
            os.close(memory)
            raise
        return memory
    return None


def read_memory(memory: int | None, length: object) -> bytes:
    """A copy of the shared memory, which its writer cannot change any more.

    Args:
        memory: its file descriptor.
        length: in bytes, as the child states it.

    Raises:
        ValueError: the length is invalid.
    """
    if memory is None or not isinstance(length, int) or not 0 < length <= HELD_BYTES:
        raise ValueError("there is no memory of that length")
    data = b""
    if sys.platform == "linux":  # no other has such memory
        data = os.pread(memory, length, 0)
    if len(data) != length:
        raise ValueError("the memory is shorter")
    return data
