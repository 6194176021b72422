"""Paints one job: from its database rows to the outcome."""

import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from common.options import network_for, resolve_network
from common.settings import Settings
from common.store import PictureMissingError, PictureStore
from common.variants import variants_of, without_styles
from engine.networks.encoder import WeightsError
from engine.painting import (
    Control,
    Event,
    PaintingFailedError,
    PaintingStoppedError,
    PaintSettingsError,
    devices,
)
from engine.pipeline.listeners import run_with_listeners
from engine.pipeline.pictures import Pictures
from engine.pipeline.recording import loss_files
from engine.pipeline.studio import open_studio
from engine.pipeline.timelapse import TimeLapseRecorder
from engine.scratch import scratch_folder
from engine.styles.fetch import FetchStoppedError
from engine.styles.presets import StyleMissingError
from engine.styles.swatches import MissingSwatches
from engine.worker.abilities import Abilities, abilities_of, probe_device
from engine.worker.clip_painting import paint_clip_job
from engine.worker.failures import note_start_over, outcome_of
from engine.worker.health import EngineInTroubleError
from engine.worker.job_handle import EarlierWork, JobHandle, StopReason
from engine.worker.job_pictures import fetch_pictures
from engine.worker.job_result import finished_job, merged_versions
from engine.worker.outcomes import Finished, Outcome, Stopped
from engine.worker.pace import MeasuredPace
from engine.worker.previews import Previews
from engine.worker.progress_reporter import PREVIEW_SIDE_PX, ProgressReporter, VersionsSoFar
from engine.worker.storing import store_version
from jobs.model import Job

log = logging.getLogger(__name__)

TIMELAPSE_FRAMES = {"mp4": 120, "gif": 24}
"""A GIF stores each frame completely, so more frames would be too large for a message."""
TIMELAPSE_LONG_SIDE_PX = 720
COLD_SECONDS = 20.0
"""Of a shorter painting, what is loaded for the first one is so large a part that it tells nothing
about the time of the next."""


