"""Paint a clip job, with progress and checkpoints by frame."""

import io
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from common.clips.clip import CLIP_SUFFIX, Clip, read_clip, write_clip
from common.clips.encoding import CLIP_KINDS, ClipKind, EncodingFailedError, encode_clip
from common.store import PictureMissingError, PictureStore
from engine.moving.events import ClipEvent, ClipPainted, FramePainted, FrameStepped
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.painting import (
    Control,
    Painted,
    PaintingFailedError,
    PaintingStoppedError,
    PaintSettingsError,
    Picture,
    Studio,
)
from engine.painting.events import Prepared
from engine.painting.picture import resized_mask
from engine.pipeline.pictures import Pictures
from engine.scratch import scratch_folder
from engine.worker.failures import note_start_over
from engine.worker.job_handle import Checkpoint, EarlierWork, JobHandle
from engine.worker.outcomes import ClipFiles
from engine.worker.previews import Previews, enlarged
from engine.worker.progress_reporter import PREVIEW_SECONDS, PROGRESS_SECONDS
from jobs.model import Job, Progress

log = logging.getLogger(__name__)

PREVIEW_SIDE_PX = 320
MOVING_PREVIEW_SECONDS = 5.0
"""Longer than for a picture, as a moving preview takes longer to make."""
PREVIEW_MS = 83


@dataclass(frozen=True)
class ClipResult:
    """A painted clip, with its first frame as poster."""

    poster: Painted
    files: ClipFiles


def paint_clip_job(
    job: Job,
    pictures: Pictures,
    *,
    studio: Studio,
    earlier: EarlierWork,
    store: PictureStore,
    handle: JobHandle,
) -> ClipResult:
    """Paint a job's clip, resuming from its checkpoint if that is valid.

    Large files are in the handle's folder: the clip, the painted frames, and the results.

    Args:
        job: has a clip among its inputs.
        pictures: of the same job, with a still picture in place of the clip.
        studio: where to paint.
        earlier: what earlier engines left of the job.
        store: has the clip, and gets previews.
        handle: gets progress, and is asked whether to stop.

    Raises:
        PictureMissingError, StorageUnavailableError: from the store.
        PaintingStoppedError: the job was stopped; the newest checkpoint was handed over before.
        ClipDamagedError: a frame cannot be read.
        And what `engine.painting.paint` raises.
    """
    assert job.inputs.clip is not None
    control, folder = Control(should_stop=handle.should_stop), handle.folder()
    photograph = folder / f"photograph{CLIP_SUFFIX}"
    store.get_file_sync(job.inputs.clip.picture, photograph)
    clip = read_clip(photograph)
    pictures = _with_content(pictures, Picture.from_image(clip.frame(0)))
    frames = PaintedFrames(folder / "frames")
    work = ClipPainting(clip, pictures, job.options, studio, frames, control=control)
    if earlier.checkpoint is not None:
        _resume(work, earlier, store, handle, job)
    reporter = ClipReporter(store, handle, len(clip), frames, stored=len(frames))
    ended = _run_to_end(work, reporter)
    handle.put_progress(reporter.progress(len(clip), 1.0, note="encoding the moving picture"))
    files = _files(work, clip, folder, control)
    poster = Picture.from_image(work.finished_frame(0))
    return ClipResult(Painted(poster, ended.report), files)


def _resume(
    work: ClipPainting, earlier: EarlierWork, store: PictureStore, handle: JobHandle, job: Job
) -> None:
    """Resume what is painted already; start over if that is of another version or gone."""
    assert earlier.checkpoint is not None

    def file(number: int) -> bytes:
        if number >= len(earlier.frames):
            raise PictureMissingError(f"Frame {number} of the painting was never stored.")
        return store.get_sync(earlier.frames[number])

    try:
        work.resume(earlier.checkpoint, file)
    except (PaintSettingsError, PictureMissingError) as problem:
        handle.begin_anew(note_start_over(job, problem))


