"""`python -m engine paint` for a photograph that moves: a GIF, WebP or MP4 comes out."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from common.clips.clip import Clip, ClipDamagedError, read_clip, write_clip
from common.clips.encoding import ClipKind, EncodingFailedError, encode_clip
from common.options import MAX_SIZE_PX, MIN_SIZE_PX, PaintOptions
from common.sentences import Sentence
from engine.cli_inputs import OWN_CLIPS, read_moving
from engine.cli_output import OutputFile
from engine.moving.events import ClipPainted, FramePainted, FrameStepped
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.output.atomic import replacing
from engine.output.errors import NotWrittenError
from engine.output.pictures import PICTURE_SUFFIXES
from engine.painting import (
    PaintingFailedError,
    PaintSettingsError,
    Picture,
    Report,
    ScaleStarted,
    Studio,
)
from engine.pipeline.pictures import Pictures
from engine.pipeline.recording import CheckpointFile
from engine.progress import ProgressBar
from engine.scratch import scratch_folder

_KINDS: dict[str, ClipKind] = {".gif": "gif", ".mp4": "mp4", ".webp": "webp"}
_OF_STILLS = ("timelapse", "losses", "plot")
"""Options for records that exist for still pictures only."""


@dataclass(frozen=True)
class PaintedOutput:
    """The result of a painting."""

    report: Report
    size: str
    """The size of the written picture, in words."""
    notes: tuple[Sentence, ...]
    """Notes to print."""
    is_whole: bool = True
    """Whether everything requested was written, including a time-lapse."""


@dataclass(frozen=True)
class MovingContent:
    """The clip to paint, with notes to print."""

    clip: Clip
    notes: tuple[Sentence, ...]
    folder: Path
    """Temporary folder for frames."""

    @property
    def first(self) -> Picture:
        """Its first frame."""
        return Picture.from_image(self.clip.frame(0))

    def sized(self, chosen: argparse.Namespace, options: PaintOptions) -> PaintOptions:
        """The options with the clip's own size if none was chosen."""
        if chosen.size_px is not None:
            return options
        size_px = min(MAX_SIZE_PX, max(MIN_SIZE_PX, *self.clip.size))
        return options.model_copy(update={"size_px": size_px})


def output_suffixes(chosen: argparse.Namespace) -> Sequence[str]:
    """Allowed suffixes of the output file."""
    if chosen.moving:
        return tuple(_KINDS)
    return PICTURE_SUFFIXES if chosen.moving is False else (*PICTURE_SUFFIXES, ".gif", ".mp4")


def may_move(chosen: argparse.Namespace) -> bool:
    """Whether the output may be a clip: by `--moving`, else by its suffix."""
    if chosen.moving is not None:
        return bool(chosen.moving)
    return chosen.output.suffix.lower() in _KINDS


def moving_content(chosen: argparse.Namespace, stack: ExitStack) -> MovingContent | None:
    """The clip to paint; None for a still picture with a WebP output.

    Args:
        chosen: the parsed arguments.
        stack: gets the temporary folder of the frames.

    Raises:
        PaintSettingsError: unreadable file, a video of a still picture, or an option for still
            pictures only.
        PaintingFailedError: the disk is full.
    """
    try:
        folder = Path(stack.enter_context(scratch_folder()))
        clip, notes = read_moving(chosen.content, folder)
    except OSError as error:
        raise PaintingFailedError(
            "There is no room for the frames ({reason}); free some, or name another folder in "
            "TMPDIR.",
            reason=error.strerror or type(error).__name__,
        ) from error
    suffix = chosen.output.suffix.lower()
    if len(clip) == 1 and suffix == ".webp":
        return None
    if len(clip) == 1 and suffix == ".mp4":
        raise PaintSettingsError(
            "{file} does not move, so no video comes of it: let the output end in .png or .jpg. "
            "--timelapse {video} records how it is painted.",
            file=chosen.content.name,
            video=chosen.output.name,
        )
    for name in _OF_STILLS:
        if getattr(chosen, name) is not None:
            raise PaintSettingsError(
                "{flag} is of one picture, not of one that moves.", flag=f"--{name}"
            )
    return MovingContent(clip, notes, folder)


def paint_moving(
    moving: MovingContent,
    pictures: Pictures,
    options: PaintOptions,
    *,
    studio: Studio,
    bar: ProgressBar,
    checkpoints: CheckpointFile | None,
    output: OutputFile,
) -> PaintedOutput:
    """Paint it, and write it.

    Raises:
        PaintSettingsError, PaintingFailedError, OutputError: as for a still.
    """
    clip, folder = moving.clip, moving.folder
    frames = PaintedFrames(folder if checkpoints is None else checkpoints.frames_folder)
    work = ClipPainting(clip, pictures, options, studio, frames)
    resume = None if checkpoints is None else checkpoints.read()
    try:
        if resume is not None:
            _resume(work, resume)
        ended = _run_to_end(work, bar, checkpoints)
        width, height = _write(work, clip, folder, output)
    except ClipDamagedError as problem:
        raise PaintSettingsError(
            "A frame cannot be read: {reason}.", reason=str(problem)
        ) from problem
    except OSError as error:
        raise PaintingFailedError(
            "There is no room for the painted frames: {reason}.", reason=error.strerror or ""
        ) from error
    count = "1 frame" if len(clip) == 1 else f"{len(clip)} frames"
    notes = (*moving.notes, *pictures.notes, *ended.report.notes)
    return PaintedOutput(
        ended.report, f"{width} × {height}, {count} in {clip.seconds:.2f} s", notes
    )


def _resume(work: ClipPainting, checkpoint: bytes) -> None:
    try:
        work.resume(checkpoint, work.frames.file)
    except FileNotFoundError as error:
        raise PaintSettingsError(
            "The checkpoint's frames are not there: {file}.", file=error.filename
        ) from None


def _run_to_end(
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
                    bar.on_frame(event)
                case FramePainted():
                    bar.on_frame(event)
                    if checkpoints is not None:
                        checkpoints.on_event(event)
                case ScaleStarted():
                    pass  # A line for each frame says enough.
                case _:
                    bar.on_event(event)
    raise PaintingFailedError("The painting ended without a picture.")


def _write(work: ClipPainting, clip: Clip, folder: Path, output: OutputFile) -> tuple[int, int]:
    """Write the painted clip; the size of its frames."""
    lossless = folder / "painted.clip"
    about = clip.description
    write_clip(
        lossless, work.finished(), about.durations_ms, plays=about.plays, source=about.source
    )
    painted = read_clip(lossless, OWN_CLIPS)

    def encode(file: Path) -> None:
        try:
            with replacing(file) as temporary:
                encode_clip(painted, temporary, _KINDS[file.suffix.lower()])
        except EncodingFailedError as problem:
            raise NotWrittenError(
                "{file} cannot be written here: {reason}.", file=file.name, reason=str(problem)
            ) from problem

    output.write(encode)
    return painted.size
