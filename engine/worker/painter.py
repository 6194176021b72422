"""Paint one job: from its rows to a picture in the store, or to a reason why not."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

from common.sentences import sentence
from common.settings import Settings
from common.store import PictureMissing, PictureStore, StorageUnavailable
from engine.networks.encoder import WeightsProblem
from engine.networks.registry import NetworkSource, resolve_network
from engine.output import OutputProblem, encode_picture
from engine.painting.devices import choose_device, parse_allowance
from engine.painting.events import Event, Painted
from engine.painting.painter import paint
from engine.painting.problems import PaintingFailed, PaintingStopped, SettingsProblem
from engine.painting.studio import Control as PaintingControl
from engine.painting.studio import Studio
from engine.styles.fetch import FetchStopped
from engine.styles.presets import StyleMissing
from engine.styles.statistics_files import StatisticsFiles
from engine.styles.swatches import MissingSwatches
from engine.worker.control import Control, Ended, Failed, Finished, Stopped, StopReason
from engine.worker.course import store_losses
from engine.worker.film import JobFilm
from engine.worker.sitting import Sitting
from engine.worker.sources import Sources, gather
from jobs.model import Failure, FailureKind, Job, PaintReport, Progress

log = logging.getLogger(__name__)


class JobPainter:
    """Paints jobs, one at a time, with networks that stay open from one to the next."""

    def __init__(self, settings: Settings) -> None:
        """Choose the device.

        Raises:
            SettingsProblem: this machine has no such device, or the memory is not a size.
        """
        memory = settings.atelier_max_memory
        device = choose_device(settings.atelier_device)
        self._settings = settings
        self._studio = Studio(
            source=NetworkSource(settings.atelier_vgg19_weights),
            device=device,
            precision=settings.atelier_precision,
            max_memory_bytes=parse_allowance(memory, device) if memory else None,
            statistics=StatisticsFiles(settings.atelier_data_dir / "statistics"),
        )

        self._swatches = MissingSwatches(settings.styles_dir)

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
        sources = gather(
            job, store, self._settings, network, say=say, should_stop=lambda: control.stopping
        )
        with ExitStack() as stack:
            wanted = job.options.timelapse
            film = stack.enter_context(JobFilm(job.options.timelapse_format)) if wanted else None
            events = self._events(job, sources, checkpoint, control)
            painted = Sitting(store, control, film).follow(events)
            timelapse = film.finish(painted.picture) if film is not None else b""
        report = _report(painted, sources, job)
        result_key = store.put_sync(encode_picture(painted.picture, ".png"), ".png")
        if film is None:
            return Finished(result_key, report)
        records = store_losses(painted.report, store)
        return Finished(
            result_key,
            replace(report, notes=(*report.notes, *film.notes), records=records),
            timelapse_key=store.put_sync(timelapse, film.suffix) if timelapse else None,
        )

    def _events(
        self, job: Job, sources: Sources, checkpoint: bytes | None, control: Control
    ) -> Iterator[Event]:
        """Paint from the checkpoint; from the start, if it is of another version."""
        options = job.options.model_copy(update={"network": sources.network})
        stopping = PaintingControl(should_stop=lambda: control.stopping)

        def painting(resume: bytes | None) -> Iterator[Event]:
            return paint(
                sources.content,
                sources.styles,
                options,
                studio=self._studio,
                mask=sources.mask,
                start=sources.start,
                resume=resume,
                control=stopping,
            )

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
        case StorageUnavailable():
            log.warning("job %d: error %s: %s", job.id, error_id, error)
            kind, may_retry = FailureKind.ENGINE, True
            said = sentence(
                "The pictures cannot be read or stored at the moment; please try again."
            )
        case PictureMissing():
            kind = FailureKind.INTERNAL
            said = sentence("The pictures of this job are no longer stored; please post it again.")
        case _:
            log.error("job %d: error %s", job.id, error_id, exc_info=error)
            kind, may_retry = FailureKind.INTERNAL, True
            said = sentence("Something went wrong in the engine while painting; please try again.")
    return Failed(Failure.of(kind, said, error_id), may_retry)


def _report(painted: Painted, sources: Sources, job: Job) -> PaintReport:
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
        notes=(*sources.notes, *made.notes),
    )
