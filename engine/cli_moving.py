"""`python -m engine paint` for a photograph that moves: a GIF, WebP or MP4 comes out."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from common.clips.clip import Clip, ClipDamagedError, read_clip, write_clip
from common.clips.encoding import ClipKind, EncodingFailedError, encode_clip
from common.command_line import for_shell
from common.options import MAX_SIZE_PX, MIN_SIZE_PX, PaintOptions, network_for
from common.sentences import Sentence
from common.settings import Settings
from engine.cli_inputs import read_moving, read_pictures
from engine.moving.events import ClipPainted, FramePainted, FrameStepped
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.output import PICTURE_SUFFIXES, OutputError
from engine.output.atomic import replacing, write_bytes
from engine.painting import (
    PaintingFailedError,
    PaintSettingsError,
    Picture,
    Report,
    ScaleStarted,
)
from engine.pipeline import CheckpointFile, open_studio, report_file
from engine.progress import ProgressBar

_KINDS: dict[str, ClipKind] = {".gif": "gif", ".mp4": "mp4", ".webp": "webp"}
_OF_STILLS = ("timelapse", "losses", "plot")
"""Records that there are of one picture only."""


@dataclass(frozen=True)
class MovingContent:
    """The photograph that moves, and what is to be said of it."""

    clip: Clip
    notes: tuple[Sentence, ...]


def output_suffixes(chosen: argparse.Namespace) -> Sequence[str]:
    """What the name of the output may end in."""
    if chosen.moving:
        return tuple(_KINDS)
    return PICTURE_SUFFIXES if chosen.moving is False else (*PICTURE_SUFFIXES, ".gif", ".mp4")


def may_move(chosen: argparse.Namespace) -> bool:
    """Whether the output is a GIF or MP4, a WebP, or `--moving` says so."""
    if chosen.moving is not None:
        return bool(chosen.moving)
    return chosen.output.suffix.lower() in _KINDS


def moving_content(chosen: argparse.Namespace, folder: Path) -> MovingContent | None:
    """What moves, if it is to be painted so; None for a WebP of what does not move.

    Args:
        chosen: of the command line.
        folder: for the frames, until all is painted.

    Raises:
        PaintSettingsError: the file cannot be read.
    """
    suffix = chosen.output.suffix.lower()
    clip, notes = read_moving(chosen.content, folder)
    if suffix == ".webp" and len(clip) == 1:
        return None
    return MovingContent(clip, notes)


def paint_moving(
    chosen: argparse.Namespace,
    moving: MovingContent,
    folder: Path,
    *,
    settings: Settings,
    options: PaintOptions,
    checkpoints: CheckpointFile | None,
    console: Console,
) -> int:
    """Paint it as the arguments say, and write it; 0.

    Raises:
        PaintSettingsError, PaintingFailedError, OutputError, StyleMissingError: as for a still.
    """
    given = [f"--{name}" for name in _OF_STILLS if getattr(chosen, name) is not None]
    if given:
        raise PaintSettingsError("{flag} is of one picture, not of one that moves.", flag=given[0])
    clip = moving.clip
    if chosen.size_px is None:
        size_px = min(MAX_SIZE_PX, max(MIN_SIZE_PX, *clip.size))
        options = options.model_copy(update={"size_px": size_px})
    with ProgressBar(console, quiet=chosen.quiet) as bar:
        studio = open_studio(
            settings,
            device=chosen.device,
            precision=chosen.precision,
            max_memory=chosen.max_memory,
            say=bar.say,
        )
        network = network_for(options, settings.atelier_network)
        content = Picture.from_image(clip.frame(0))
        pictures = read_pictures(chosen, settings, options, network, content)
        kept_in = folder if checkpoints is None else checkpoints.frames_folder
        frames = PaintedFrames(kept_in)
        work = ClipPainting(clip, pictures, options, studio, frames)
        resume = None if checkpoints is None else checkpoints.read()
        try:
            if resume is not None:
                _go_on(work, resume)
            ended = _followed(work, bar, checkpoints)
            size = _write(work, clip, folder, chosen.output)
        except ClipDamagedError as problem:
            raise PaintSettingsError(
                "A frame cannot be read: {reason}.", reason=str(problem)
            ) from problem
        except KeyboardInterrupt:
            if checkpoints is not None:
                checkpoints.keep_newest()
            raise
        except OSError as error:
            raise PaintingFailedError(
                "There is no room for the painted frames: {reason}.", reason=error.strerror or ""
            ) from error
    kept = (checkpoints.note,) if checkpoints is not None and checkpoints.note else ()
    notes = (*moving.notes, *pictures.notes, *ended.report.notes, *kept)
    report = replace(ended.report, notes=notes)
    if chosen.report is not None:
        write_bytes(chosen.report, report_file(report))
    if checkpoints is not None:
        checkpoints.remove()
    _say(console, report, clip, size=size, output=chosen.output, seed=options.seed)
    return 0


def _go_on(work: ClipPainting, checkpoint: bytes) -> None:
    try:
        work.go_on(checkpoint, work.frames.file)
    except FileNotFoundError as error:
        raise PaintSettingsError(
            "The checkpoint's frames are not there: {file}.", file=error.filename
        ) from None


def _followed(
    work: ClipPainting,
    bar: ProgressBar,
    checkpoints: CheckpointFile | None,
) -> ClipPainted:
    with closing(work.paint()) as events:
        for event in events:
            match event:
                case ClipPainted():
                    return event
                case FrameStepped():
                    bar.hear_frame(event)
                case FramePainted():
                    bar.hear_frame(event)
                    if checkpoints is not None:
                        checkpoints.hear(event)
                case ScaleStarted():
                    pass  # A line for each frame says enough.
                case _:
                    bar.hear(event)
    raise PaintingFailedError("The painting ended without a picture.")


def _write(work: ClipPainting, clip: Clip, folder: Path, output: Path) -> tuple[int, int]:
    """Write the painted clip; the size of its frames."""
    lossless = folder / "painted.clip"
    about = clip.description
    write_clip(
        lossless, work.finished(), about.durations_ms, plays=about.plays, source=about.source
    )
    painted = read_clip(lossless)
    try:
        with replacing(output) as temporary:
            encode_clip(painted, temporary, _KINDS[output.suffix.lower()])
    except EncodingFailedError as problem:
        raise OutputError(
            "{file} cannot be written here: {reason}.", file=output.name, reason=str(problem)
        ) from problem
    return painted.size


def _say(
    console: Console,
    report: Report,
    clip: Clip,
    *,
    size: tuple[int, int],
    output: Path,
    seed: int,
) -> None:
    frames = "1 frame" if len(clip) == 1 else f"{len(clip)} frames"
    said = (
        f"{output}: {size[0]} × {size[1]}, {frames} in {clip.seconds:.2f} s, {report.network}, "
        f"{report.precision} on {report.device}, {report.iterations} iterations in "
        f"{report.seconds:.1f} s, seed {seed}"
    )
    for line in (said, *(f"  {for_shell(note)}" for note in report.notes)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
