"""A decoded picture on its way from a decoding process: memory that both see, where there is such.

A pipe holds 64 KiB, so that a picture of 4 MiB takes sixty turns of the event loop. What does not
fit, and everything where the system has no such memory, goes through the pipe.
"""

import contextlib
import os
import sys

HELD_BYTES = 16 * 1024 * 1024
"""Of each child, once it has decoded pictures so large."""
IN_MEMORY = "in_memory"
"""The header's field for the length of the first file, where that lies in the memory."""


def open_memory() -> int | None:
    """New memory's file descriptor, of a length that nobody can change; None where there is none.

    A file that may not grow is written to by mapping it, which a process may that writes no files.
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
    """A copy of what lies there, which its writer cannot change any more.

    Raises:
        ValueError: so much cannot lie there.
    """
    if memory is None or not isinstance(length, int) or not 0 < length <= HELD_BYTES:
        raise ValueError("there is no memory of that length")
    data = b""
    if sys.platform == "linux":  # no other has such memory
        data = os.pread(memory, length, 0)
    if len(data) != length:
        raise ValueError("the memory is shorter")
    return data
