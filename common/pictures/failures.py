"""Messages about files at which a decoding process failed, for members and owners."""

import logging

from common.pictures.kinds import PictureError
from common.pictures.readers.formats import format_of, is_video

log = logging.getLogger(__name__)

KILLED = -9
"""Return code of a process that was killed by SIGKILL."""


def too_slow(data: bytes, seconds: float) -> PictureError:
    """The error for a file that takes too much processor time."""
    if is_video(data):
        return PictureError(
            "That video took too long to read: it keeps the processor busy for more than "
            "{limit:.0f} seconds. Please attach a shorter or smaller one.",
            limit=seconds,
        )
    return PictureError(
        "That picture took too long to read: it keeps the processor busy for more than {limit:.0f} "
        "seconds. Please save it as PNG or JPEG and attach it again.",
        limit=seconds,
    )


def crash(data: bytes) -> PictureError:
    """The error for a file at which a library crashed."""
    found = format_of(data)
    if found is None:
        return PictureError(
            "The program that reads pictures crashed on that one. Please save it again as PNG or "
            "JPEG, and attach that."
        )
    if found.is_video:
        return PictureError(
            "The program that reads this format ({library}) crashed on that video. Please save it "
            "again as MP4 (H.264), and attach that.",
            library=found.read_with,
        )
    return PictureError(
        "The program that reads this format ({library}) crashed on that picture. Please save it "
        "again as PNG or JPEG, and attach that.",
        library=found.read_with,
    )


def report(data: bytes, code: int | None) -> None:
    """Log a crash for the owner, with the file's format and length but none of its content.

    Args:
        data: the file.
        code: the process's return code; None if it hung.
    """
    found = format_of(data)
    how = "hung" if code is None else f"ended (code {code})"
    if code == KILLED:
        how = "was killed, as is done where memory runs short,"
    log.warning(
        "a decoding process %s at a %s file of %d bytes, read with %s",
        how,
        found.name if found else "nameless",
        len(data),
        found.read_with if found else "nothing",
    )
