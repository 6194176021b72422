"""An engine that claims, shows progress and finishes like a real one, but only copies pictures."""

import asyncio
import io
import os
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps

from common.sentences import Sentence
from common.settings import Settings
from jobs.model import Claim, EngineInfo, Failure, FailureKind, PaintReport, Progress
from jobs.outcomes import LeaseHeld
from jobs.queue import JobQueue

ENGINE = EngineInfo(id="painter", host="test", device="cpu", network="lite", version="1", pid=1)
STEPS = 4


@dataclass
class Painter:
    """Works on a queue connection of its own, in the loop of the test.

    Attributes:
        hold: While cleared, jobs that were claimed go no further than half.
        noise: Whether results are noise, which no PNG makes small.
    """

    queue: JobQueue
    step_seconds: float = 0.02
    noise: bool = False
    fails_with: str | None = None
    notes: tuple[Sentence, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    painted: list[int] = field(default_factory=list)

    @classmethod
    async def open(cls, settings: Settings) -> "Painter":
        painter = cls(await JobQueue.open(settings))
        painter.hold.set()
        await painter.queue.engines.register(ENGINE)
        return painter

    async def run(self) -> None:
        while True:
            claim = await self.queue.claims.claim(ENGINE.id)
            if claim is None:
                await self.queue.engines.heartbeat(ENGINE.id)
                await asyncio.sleep(0.05)
            else:
                await self.paint(claim)

    async def paint(self, claim: Claim) -> None:
        job = claim.job
        if self.fails_with is not None:
            await self.queue.claims.fail(claim, Failure(FailureKind.INPUT, self.fails_with, "e1d2"))
            return
        content = await self.queue.store.get(job.inputs.content)
        for step in range(1, STEPS):
            image = Image.open(io.BytesIO(content)).convert("RGB")
            preview = await self.queue.store.put(encoded(image.resize((48, 48)), "JPEG"), ".jpg")
            progress = Progress(step, STEPS, step / STEPS, 1.0 * (STEPS - step), preview)
            outcome = await self.queue.claims.report_progress(claim, progress)
            if not isinstance(outcome, LeaseHeld) or outcome.cancel_requested:
                await self.queue.claims.cancelled(claim)
                return
            await asyncio.sleep(self.step_seconds)
            while step == STEPS // 2 and not self.hold.is_set():
                outcome = await self.queue.claims.renew(claim)
                if isinstance(outcome, LeaseHeld) and outcome.cancel_requested:
                    await self.queue.claims.cancelled(claim)
                    return
                await asyncio.sleep(0.05)
        image = self.result(content, job.options.size_px)
        key = await self.queue.store.put(encoded(image, "PNG"), ".png")
        lapse, records = None, {}
        if job.options.timelapse:
            lapse = await self.queue.store.put(encoded(image, "GIF"), ".gif")
            plot = await self.queue.store.put(encoded(image.rotate(180), "PNG"), ".png")
            records = {"losses.png": plot}
        report = PaintReport(
            "lite",
            "cpu",
            "fp32",
            *image.size,
            seconds=1.0,
            iterations=STEPS,
            seed=job.options.seed,
            extra=self.extra,
            notes=self.notes,
            records=records,
        )
        self.painted.append(job.id)
        await self.queue.claims.finish(claim, key, report, timelapse_key=lapse)

    def result(self, content: bytes, size_px: int) -> Image.Image:
        if self.noise:
            return Image.frombytes("RGB", (size_px, size_px), os.urandom(size_px * size_px * 3))
        image = Image.open(io.BytesIO(content)).convert("RGB")
        image.thumbnail((size_px, size_px))
        return ImageOps.posterize(image, 3)


def encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()
