"""Paint one job: from its rows to a picture in the store, or to a reason why not."""

import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from PIL import UnidentifiedImageError

from common.options import PaintOptions
from common.sentences import Sentence, sentence
from common.settings import Settings
from common.store import PictureMissingError, PictureStore, StorageUnavailableError
from engine.networks.encoder import WeightsProblem
from engine.networks.registry import resolve_network
from engine.output import Film, OutputProblem, encode_picture
from engine.painting import Control as PaintingControl
from engine.painting import (
    Event,
    Painted,
    PaintingFailed,
    PaintingStopped,
    Picture,
    SettingsProblem,
    Style,
    paint,
)
from engine.pipeline import FilmRecorder, Pictures, follow, loss_files, open_studio
from engine.styles.fetch import FetchStopped
from engine.styles.presets import StyleMissing
from engine.styles.swatches import MissingSwatches
from engine.worker.control import (
    Control,
    Disturbed,
    Ended,
    Failed,
    Finished,
    IfWell,
    Stopped,
    StopReason,
)
from engine.worker.job_pictures import fetch_pictures
from engine.worker.progress_reporter import ProgressReporter
from jobs.model import Failure, FailureKind, Job, PaintReport, Progress

log = logging.getLogger(__name__)

FILM_FRAMES = {"mp4": 120, "gif": 24}
"""A GIF keeps each frame whole: more would be too large for a message."""
FILM_LONG_SIDE_PX = 720
PROBE_SIDE_PX = 64


class JobPainter:
    """Paints jobs, one at a time, with networks that stay open from one to the next."""

    def __init__(self, settings: Settings) -> None:
        """Choose the device.

        Raises:
            SettingsProblem: this machine has no such device, or the memory is not a size.
        """
        self._settings = settings
        self._studio = open_studio(settings)
        self._swatches = MissingSwatches(settings.styles_dir, self.network_name())

    @property
    def device_name(self) -> str:
        """Such as `cpu` or `cuda:0`."""
        return str(self._studio.device)

    def network_name(self, requested: str = "auto") -> str:
        """The network that a job gets which asks for this one."""
        if requested == "auto":
            requested = self._settings.atelier_network
        return resolve_network(requested)

    def paint(
        self, job: Job, checkpoint: bytes | None, store: PictureStore, control: Control
    ) -> Ended:
        """Paint a job to its end, in the painting thread; whatever happens is an outcome."""
        try:
            return self._paint(job, checkpoint, store, control)
        except (PaintingStopped, FetchStopped):
            return Stopped(control.stop_reason or StopReason.SHUTDOWN)
        except Exception as error:  # noqa: BLE001 - each is explained to the member
            return _explained(error, job)

    def probe(self) -> str | None:
        """Paint a tiny picture, in the painting thread; what is wrong in English, or None.

        What a device says when it breaks differs from driver to driver, so it is asked to work.
        """
        gray = Picture(torch.full((3, PROBE_SIDE_PX, PROBE_SIDE_PX), 0.5))
        options = PaintOptions(
            size_px=PROBE_SIDE_PX, iterations=1, scales=1, network=self.network_name()
        )
        try:
            events = paint(gray, [Style(gray)], options, studio=self._studio)
            if any(isinstance(event, Painted) for event in events):
                return None
        except (SettingsProblem, WeightsProblem, PaintingFailed) as problem:
            return str(problem)
        except Exception as error:  # noqa: BLE001 - whatever it is, it cannot paint
            lines = str(error).splitlines() or [""]
            return f"{type(error).__name__}: {lines[0]}."
        return "It paints nothing."

    def idle(self, should_stop: Callable[[], bool]) -> None:
        """Do what can be done between jobs, in the painting thread; nothing is raised."""
        try:
            self._swatches.paint(should_stop)
        except Exception:
            log.exception("Something went wrong between jobs")

    def _paint(
        self, job: Job, checkpoint: bytes | None, store: PictureStore, control: Control
    ) -> Finished:
        def say(note: str) -> None:
            control.put_progress(Progress(0, 0, 0.0, note=note))

        network = self.network_name(job.options.network)
        pictures = fetch_pictures(
            job, store, self._settings, network, say=say, should_stop=lambda: control.stopping
        )
        events = self._events(job, pictures, checkpoint, control)
        reporter = ProgressReporter(store, control)
        if not job.options.timelapse:
            painted = follow(events, reporter)
            return Finished(_encoded(painted), _report(painted, pictures, job))
        kind = job.options.timelapse_format
        with TemporaryDirectory(prefix="atelier-", ignore_cleanup_errors=True) as folder:
            file = Path(folder) / f"film.{kind}"
            with Film(file) as film:
                recorder = FilmRecorder(
                    film,
                    frames=FILM_FRAMES[kind],
                    long_side_px=FILM_LONG_SIDE_PX,
                    share=lambda event: event.iteration / max(1, event.total),
                )
                painted = follow(events, reporter, recorder)
            timelapse = file.read_bytes() if file.is_file() else b""
        return Finished(
            _encoded(painted),
            _report(painted, pictures, job, film.note),
            timelapse,
            file.suffix,
            loss_files(painted.report),
        )

    def _events(
        self, job: Job, pictures: Pictures, checkpoint: bytes | None, control: Control
    ) -> Iterator[Event]:
        """Paint from the checkpoint; from the start, if it is of another version."""
        stopping = PaintingControl(should_stop=lambda: control.stopping)

        def painting(resume: bytes | None) -> Iterator[Event]:
            return pictures.paint(job.options, studio=self._studio, resume=resume, control=stopping)

        if checkpoint is not None:
            try:
                yield from painting(checkpoint)
            except SettingsProblem as problem:
                log.info("job %d: starts over: %s", job.id, problem)
            else:
                return
        yield from painting(None)


