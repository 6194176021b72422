"""A fake engine: it works on the queue like a real one, but posterizes pictures."""

import asyncio
import contextlib
import io
import os
import time
from dataclasses import dataclass, field, replace

from PIL import Image, ImageOps

from common.sentences import Sentence
from common.settings import Settings
from common.variants import variants_of
from common.version import VERSION
from jobs.model import Claim, EngineInfo, Failure, FailureKind, Job, PaintReport, Progress
from jobs.outcomes import LeaseHeld
from jobs.queue import JobQueue
from tests.kit.fake_clips import moving_preview, painted_clip
from tests.kit.pictures import encoded, plain_picture
from tests.kit.samples import reload

ENGINE_INFO = EngineInfo(
    id="fake", host="test", device="cpu", network="lite", version=VERSION, pid=1
)
STEPS = 4
POLL_SECONDS = 0.2
HEARTBEAT_SECONDS = 0.5


def _tint(image: Image.Image, number: int) -> Image.Image:
    """Give each version a color of its own; the first is the picture itself."""
    tints = (None, "teal", "olive", "brown", "navy", "purple")
    tint = tints[number]
    if tint is None:
        return image
    return Image.blend(image, Image.new("RGB", image.size, tint), 0.4)


@dataclass
class FakeEngine:
    """Works on any job (`run`), or on one job of the test, step by step."""

    queue: JobQueue
    step_seconds: float = 0.02
    noise: bool = False
    """Results are noise, which PNG cannot compress."""
    fails_with: str | None = None
    notes: tuple[Sentence, ...] = ()
    unavailable_styles: tuple[str, ...] = ()
    """Presets that it reports as unavailable in jobs with several styles."""
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)
    """While cleared, jobs wait at 50 %."""
    painted_job_ids: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_finish.set()

    @classmethod
    async def open(cls, settings: Settings) -> "FakeEngine":
        """An engine with a queue connection of its own."""
        engine = cls(await JobQueue.open(settings))
        await engine.register()
        return engine

    async def register(self) -> None:
        await self.queue.engines.register(ENGINE_INFO)

    # Any job

    async def run(self) -> None:
        """Paint jobs until cancelled."""
        next_heartbeat = 0.0
        while True:
            claim = await self.queue.claims.claim(ENGINE_INFO.id)
            if claim is not None:
                await self._work(claim)
                continue
            if time.monotonic() >= next_heartbeat:  # not more often, as each one wakes the bot
                await self.queue.engines.heartbeat(ENGINE_INFO.id)
                next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
            await self.queue.wait_for_work(POLL_SECONDS)

    async def _work(self, claim: Claim) -> None:
        job = claim.job
        if self.fails_with is not None:
            await self.queue.claims.fail(claim, Failure(FailureKind.INPUT, self.fails_with, "e1d2"))
            return
        if job.options.vary == "style" and self.unavailable_styles:
            await self.queue.claims.leave_out(claim, self.unavailable_styles)
            job = await reload(self.queue, job)
        content = await self.queue.store.get(job.inputs.content)
        for step in range(1, STEPS):
            image = Image.open(io.BytesIO(content)).convert("RGB")
            preview = await self.queue.store.put(encoded(image.resize((48, 48)), "JPEG"), ".jpg")
            progress = Progress(step, STEPS, step / STEPS, 1.0 * (STEPS - step), preview)
            if (moving := job.inputs.clip) is not None:
                preview = await moving_preview(job, self.queue.store)
                progress = replace(progress, preview_key=preview, frame=step, frames=moving.frames)
            outcome = await self.queue.claims.report_progress(claim, progress)
            if not isinstance(outcome, LeaseHeld) or outcome.cancel_requested:
                await self.queue.claims.cancelled(claim)
                return
            await asyncio.sleep(self.step_seconds)
            while step == STEPS // 2 and not self.may_finish.is_set():
                outcome = await self.queue.claims.renew(claim)
                if isinstance(outcome, LeaseHeld) and outcome.cancel_requested:
                    await self.queue.claims.cancelled(claim)
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.may_finish.wait(), POLL_SECONDS)
        image, clip = self._result(content, job.options.size_px), None
        if job.inputs.clip is not None:
            image, clip = await painted_clip(job, self.queue.store, noise=self.noise)
        versions = variants_of(job.inputs, job.options)
        keys = [
            await self.queue.store.put(encoded(await self._version(job, image, number)), ".png")
            for number in range(len(versions))
        ]
        key = keys[0]
        timelapse, records = None, {}
        if job.options.timelapse:
            timelapse = await self.queue.store.put(encoded(image, "GIF"), ".gif")
            plot = await self.queue.store.put(encoded(image.rotate(180)), ".png")
            records = {"losses.png": plot}
        report = PaintReport(
            "lite",
            "cpu",
            "fp32",
            *image.size,
            seconds=1.0,
            iterations=STEPS,
            seed=job.options.seed,
            notes=self.notes,
            records=records,
            variants=tuple(keys) if len(keys) > 1 else (),
            clip=clip,
        )
        self.painted_job_ids.append(job.id)
        await self.queue.claims.finish(claim, key, report, timelapse_key=timelapse)

    async def _version(self, job: Job, first: Image.Image, number: int) -> Image.Image:
        if job.options.vary != "photo":
            return _tint(first, number)
        variant = variants_of(job.inputs, job.options)[number]
        return self._result(await self.queue.store.get(variant.inputs.content), job.options.size_px)

    def _result(self, content: bytes, size_px: int) -> Image.Image:
        if self.noise:
            return Image.frombytes("RGB", (size_px, size_px), os.urandom(size_px * size_px * 3))
        image = Image.open(io.BytesIO(content)).convert("RGB")
        image.thumbnail((size_px, size_px))
        return ImageOps.posterize(image, 3)

    # One job, step by step

    async def _claim(self, job: Job) -> Claim:
        claim = await self.queue.claims.claim(ENGINE_INFO.id)
        assert claim is not None
        assert claim.job.id == job.id
        return claim

    async def start(self, job: Job) -> None:
        """Claim the next job, which must be this one, and report 25 %."""
        claim = await self._claim(job)
        await self.queue.claims.report_progress(claim, Progress(1, 4, 0.25, seconds_left=30.0))

    async def paint(self, job: Job, *, size: tuple[int, int] = (128, 96)) -> Job:
        """Paint the next job, which must be this one."""
        claim = await self._claim(job)
        preview = await self.queue.store.put(plain_picture((40, 30), "olive"), ".png")
        await self.queue.claims.report_progress(claim, Progress(3, 4, 0.75, preview_key=preview))
        picture = plain_picture((128, 96), f"#{job.id % 256:02x}8080")
        key = await self.queue.store.put(picture, ".png")
        report = PaintReport("lite", "cpu", "fp32", *size, seconds=2.0, iterations=4, seed=0)
        timelapse = key if job.options.timelapse else None  # a still picture will do
        await self.queue.claims.finish(claim, key, report, timelapse_key=timelapse)
        return await reload(self.queue, job)

    async def finish_some(self, job: Job, count: int) -> Claim:
        """Claim the next job, which must be this one, and finish this many of its pictures.

        Stops before the last one, which would finish the job. Counts pictures finished earlier.
        """
        claim = await self._claim(job)
        keys, store = [*claim.done], self.queue.store
        variants = variants_of(job.inputs, job.options)
        image = self._result(await store.get(job.inputs.content), job.options.size_px)
        while len(keys) < min(count, len(variants) - 1):
            version = await self._version(job, image, len(keys))
            keys.append(await store.put(encoded(version), ".png"))
        preview = await store.put(plain_picture((40, 30), "olive"), ".png")
        progress = Progress(count, len(variants), count / len(variants), None, preview)
        await self.queue.claims.report_progress(claim, replace(progress, done=tuple(keys)))
        return claim

    async def fail(self, job: Job) -> None:
        """Fail the next job, which must be this one."""
        failure = Failure(FailureKind.ENGINE, "The engine broke.", "abcd")
        await self.queue.claims.fail(await self._claim(job), failure)
