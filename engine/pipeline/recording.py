"""What is recorded of a painting besides its picture: checkpoints and losses."""

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path

from common.sentences import Sentence, sentence
from engine.errors import BetweenScalesError
from engine.moving.events import FramePainted
from engine.output.atomic import write_bytes
from engine.output.errors import OutputError
from engine.output.losses import loss_lines, loss_plot
from engine.painting import Event, PaintSettingsError, Report, Stepped

_CHECKPOINT_SHARE = 0.1


class CheckpointFile:
    """A listener that overwrites a checkpoint file at regular intervals.

    For large pictures, which take long to write, intervals get longer: at most a tenth of the time
    goes into writing.
    """

    def __init__(self, path: Path, every_seconds: float) -> None:
        self.path = path
        """Path of the file."""
        self._pause = self._every = every_seconds
        self._kept_at = time.monotonic()
        self._newest: Stepped | FramePainted | None = None
        self.note: Sentence | None = None
        """Why the newest checkpoint could not be written; None if it could."""

    @property
    def frames_folder(self) -> Path:
        """Folder of the painted frames that belong to the checkpoint of a clip."""
        return self.path.with_name(f"{self.path.name}.frames")

    def read(self) -> bytes | None:
        """The checkpoint of an interrupted run; None if there is none.

        Raises:
            PaintSettingsError: the file cannot be read.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PaintSettingsError(
                "{file} cannot be read: {reason}.",
                file=str(self.path),
                reason=error.strerror or "",
            ) from None

    def on_event(self, event: Event | FramePainted) -> None:
        """Write a checkpoint if one is due; a full disk does not end the painting."""
        if not isinstance(event, Stepped | FramePainted):
            return
        self._newest = event
        if time.monotonic() - self._kept_at < self._pause:
            return
        try:
            self.keep_newest()
        except OutputError as problem:
            self._kept_at = time.monotonic()
            self.note = sentence(
                "No checkpoint could be saved: {problem}", problem=problem.sentence
            )

    def keep_newest(self) -> None:
        """Write a checkpoint of the present state, if there is any; also after an interruption.

        Raises:
            OutputError: the file cannot be written.
            BetweenScalesError: the interruption left no state to save.
        """
        if self._newest is None:
            return
        began_at = time.monotonic()
        write_bytes(self.path, self._newest.checkpoint())
        self._kept_at = time.monotonic()
        self.note = None
        self._pause = max(self._every, (self._kept_at - began_at) / _CHECKPOINT_SHARE)

    def keep_last(self) -> str:
        """Write a checkpoint of a stopped painting; returns what to say of the file."""
        as_it_was = "The checkpoint is as it was." if self.path.exists() else ""
        if self._newest is None:
            return as_it_was
        try:
            self.keep_newest()
        except OutputError as problem:
            return f"The checkpoint could not be saved: {problem}"
        except BetweenScalesError:
            return as_it_was
        return "The checkpoint is saved."

    def remove(self) -> None:
        """Delete the checkpoint, as the painting is finished."""
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.frames_folder, ignore_errors=True)


def report_file(report: Report) -> bytes:
    """The report as JSON."""
    plain = {
        **asdict(report),
        "notes": [str(one) for one in report.notes],
        "losses": [one.as_dict() for one in report.losses],
    }
    return json.dumps(plain, indent=1).encode()


def loss_files(report: Report) -> dict[str, bytes]:
    """A plot of the losses, and the losses as JSON lines, by file name."""
    return {
        "losses.png": loss_plot(report.losses, report.long_sides_px),
        "losses.jsonl": loss_lines(report.losses, report.long_sides_px),
    }