class JobPainter:
    """Paints jobs, one at a time; networks stay loaded from one to the next."""

    def __init__(self, settings: Settings) -> None:
        """Choose the device.

        Raises:
            PaintSettingsError: this machine has no such device, or the memory is not a size.
        """
        self._settings = settings
        self._studio = open_studio(settings)
        self._swatches = MissingSwatches(settings.styles_dir, self.network_name())
        self._pace = MeasuredPace(self._studio, self.network_name(), settings.pace_dir)
        self._abilities: Abilities | None = None
        self._warm = set[str]()
        """Networks that have painted a picture here."""
        self._holds_memory = False
        """Whether torch may keep the memory of the last painting for the next one."""

    @property
    def device_name(self) -> str:
        """Such as `cpu` or `cuda:0`."""
        return str(self._studio.device)

    @property
    def precision(self) -> str:
        """Precision of the network, such as `bf16`."""
        return devices.precision_name(self._studio.dtype)

    def abilities(self) -> Abilities:
        """What this engine announces; see `engine.worker.abilities`.

        For a GPU that has failed, and does not answer, what was announced before.

        Raises:
            EngineInTroubleError: it never answered, as one whose memory others have taken.
        """
        try:
            self._abilities = abilities_of(self._studio, self._pace.seconds)
        except RuntimeError as error:
            if self._abilities is None:
                reason = str(error).partition("\n")[0]
                raise EngineInTroubleError(
                    f"{self.device_name} does not answer: {reason}"
                ) from error
        return self._abilities

    def memory_used_bytes(self) -> int | None:
        """Memory of the device in use; None if it does not answer, as a GPU that has failed."""
        try:
            return devices.used_memory_bytes(self._studio.device)
        except RuntimeError:
            return None

    def network_name(self) -> str:
        """The network for jobs that ask for none."""
        return resolve_network("auto", self._settings.atelier_network)

    def paint(
        self,
        job: Job,
        earlier: EarlierWork,
        store: PictureStore,
        handle: JobHandle,
    ) -> Outcome:
        """Paint a job, in the painting thread. Raises nothing: errors are outcomes, too.

        Args:
            job: what to paint.
            earlier: what earlier engines left of it.
            store: has its pictures, and gets previews and versions.
            handle: gets progress, and is asked whether to stop.
        """
        self._holds_memory = True
        try:
            return self._paint(job, earlier, store, handle)
        except (PaintingStoppedError, FetchStoppedError):
            return Stopped(handle.stop_reason or StopReason.SHUTDOWN)
        except Exception as error:  # noqa: BLE001 - each is explained to the member
            return outcome_of(error, job)

    def probe(self) -> str | None:
        """Test the device, in the painting thread; what is wrong, in English, or None."""
        return probe_device(self._studio, self.network_name())

    def idle(self, should_stop: Callable[[], bool]) -> None:
        """Measure the pace and paint swatches, in the painting thread; raises nothing."""
        try:
            if self._holds_memory:
                self._holds_memory = False
                devices.release_memory(self._studio.device)  # other programs may want it
            self._pace.measure(should_stop)
            self._swatches.paint(should_stop)
        except PaintingStoppedError:
            pass  # a job has come; there will be time again
        except (PaintSettingsError, WeightsError, PaintingFailedError) as problem:
            log.warning("nothing can be painted here: %s", problem)
        except Exception:
            log.exception("Something went wrong between jobs")

    def _paint(
        self,
        job: Job,
        earlier: EarlierWork,
        store: PictureStore,
        handle: JobHandle,
    ) -> Finished:
        """Paint the versions one after the other; most jobs have only one.

        What they share, such as style statistics, is cached by the studio.
        """
        variants = variants_of(job.inputs, job.options)
        versions = _finished_before(earlier.done, store, len(variants))
        missing: dict[str, StyleMissingError] = {}
        parts: list[Finished] = []
        number = len(versions.keys)
        while number < len(variants):
            one = variants[number]
            try:
                part = self._paint_one(
                    replace(job, inputs=one.inputs, options=one.options),
                    EarlierWork() if parts or missing else earlier,
                    store,
                    handle,
                    ProgressReporter(store, handle, versions),
                )
            except StyleMissingError as error:
                if error.is_trouble_here:
                    raise
                preset = one.inputs.styles[0].preset
                inputs, options = without_styles(job.inputs, job.options, [preset or ""])
                if preset is None or job.options.vary != "style" or not inputs.styles:
                    raise next(iter(missing.values()), error) from None
                missing[preset] = error
                job = replace(job, inputs=inputs, options=options)
                variants = variants_of(inputs, options)
                versions.count = len(variants)
                if not parts:  # how the last was painted is to be told, and is not known
                    versions.drop_from(len(variants) - 1)
                    number = len(versions.keys)
                if number > 0:
                    handle.leave_out(missing)
                continue
            parts.append(part)
            number += 1
            if missing:
                handle.leave_out(missing)
            if number < len(variants):
                versions.add(store_version(store, part.picture, handle), _small(part.picture))
                if len(parts) > 1 or earlier.checkpoint is None:
                    versions.seconds_each = part.report.whole_seconds or None
                previews = Previews(store)
                previews.show(versions.sheet())
                told = replace(versions.progress(), preview_key=previews.newest)
                handle.put_progress(told)
        return parts[0] if len(variants) == 1 else merged_versions(parts, versions, job)

    def _paint_one(
        self,
        job: Job,
        earlier: EarlierWork,
        store: PictureStore,
        handle: JobHandle,
        reporter: ProgressReporter,
    ) -> Finished:
        began, has_downloaded = time.perf_counter(), False

        def say(note: str) -> None:
            nonlocal has_downloaded
            has_downloaded = True
            handle.put_progress(reporter.versions.progress(note=note))

        network = job.network or network_for(job.options, self._settings.atelier_network)
        pictures = fetch_pictures(
            job, store, self._settings, network, say=say, should_stop=handle.should_stop
        )
        if has_downloaded:  # which says nothing about the speed of this engine
            began = time.perf_counter()
        finished = self._paint_pictures(job, pictures, earlier, reporter)
        seconds = time.perf_counter() - began
        if network not in self._warm:
            self._warm.add(network)
            if seconds < COLD_SECONDS:
                seconds = 0.0
        return replace(finished, report=replace(finished.report, whole_seconds=seconds))

    def _paint_pictures(
        self,
        job: Job,
        pictures: Pictures,
        earlier: EarlierWork,
        reporter: ProgressReporter,
    ) -> Finished:
        if job.inputs.clip is not None:
            moving = paint_clip_job(
                job,
                pictures,
                studio=self._studio,
                earlier=earlier,
                store=reporter.store,
                handle=reporter.handle,
            )
            return replace(finished_job(moving.poster, pictures, job), moving=moving.files)
        events = self._events(job, pictures, earlier, reporter.handle)
        if not job.options.timelapse:
            return finished_job(run_with_listeners(events, reporter), pictures, job)
        kind = job.options.timelapse_format
        with scratch_folder() as folder:
            file = Path(folder) / f"timelapse.{kind}"
            with TimeLapseRecorder(
                file,
                frames=TIMELAPSE_FRAMES[kind],
                long_side_px=TIMELAPSE_LONG_SIDE_PX,
                share=lambda event: event.iteration / max(1, event.total),
            ) as recorder:
                reporter.recorder = recorder
                painted = run_with_listeners(events, reporter, recorder)
            timelapse = file.read_bytes() if file.is_file() else b""
        return replace(
            finished_job(painted, pictures, job, recorder.note),
            timelapse=timelapse,
            timelapse_suffix=file.suffix,
            records=loss_files(painted.report),
        )

    def _events(
        self, job: Job, pictures: Pictures, earlier: EarlierWork, handle: JobHandle
    ) -> Iterator[Event]:
        """Paint, resuming from the checkpoint unless it is of another version of Atelier."""
        stopping = Control(should_stop=handle.should_stop)

        def painting(resume: bytes | None) -> Iterator[Event]:
            return pictures.paint(job.options, studio=self._studio, resume=resume, control=stopping)

        if earlier.checkpoint is not None:
            try:
                yield from painting(earlier.checkpoint)
            except PaintSettingsError as problem:
                # Of several pictures it may be of the one before, which is finished.
                why = note_start_over(job, problem)
                if not earlier.done:
                    handle.begin_anew(why)
            else:
                return
        yield from painting(None)


def _finished_before(done: tuple[str, ...], store: PictureStore, count: int) -> VersionsSoFar:
    """Versions that earlier engines finished; at least one is left to paint."""
    versions = VersionsSoFar(count)
    for key in done[: count - 1]:
        try:
            versions.add(key, _small(store.get_sync(key)))
        except PictureMissingError:
            break
    return versions


def _small(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    image.thumbnail((PREVIEW_SIDE_PX, PREVIEW_SIDE_PX))
    return image.convert("RGB")
