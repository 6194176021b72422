"""One painting from the first iteration to the last: scales, recoveries, tiles, checkpoints."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

from common.memory import give_free_memory_back
from common.options import PaintOptions
from common.sentences import sentence
from engine.errors import BetweenScalesError, PaintingFailedError
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
from engine.painting.measuring import Measuring
from engine.painting.memory import (
    Memory,
    MemoryGuard,
    attempt,
    bands_for,
    choose_core,
    halved_core,
    no_memory,
    tile_bytes,
    tiling_for,
)
from engine.painting.objective import Objective, make_objective
from engine.painting.optimizers import Optimizer
from engine.painting.picture import Size
from engine.painting.report import make_report
from engine.painting.run_state import RunState
from engine.painting.scale import ScaleRun, Scales
from engine.painting.studio import Control, Studio
from engine.painting.tiles import Bands, Tiling

CHECK_EVERY = 10
"""Iterations between two checks of the losses; reading them waits for the device."""
_MOST_FAILURES = 3


@dataclass(eq=False)
class Run:
    """One painting in progress."""

    state: RunState
    """Everything that changes, and the plan."""
    inputs: Inputs
    """All pictures."""
    options: PaintOptions
    """Options of the job; most of them are resolved in the plan."""
    studio: Studio
    """Device, networks, memory."""
    finisher: Finisher
    """Makes pictures of the optimizer's state."""
    control: Control
    """Asked whether to stop."""
    memory: Memory
    """The memory budget."""
    _guard: MemoryGuard = field(init=False)
    _scales: Scales = field(init=False)
    _work: ScaleRun | None = field(init=False, default=None)
    """The present scale; None during the transition to the next."""
    _tiling: Tiling | Bands | None = field(init=False, default=None)
    _lacking: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._scales = Scales(self.state, self.inputs, self.options, self.studio)
        self._guard = MemoryGuard.from_here(self.memory, self.studio.device)

    def paint(self, resumed: checkpoint.LoadedCheckpoint | None) -> Iterator[Event]:
        """All scales, from the start or from a checkpoint."""
        devices.reset_peak_memory(self.studio.device)
        first = 0 if resumed is None else resumed.header.scale
        optimizer: Optimizer | None = None
        shown: Tensor | None = None
        for number in range(first, len(self.state.plan.scales)):
            torch.set_num_threads(self.state.threads[number].count)
            if resumed is not None and number == first:
                work = self._scales.resumed(resumed)
            else:
                self._work = None
                work = self._scales.next(number, optimizer)
            self._work = work
            if not work.done:
                self.state.log.reference = None  # that was of another size
            shown = yield from self._paint_scale(work)
            optimizer = work.optimizer
        if shown is None:
            raise PaintingFailedError("The checkpoint contains no picture to continue from.")
        picture = self.finisher.picture(shown)
        del shown
        if (constant := self.state.log.constant_pixels()) is not None:
            self.studio.remember_constant_cost(self.state.network, constant)
        yield Painted(picture, self._report(picture.size))

    def _paint_scale(self, work: ScaleRun) -> Generator[Event, None, Tensor]:
        """One scale; returns the picture that it ends with."""
        number, log = work.number, self.state.log
        size, count = self.state.plan.scales[number].size, self.state.plan.scales[number].iterations
        try:
            while True:
                self._check()
                if work.objective is None:
                    busy = time.process_time()
                    if attempt(lambda: self._set_up(work), self.studio.device) is None:
                        yield self._reduce_memory(work)
                        continue
                    if self.studio.device.type == "cpu":  # others work on after the call
                        log.add_set_up(number, time.process_time() - busy)
                    yield ScaleStarted(number, size, work.tiling.count if work.tiling else 1)
                if work.ended or work.done >= count:
                    break
                if attempt(lambda: self._iterate(work), self.studio.device) is None:
                    yield self._reduce_memory(work)
                    continue
                if work.done % CHECK_EVERY == 0 or work.done == count:
                    if not log.finite_after(number, work.good_iteration):
                        work.close()
                        yield self._recover(work)
                        continue
                    work.save_good_state()
                    work.ended = log.stalled(self.state.plan.min_improvement)
                yield self._step_event(work)
            return work.last()
        finally:
            work.close()

    def _iterate(self, work: ScaleRun) -> int:
        scale = self.state.plan.scales[work.number]
        begun, busy = time.perf_counter(), time.process_time()
        progress = work.done / scale.iterations
        found = work.iterate(progress, self._check, self.control.check)
        seconds, worked = time.perf_counter() - begun, time.process_time() - busy
        self.state.log.add(work.number, work.done, found, seconds, worked)
        return work.done

    def _set_up(self, work: ScaleRun) -> Objective:
        scale, encoder = self.state.plan.scales[work.number], self._encoder()
        layers, core = self.state.plan.layers_of(encoder), self.state.cap_px
        bands: Bands | None = None
        if self.state.plan.tile_px is None:
            room = self.memory.for_tile(scale.size, scale.history)
            fitting = choose_core(encoder, layers, scale.size, room)
            if core is None and fitting is not None:
                bands = bands_for(encoder, layers, scale.size, room)
            core = min((one for one in (core, fitting) if one is not None), default=None)
            self._lacking = max(self._lacking, tile_bytes(encoder, layers, scale.size, core) - room)
        give_free_memory_back()  # blocks of the scale before have other sizes
        self._tiling = work.tiling = bands or tiling_for(encoder, layers, scale.size, core)
        self._guard.next_bytes = (
            bands.piece_bytes if bands else tile_bytes(encoder, layers, scale.size, core)
        )
        measuring = Measuring(encoder, self.state.plan, core, self.studio.statistics, self._check)
        made = make_objective(measuring, self.inputs, self._scales.content_at(scale.size))
        work.objective = made
        return made

    def _check(self) -> None:
        """Called before each tile or band: stop if asked to, and stay within the memory budget."""
        self.control.check()
        self._guard.check()

    def _encoder(self) -> Encoder:
        return self.studio.encoder(self.state.network, self.state.plan.pooling, self.state.dtype)

    def _reduce_memory(self, work: ScaleRun) -> Event:
        """Continue with smaller tiles, or with a shorter history if that is what takes the memory.

        Raises:
            PaintingFailedError: neither is possible.
        """
        history = self.state.plan.scales[work.number].history
        core = self._tiling.core_px if isinstance(self._tiling, Tiling) else None
        smaller = halved_core(core, self.state.plan.scales[work.number].size)
        log, is_inconsistent = self.state.log, work.is_inconsistent
        work.close()
        if history is not None and (is_inconsistent or smaller is None):
            self._scales.restart_with_less_history(work)
            log.forget_after(work.number, work.done)
            return Recovered(self.state.notes[-1])
        if smaller is None:
            raise no_memory()
        if is_inconsistent:
            work.restore_good_state()
            log.forget_after(work.number, work.done)
        self.state.cap_px = smaller
        self.state.notes.append(
            sentence("Memory ran out, so it was painted in tiles of {size} px.", size=smaller)
        )
        return Retiled(smaller)

    def _recover(self, work: ScaleRun) -> Recovered:
        """Return to the last good state, in fp32, with half the step length.

        Raises:
            PaintingFailedError: for the fourth time.
        """
        state = self.state
        state.failures += 1
        if state.failures > _MOST_FAILURES:
            raise PaintingFailedError(
                "The numbers ran away in spite of shorter steps; try weights or layers closer "
                "to the defaults."
            )
        state.log.forget_after(work.number, work.good_iteration)
        work.restore_good_state()
        work.optimizer.shorten_steps(0.5)
        state.pace *= 0.5
        work.save_good_state()
        if state.dtype is torch.bfloat16:
            state.dtype = torch.float32
        reason = sentence(
            "The numbers ran away once, so painting went on from iteration {iteration} with "
            "half the step.",
            iteration=work.done,
        )
        self.state.notes.append(reason)
        return Recovered(reason)

    def _step_event(self, work: ScaleRun) -> Stepped:
        log, plan = self.state.log, self.state.plan

        def preview(most_px: int) -> Image.Image:
            log.read()  # so that waiting for the device counts as painting
            return self.finisher.preview(work.shown(), most_px)

        return Stepped(
            iteration=sum(one.iterations for one in plan.scales[: work.number]) + work.done,
            total=plan.total_iterations,
            scale=work.number,
            fraction=plan.share_done(work.number, work.done),
            seconds_left=log.seconds_left(work.number, work.done),
            losses=log.newest,
            preview=preview,
            checkpoint=self._checkpoint,
            brief_checkpoint=lambda: self._checkpoint(brief=True),
        )

    def _checkpoint(self, *, brief: bool = False) -> bytes:
        """Of the present scale; after an interruption it may be later than the last event."""
        if (work := self._work) is None:
            raise BetweenScalesError
        done, tensors = work.good_iteration, work.good_state
        if not work.is_inconsistent and self.state.log.finite_after(
            work.number, work.good_iteration
        ):
            done = work.done
            tensors = work.optimizer.brief() if brief else work.optimizer.tensors()
        header = self.state.header(work.number, done, ended=work.ended)
        return checkpoint.to_bytes(header, tensors)

    def _report(self, size: Size) -> Report:
        return make_report(
            self.options,
            self.state,
            device=self.studio.device,
            size=size,
            tiling=self._tiling,
            lacking_bytes=self._lacking,
        )
