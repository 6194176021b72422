"""Paint one job: from its rows to a picture in the store, or to a reason why not."""

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

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
    Report,
    SettingsProblem,
)
from engine.pipeline import FilmRecorder, Pictures, follow, loss_files, open_studio
from engine.scratch import scratch_folder
from engine.styles.fetch import FetchStopped
from engine.styles.presets import StyleMissing
from engine.styles.swatches import MissingSwatches
from engine.worker.control import Control, Ended, Failed, Finished, Stopped, StopReason
from engine.worker.job_pictures import fetch_pictures
from engine.worker.progress_reporter import ProgressReporter
from jobs.model import Failure, FailureKind, Job, PaintReport, Progress

log = logging.getLogger(__name__)

FILM_FRAMES = {"mp4": 120, "gif": 24}
"""A GIF keeps each frame whole: more would be too large for a message."""
FILM_LONG_SIDE_PX = 720


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
            return Finished(_stored(painted, store), _report(painted, pictures, job))
        kind = job.options.timelapse_format
        with scratch_folder() as folder:
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
        report = _report(painted, pictures, job, film.note)
        result_key = _stored(painted, store)
        return Finished(
            result_key,
            replace(report, records=_stored_losses(painted.report, store)),
            timelapse_key=store.put_sync(timelapse, file.suffix) if timelapse else None,
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


def _explained(error: Exception, job: Job) -> Failed:
    """Turn what went wrong into a sentence for the member; only surprises go into the log."""
    error_id = uuid.uuid4().hex[:8]
    may_retry = False
    match error:
        case SettingsProblem():
            kind, said = FailureKind.INPUT, error.sentence
        case StyleMissing():
            kind, said = FailureKind.STYLE_MISSING, error.sentence
        case PaintingFailed() | WeightsProblem() | OutputProblem():
            kind, said = FailureKind.ENGINE, error.sentence
        case StorageUnavailableError():
            log.warning("job %d: error %s: %s", job.id, error_id, error)
            kind, may_retry = FailureKind.ENGINE, True
            said = sentence(
                "The pictures cannot be read or stored at the moment; please try again."
            )
        case PictureMissingError():
            kind = FailureKind.INTERNAL
            said = sentence("The pictures of this job are no longer stored; please post it again.")
        case _:
            log.error("job %d: error %s", job.id, error_id, exc_info=error)
            kind, may_retry = FailureKind.INTERNAL, True
            said = sentence("Something went wrong in the engine while painting; please try again.")
    return Failed(Failure.of(kind, said, error_id), may_retry)


def _stored(painted: Painted, store: PictureStore) -> str:
    """The key of the finished picture."""
    return store.put_sync(encode_picture(painted.picture, ".png"), ".png")


def _stored_losses(report: Report, store: PictureStore) -> dict[str, str]:
    """Store the course of the loss, which goes with the film; the key of each file by its name.

    Nothing is stored where the disk has no room left: no painting is given up for that.
    """
    try:
        return {
            name: store.put_sync(data, Path(name).suffix)
            for name, data in loss_files(report).items()
        }
    except StorageUnavailableError as problem:
        log.warning("no loss curve: %s", problem)
        return {}


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