def _with_content(pictures: Pictures, content: Picture) -> Pictures:
    """The pictures with the clip's first frame as content, and masks of its size."""

    def sized(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else resized_mask(mask, content.size)

    masks = {id(style.mask): sized(style.mask) for style in pictures.styles}
    styles = tuple(replace(style, mask=masks[id(style.mask)]) for style in pictures.styles)
    return replace(pictures, content=content, styles=styles, mask=sized(pictures.mask))


def _run_to_end(work: ClipPainting, reporter: "ClipReporter") -> ClipPainted:
    try:
        with closing(work.paint()) as events:
            for event in events:
                if isinstance(event, ClipPainted):
                    return event
                reporter.on_event(event)
    except PaintingStoppedError:
        reporter.keep_newest()
        raise
    raise PaintingFailedError("The painting ended without a picture.")


def _files(work: ClipPainting, clip: Clip, folder: Path, control: Control) -> ClipFiles:
    lossless = folder / f"painted{CLIP_SUFFIX}"
    about = clip.description
    write_clip(
        lossless, work.finished(), about.durations_ms, plays=about.plays, source=about.source
    )
    painted = read_clip(lossless)
    encoded: dict[str, Path] = {}
    for kind in CLIP_KINDS:
        if (file := _encoded(painted, folder, kind, control.check)) is not None:
            encoded[kind] = file
    if not encoded:
        raise PaintingFailedError("The moving picture was painted, but cannot be encoded here.")
    has_alpha = painted.description.has_alpha
    return ClipFiles(lossless, len(clip), clip.seconds, clip.plays, encoded, has_alpha)


def _encoded(painted: Clip, folder: Path, kind: ClipKind, check: Callable[[], None]) -> Path | None:
    file = folder / f"painted.{kind}"
    try:
        encode_clip(painted, file, kind, check=check)
    except EncodingFailedError as problem:
        log.warning("%s", problem)
        return None
    return file


@dataclass
class ClipReporter:
    """Reports a clip to the worker's event loop: finished frames, progress, moving previews."""

    store: PictureStore
    handle: JobHandle
    count: int
    """Number of all frames."""
    frames: PaintedFrames
    """The painted frames."""
    stored: int = 0
    """How many of them an earlier engine has stored."""
    _previews: Previews = field(init=False)
    _reported_at: float = 0.0
    _shown_at: float = 0.0
    _side_px: int = PREVIEW_SIDE_PX
    _newest: FramePainted | None = None
    _painted: int = 0

    def __post_init__(self) -> None:
        self._previews = Previews(self.store)

    def on_event(self, event: ClipEvent) -> None:
        """Report an event."""
        match event:
            case Prepared(scales=scales):
                self._side_px = min(PREVIEW_SIDE_PX, max(scales[-1][0]))
            case FrameStepped():
                self._painted = event.frame - 1
                if time.monotonic() - self._reported_at >= PROGRESS_SECONDS:
                    self._step_preview(event)
                    self._report(event)
            case FramePainted():
                self._painted, self._newest = event.frame, event
                self.keep_newest()
                self._loop_preview(event)
                self._report(event)
            case _:
                pass

    def keep_newest(self) -> None:
        """Hand over a checkpoint of the newest frame, once."""
        if self._newest is None:
            return
        data, frames = self._newest.checkpoint(), self._newest.frame
        self.handle.put_checkpoint(Checkpoint(data, frames, self.frames.file, self.stored))
        self._newest = None

    def progress(
        self, painted: int, fraction: float, *, left: float | None = None, note: str | None = None
    ) -> Progress:
        """Progress of the job after so many painted frames."""
        return Progress(
            painted,
            self.count,
            fraction,
            seconds_left=left,
            preview_key=self._previews.newest,
            note=note,
            frame=painted,
            frames=self.count,
        )

    def _report(self, event: FrameStepped | FramePainted) -> None:
        self._reported_at = time.monotonic()
        told = self.progress(self._painted, event.fraction, left=event.seconds_left)
        self.handle.put_progress(told)

    def _step_preview(self, event: FrameStepped) -> None:
        """A preview of the unfinished first frame, as there is nothing else to show."""
        if event.frame > 1 or time.monotonic() - self._shown_at < PREVIEW_SECONDS:
            return
        self._shown_at = time.monotonic()
        if self._previews.is_free:
            self._previews.show(enlarged(event.preview(self._side_px), self._side_px))

    def _loop_preview(self, event: FramePainted) -> None:
        if time.monotonic() - self._shown_at < MOVING_PREVIEW_SECONDS or not self._previews.is_free:
            return
        images = event.preview(PREVIEW_SIDE_PX)
        self._shown_at = time.monotonic()
        if len(images) == 1:
            self._previews.show(images[0])
        elif (loop := _loop(images)) is not None:
            self._previews.show_file(loop, ".gif")


def _loop(images: Sequence[Image.Image]) -> bytes | None:
    """A short GIF of some frames; None if it could not be made."""
    file = io.BytesIO()
    write_clip(file, images, [PREVIEW_MS] * len(images))
    try:
        with scratch_folder() as folder:
            gif = Path(folder) / "preview.gif"
            encode_clip(read_clip(file.getvalue()), gif, "gif")
            return gif.read_bytes()
    except (OSError, EncodingFailedError) as problem:
        log.warning("no preview: %s", problem)  # a full disk must not end a painting
        return None