def _explained(error: Exception, job: Job) -> Failed | Disturbed:
    """Turn what went wrong into a sentence for the member; only surprises go into the log."""
    error_id = uuid.uuid4().hex[:8]
    match error:
        case SettingsProblem() | StyleMissing():
            is_input = isinstance(error, SettingsProblem)
            kind = FailureKind.INPUT if is_input else FailureKind.STYLE_MISSING
            return Failed(Failure.of(kind, error.sentence, error_id))
        case PictureMissingError():
            said = sentence("The pictures of this job are no longer stored; please post it again.")
            return Failed(Failure.of(FailureKind.INTERNAL, said, error_id))
        case PaintingFailed() | WeightsProblem() | OutputProblem():
            reason, if_well = str(error), IfWell.FAILS
            failure = Failure.of(FailureKind.ENGINE, error.sentence, error_id)
        case StorageUnavailableError():
            reason, if_well = str(error), IfWell.WAITS
            failure = store_failure(error_id)
        case OSError() if not isinstance(error, UnidentifiedImageError):
            reason, if_well = f"{error.strerror or error}.", IfWell.WAITS
            failure = store_failure(error_id)
        case _:
            log.error("job %d: error %s", job.id, error_id, exc_info=error)
            reason, if_well = f"{type(error).__name__}: {error}", IfWell.TRIED
            said = sentence("Something went wrong in the engine while painting; please try again.")
            failure = Failure.of(FailureKind.INTERNAL, said, error_id)
    return Disturbed(reason, failure, if_well)


def store_failure(error_id: str) -> Failure:
    """What the member is told where files cannot be read or written, again and again."""
    said = sentence("The pictures cannot be read or stored at the moment; please try again.")
    return Failure.of(FailureKind.ENGINE, said, error_id)


def _encoded(painted: Painted) -> bytes:
    return encode_picture(painted.picture, ".png")


def _report(
    painted: Painted, pictures: Pictures, job: Job, film_note: Sentence | None = None
) -> PaintReport:
    made = painted.report
    return PaintReport(
        network=made.network,
        device=made.device,
        precision=made.precision,
        width_px=made.width_px,
        height_px=made.height_px,
        seconds=made.seconds,
        iterations=made.iterations,
        seed=job.options.seed,
        notes=(*pictures.notes, *made.notes, *([film_note] if film_note else [])),
    )
