"""What `engine paint` writes while it paints and afterwards: checkpoints, a film, the figures."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from common.sentences import Sentence, sentence
from engine.output import Film, LossRecord, OutputProblem, plot_losses, write_loss_lines
from engine.output.atomic import write_bytes
from engine.painting import (
    Event,
    Painted,
    PaintingFailed,
    Prepared,
    Report,
    SettingsProblem,
    Stepped,
)
from engine.progress import ProgressBar

CHECKPOINT_SECONDS = 10.0
_CHECKPOINT_SHARE = 0.1
_FRAMES = 120
_FRAME_PX = 1080


class Checkpoints:
    """A file that is written anew every so many seconds.

    Large pictures take long to write; no more than a tenth of the time goes to it.

    Attributes:
        note: why the newest state could not be kept; None if it could.
    """

    def __init__(self, path: Path, every_seconds: float) -> None:
        self._path = path
        self._pause = self._every = every_seconds
        self._kept_at = time.monotonic()
        self.note: Sentence | None = None

    def read(self) -> bytes | None:
        """What was kept by a run that did not end; None if there is nothing.

        Raises:
            SettingsProblem: the file cannot be read.
        """
        try:
            return self._path.read_bytes() if self._path.exists() else None
        except OSError as error:
            raise SettingsProblem(
                "{file} cannot be read: {reason}.",
                file=str(self._path),
                reason=error.strerror or "",
            ) from None

    def offer(self, event: Stepped) -> None:
        """Keep this state if it is time to; a full disk does not end the painting."""
        if time.monotonic() - self._kept_at < self._pause:
            return
        try:
            self.keep(event)
        except OutputProblem as problem:
            self._kept_at = time.monotonic()
            self.note = sentence("No checkpoint could be kept: {problem}", problem=problem.sentence)

    def keep(self, event: Stepped) -> None:
        """Keep this state.

        Raises:
            OutputProblem: the system refuses.
        """
        began_at = time.monotonic()
        write_bytes(self._path, event.checkpoint())
        self._kept_at = time.monotonic()
        self.note = None
        self._pause = max(self._every, (self._kept_at - began_at) / _CHECKPOINT_SHARE)

    def remove(self) -> None:
        """The painting is done."""
        self._path.unlink(missing_ok=True)


def follow(
    events: Iterator[Event],
    bar: ProgressBar,
    film: Film | None = None,
    checkpoints: Checkpoints | None = None,
) -> Painted:
    """Go through the events of a painting, keeping checkpoints and frames as asked.

    Args:
        events: of the painting.
        bar: shows them.
        film: the time-lapse.
        checkpoints: where the state is kept; also when the user interrupts.
    """
    next_frame = 0.0
    newest: Stepped | None = None
    try:
        for event in events:
            bar.show(event)
            match event:
                case Prepared() if film is not None:
                    film.begin(event.scales[-1][0])
                case Stepped():
                    newest = event
                    if film is not None and event.fraction >= next_frame:
                        film.add(event.preview(_FRAME_PX))
                        next_frame = event.fraction + 1 / _FRAMES
                    if checkpoints is not None:
                        checkpoints.offer(event)
                case Painted():
                    if film is not None:
                        film.add(event.picture.to_image())
                    return event
                case _:
                    newest = None
    except KeyboardInterrupt:
        if checkpoints is not None and newest is not None:
            checkpoints.keep(newest)
        raise
    raise PaintingFailed("The painting ended without a picture.")


def write_records(
    report: Report, *, to_json: Path | None, losses: Path | None, plot: Path | None
) -> None:
    """Write the report, the losses and their plot, each if there is a file for it."""
    if to_json is not None:
        plain = {
            **asdict(report),
            "notes": [str(one) for one in report.notes],
            "losses": [one.as_dict() for one in report.losses],
        }
        write_bytes(to_json, json.dumps(plain, indent=1).encode())
    records = loss_records(report)
    if losses is not None:
        write_loss_lines(records, losses)
    if plot is not None:
        plot_losses(records, plot)


def loss_records(report: Report) -> list[LossRecord]:
    """The losses of a report in the form that is written and plotted."""
    scales = report.settings["scales"]
    return [
        LossRecord(
            iteration=number,
            scale=one.scale,
            size_px=max(scales[one.scale]["height_px"], scales[one.scale]["width_px"]),
            loss=one.total,
            terms=one.terms,
        )
        for number, one in enumerate(report.losses, start=1)
    ]
