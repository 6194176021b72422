"""A note in the data folder that a backup is being restored.

A restore replaces the database, and then ends in it what would be painted or delivered again. If it
is killed in between, a bot must not use the database. After a move all of it goes on.
"""

from contextlib import suppress
from pathlib import Path

from common.files import write_whole
from jobs.outcomes import QueueError

_NAME = "restore-unfinished"


def begin(folder: Path, aside: Path | None) -> None:
    """Write the note, before the database is replaced; one that is there already is kept.

    Args:
        folder: the data folder.
        aside: where the present database will be; None if there is none.

    Raises:
        OSError: it cannot be written.
    """
    if not is_noted(folder):
        write_whole(folder / _NAME, _text(aside))


def is_noted(folder: Path) -> bool:
    """Whether an earlier restore was cut off, so that the present database is not settled."""
    return (folder / _NAME).exists()


def end(folder: Path) -> None:
    """Delete the note: the database is settled."""
    (folder / _NAME).unlink(missing_ok=True)


def end_undone(folder: Path, aside: Path | None) -> None:
    """Delete the note, unless an earlier restore wrote it: its database was put back."""
    with suppress(FileNotFoundError):
        if (folder / _NAME).read_bytes() == _text(aside):
            end(folder)


def _text(aside: Path | None) -> bytes:
    return b"" if aside is None else str(aside).encode()


def refuse(folder: Path) -> None:
    """Refuse a database whose restore was cut off.

    Raises:
        QueueError: it was; the text says what to do.
    """
    try:
        aside = (folder / _NAME).read_text("utf-8")
    except OSError:  # there is none; whoever uses a folder that is closed to them reports that
        return
    before = f", or {aside}, which is the database that was there before" if aside else ""
    raise QueueError(
        "A restore into this database was cut off before it was complete; please run it again, "
        f"with the same backup{before}."
    )
