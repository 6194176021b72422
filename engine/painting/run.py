"""One painting from its first iteration to its last: scales, recoveries, tiles, checkpoints."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import torch
from PIL import Image
from torch import Tensor

from common.options import PaintOptions
from common.sentences import sentence
from engine.networks.encoder import Encoder
from engine.painting import checkpoint, devices
from engine.painting.events import (
    Event,
    Painted,
    Recovered,
    Report,
    Retiled,
    ScaleStarted,
    Stepped,
)
from engine.painting.finish import Finisher
from engine.painting.inputs import Inputs
from engine.painting.ledger import Ledger
from engine.painting.measuring import Measuring
from engine.painting.memory import (
    Memory,
    choose_core,
    halved_core,
    no_memory,
    tile_bytes,
    tiling_for,
)
from engine.painting.objective import Objective, make_objective
from engine.painting.optimisers import Optimiser
from engine.painting.picture import Size
from engine.painting.plan import Plan
from engine.painting.problems import PaintingFailed
from engine.painting.report import make_report
from engine.painting.shortage import attempt
from engine.painting.stages import Stages
from engine.painting.standing import Standing
from engine.painting.studio import Control, Studio
from engine.painting.thrift import Thrift
from engine.painting.tiles import Tiling
from engine.painting.work import Work

CHECK_EVERY = 10
"""Iterations from one look at the losses to the next; each look waits for the device."""
_MOST_FAILURES = 3


@dataclass(eq=False)
class Run:
    """The state of a painting.

    Attributes:
        plan: all numbers.
        inputs: all pictures.
        options: of the job; the plan holds most of them resolved.
        studio: device, networks, memory.
        network: name of the network.
        finisher: makes pictures to show.
        job: fingerprint that a checkpoint must carry.
        control: may stop the painting.
        memory: to paint in.
        planned_bytes: memory that the plan was made for.
    """

    plan: Plan
    inputs: Inputs
    options: PaintOptions
    studio: Studio
    network: str
    finisher: Finisher
    job: str
    control: Control
    memory: Memory
    planned_bytes: int
    _standing: Standing = field(init=False)
    _thrift: Thrift = field(init=False)
    _stages: Stages = field(init=False)
    _tiling: Tiling | None = field(init=False, default=None)
    _lacking: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._standing = Standing(Ledger(self.plan), self.studio.dtype, self.plan.tile_px)
        self._stages = Stages(self.plan, self.inputs, self.options, self.studio, self._standing)
        self._thrift = Thrift.from_here(self.memory, self.studio.device)

    def paint(self, resumed: checkpoint.Kept | None = None) -> Iterator[Event]:
        """All scales, from the start or from a checkpoint."""
        devices.reset_peak_memory(self.studio.device)
        first = 0 if resumed is None else resumed.progress.scale
        optimiser: Optimiser | None = None
        shown: Tensor | None = None
        for number in range(first, len(self.plan.scales)):
            if resumed is not None and number == first:
                work = self._stages.resumed(resumed)
            else:
                work = self._stages.next(number, optimiser)
            if not work.done:
                self._standing.ledger.reference = None  # It was that of another size.
            shown = yield from self._paint_scale(work)
            optimiser = work.optimiser
            del work
        if shown is None:
            raise PaintingFailed("The checkpoint holds no picture to go on from.")
        del optimiser  # The finished picture needs memory too.
        picture = self.finisher.picture(shown)
        del shown
        yield Painted(picture, self._report(picture.size))

    def _paint_scale(self, work: Work) -> Generator[Event, None, Tensor]:
        """One scale; returns the picture that it ends with."""
        number, ledger = work.number, self._standing.ledger
        size, count = self.plan.scales[number].size, self.plan.scales[number].iterations
        try:
            while True:
                self._check()
                if work.objective is None:
                    if attempt(lambda: self._set_up(work), self.studio.device) is None:
                        yield self._short_of_memory(work)
                        continue
                    yield ScaleStarted(number, size, work.tiling.count if work.tiling else 1)
                if work.ended or work.done >= count:
                    break
                if attempt(lambda: self._iterate(work), self.studio.device) is None:
                    yield self._short_of_memory(work)
                    continue
                if work.done % CHECK_EVERY == 0 or work.done == count:
                    if not ledger.finite_after(number, work.good_at):
                        work.close()
                        yield self._recovered(work)
                        continue
                    work.remember()
                    work.ended = ledger.stalled(self.plan.min_improvement)
                yield self._stepped(work)
            return work.shown()
        finally:
            work.close()

    def _iterate(self, work: Work) -> int:
        scale = self.plan.scales[work.number]
        begun = time.perf_counter()
        number, progress = self._before(work) + work.done, work.done / scale.iterations
        found = work.iterate(number, progress, self._check)
        self._standing.ledger.add(work.number, work.done, found, time.perf_counter() - begun)
        return work.done

    def _set_up(self, work: Work) -> Objective:
        scale, encoder = self._stages.plan.scales[work.number], self._encoder()
        layers, core = self.plan.layers_of(encoder), self._standing.cap_px
        if self.plan.tile_px is None:
            room = self.memory.for_tile(scale.size, scale.history)
            fitting = choose_core(encoder, layers, scale.size, room)
            core = min((one for one in (core, fitting) if one is not None), default=None)
            self._lacking = max(self._lacking, tile_bytes(encoder, layers, scale.size, core) - room)
        self._tiling = work.tiling = tiling_for(encoder, layers, scale.size, core)
        self._thrift.next_bytes = tile_bytes(encoder, layers, scale.size, core)
        measuring = Measuring(encoder, self.plan, core, self.studio.statistics, self._check)
        made = make_objective(measuring, self.inputs, self._stages.content_at(scale.size))
        work.objective = made
        return made

    def _check(self) -> None:
        """Before each piece of work: stop if it is wanted, and keep to the memory."""
        self.control.check()
        self._thrift.check()

    def _encoder(self) -> Encoder:
        return self.studio.encoder(self.network, self.plan.pooling, self._standing.dtype)

    def _before(self, work: Work) -> int:
        return sum(one.iterations for one in self.plan.scales[: work.number])

    def _short_of_memory(self, work: Work) -> Event:
        """Go on with smaller tiles; with less of a history, where it is that which takes it.

        Raises:
            PaintingFailed: it cannot be done with less.
        """
        history = self._stages.plan.scales[work.number].history
        core = self._tiling.core_px if self._tiling else None
        smaller = halved_core(core, self.plan.scales[work.number].size)
        ledger, torn = self._standing.ledger, work.torn
        work.close()
        if history is not None and (torn or smaller is None):
            self._stages.lessen(work)
            ledger.forget_after(work.number, work.done)
            return Recovered(ledger.notes[-1])
        if smaller is None:
            raise no_memory()
        if torn:
            work.go_back()
            ledger.forget_after(work.number, work.done)
        self._standing.cap_px = smaller
        ledger.notes.append(
            sentence("Memory ran out, so it was painted in tiles of {size} px.", size=smaller)
        )
        return Retiled(smaller)

    def _recovered(self, work: Work) -> Recovered:
        """Back to the last good state, in fp32, with half the step.

        Raises:
            PaintingFailed: for the fourth time.
        """
        standing = self._standing
        standing.failures += 1
        if standing.failures > _MOST_FAILURES:
            raise PaintingFailed(
                "The picture did not stay finite in spite of shorter steps; try weights or "
                "layers nearer to the defaults."
            )
        standing.ledger.forget_after(work.number, work.good_at)
        work.go_back()
        work.optimiser.calm(0.5)
        standing.pace *= 0.5
        work.remember()
        if standing.dtype is torch.bfloat16:
            standing.dtype = torch.float32
        reason = sentence(
            "The numbers ran away once, so it was painted on from iteration {iteration} with half "
            "the step.",
            iteration=work.done,
        )
        standing.ledger.notes.append(reason)
        return Recovered(reason)

    def _stepped(self, work: Work) -> Stepped:
        ledger = self._standing.ledger

        def preview(most_px: int) -> Image.Image:
            ledger.read()  # Waiting for the device is part of painting.
            return self.finisher.preview(work.shown(), most_px)

        def kept() -> bytes:
            if not work.torn and ledger.finite_after(work.number, work.good_at):
                return self._checkpoint(work, work.done, work.optimiser.tensors())
            return self._checkpoint(work, work.good_at, work.good)

        return Stepped(
            iteration=self._before(work) + work.done,
            total=self.plan.total_iterations,
            scale=work.number,
            fraction=self.plan.share_done(work.number, work.done),
            seconds_left=ledger.seconds_left(work.number, work.done),
            losses=ledger.newest,
            preview=preview,
            checkpoint=kept,
        )

    def _checkpoint(self, work: Work, done: int, tensors: dict[str, Tensor]) -> bytes:
        progress = self._standing.progress(self.job, self.planned_bytes, work.number, done)
        return checkpoint.to_bytes(replace(progress, ended=work.ended), tensors)

    def _report(self, size: Size) -> Report:
        return make_report(
            self.options,
            self._stages.plan,
            self._standing,
            encoder=self._encoder(),
            device=self.studio.device,
            size=size,
            tiling=self._tiling,
            lacking_bytes=self._lacking,
        )
