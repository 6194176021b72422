"""What calls and files do on a full disk."""

import errno
import io
import os
from typing import NoReturn


def raise_disk_full(*_: object, **__: object) -> NoReturn:
    """Take any arguments, and raise the error of a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile(io.BytesIO):
    """A file on a full disk."""

    def write(self, _data: object, /) -> NoReturn:
        raise_disk_full()
