"""One painting from its first iteration to its last: scales, recoveries, tiles, checkpoints."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

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
from engine.painting.gradient import evaluate
from engine.painting.inputs import Inputs, start_picture
from engine.painting.ledger import Ledger
from engine.painting.memory import choose_core, halved_core, state_bytes_per_pixel
from engine.painting.objective import Objective
from engine.painting.optimisers import Optimiser, make_optimiser, next_optimiser
from engine.painting.picture import Size, resized
from engine.painting.plan import Plan, Scale
from engine.painting.problems import PaintingFailed
from engine.painting.studio import Control, Studio
from engine.painting.style import Easel, tiling_for
from engine.painting.targets import make_objective
from engine.painting.tiles import Tiling
from jobs.options import PaintOptions
from jobs.sentences import sentence

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
    """

    plan: Plan
    inputs: Inputs
    options: PaintOptions
    studio: Studio
    network: str
    finisher: Finisher
    job: str
    control: Control
    _ledger: Ledger = field(init=False)
    _dtype: torch.dtype = field(init=False)
    _cap_px: int | None = field(init=False, default=None)
    _core_px: int | None = field(init=False, default=None)
    _tiles: int = field(init=False, default=1)
    _failures: int = field(init=False, default=0)
    _pace: float = field(init=False, default=1.0)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.plan)
        self._dtype = self.studio.dtype
        self._cap_px = self.plan.tile_px

    def paint(self, resume: bytes | None = None) -> Iterator[Event]:
        """All scales, from the start or from a checkpoint."""
        devices.reset_peak_memory(self.studio.device)
        first, done, optimiser = 0, 0, None
        if resume is not None:
            first, done, optimiser = self._resumed(resume)
        shown: Tensor | None = None
        for number, scale in enumerate(self.plan.scales):
            if number < first:
                continue
            if optimiser is None:
                optimiser = self._started(scale)
            elif number > first or not done:
                optimiser = next_optimiser(
                    optimiser, scale.optimizer, scale.size, self.plan.optimizer
                )
            content = self._content_at(scale.size)
            shown = yield from self._paint_scale(number, done, optimiser, content)
            done = 0
        if shown is None:
            raise PaintingFailed("The checkpoint holds no picture to go on from.")
        picture = self.finisher.picture(shown, self._content_at(self.plan.scales[-1].size))
        yield Painted(picture, self._report(picture.size))

    def _paint_scale(
        self, number: int, done: int, optimiser: Optimiser, content: Tensor
    ) -> Generator[Event, None, Tensor]:
        """One scale; returns the picture that it ends with."""
        work = _Work(number, optimiser, content, done)
        count = self.plan.scales[number].iterations
        try:
            while True:
                self.control.check()
                try:
                    if work.objective is None:
                        self._set_up(work)
                        yield ScaleStarted(number, work.size, self._tiles)
                    if work.done >= count:
                        break
                    self._iterate(work)
                except (RuntimeError, MemoryError) as error:
                    if not devices.is_out_of_memory(error):
                        raise
                    error.__traceback__ = None  # It holds the tensors of the failed try.
                    work.close()
                    yield self._retiled(work.size)
                    continue
                if work.done % CHECK_EVERY == 0 or work.done == count:
                    if not self._ledger.finite_after(number, work.good_at):
                        work.close()
                        yield self._recovered(work)
                        continue
                    work.remember()
                    if self._ledger.stalled(self.plan.min_improvement):
                        count = work.done
                yield self._stepped(work)
            return work.shown()
        finally:
            work.close()

    def _iterate(self, work: "_Work") -> None:
        if work.objective is None:
            raise RuntimeError("the scale is not set up")
        scale = self.plan.scales[work.number]
        before = sum(one.iterations for one in self.plan.scales[: work.number])
        begun = time.perf_counter()
        work.objective.encoder.begin(before + work.done)
        found = evaluate(work.objective, work.optimiser.point, work.tiling, self.control.check)
        work.optimiser.update(found, work.done / scale.iterations)
        work.done += 1
        self._ledger.add(work.number, work.done, found, time.perf_counter() - begun)

    def _set_up(self, work: "_Work") -> None:
        encoder = self._encoder()
        used = {*self.plan.style_layers, *self.plan.content_layers}
        layers = [name for name in encoder.layers if name in used]
        core = self._cap_px
        if self.plan.tile_px is None:
            device = self.studio.device
            budget = self.studio.max_memory_bytes or devices.free_memory_bytes(device)
            state = state_bytes_per_pixel(self.plan, work.number)
            fitting = choose_core(encoder, layers, work.size, budget, state)
            core = min((one for one in (core, fitting) if one is not None), default=None)
        work.tiling = tiling_for(encoder, layers, work.size, core)
        self._core_px = None if work.tiling is None else work.tiling.core_px
        self._tiles = 1 if work.tiling is None else work.tiling.count
        easel = Easel(encoder, self.plan, core, self.studio.statistics, self.control.check)
        work.objective = make_objective(easel, self.inputs, work.content)

    def _encoder(self) -> Encoder:
        return self.studio.encoder(self.network, self.plan.pooling, self._dtype)

    def _retiled(self, size: Size) -> Retiled:
        devices.release_memory(self.studio.device)
        self._cap_px = halved_core(self._core_px, size)
        self._ledger.notes.append(
            sentence("Memory ran out, so it was painted in tiles of {size} px.", size=self._cap_px)
        )
        return Retiled(self._cap_px)

    def _recovered(self, work: "_Work") -> Recovered:
        """Back to the last good state, in fp32, with half the step.

        Raises:
            PaintingFailed: for the fourth time.
        """
        self._failures += 1
        if self._failures > _MOST_FAILURES:
            raise PaintingFailed(
                "The picture did not stay finite in spite of shorter steps; try weights or "
                "layers nearer to the defaults."
            )
        self._ledger.forget_after(work.number, work.good_at)
        work.go_back()
        work.optimiser.calm(0.5)
        self._pace *= 0.5
        work.remember()
        if self._dtype is torch.bfloat16:
            self._dtype = torch.float32
        reason = sentence(
            "The numbers ran away once, so it was painted on from iteration {iteration} with half "
            "the step.",
            iteration=work.done,
        )
        self._ledger.notes.append(reason)
        return Recovered(reason)

    def _stepped(self, work: "_Work") -> Stepped:
        ledger = self._ledger
        before = sum(one.iterations for one in self.plan.scales[: work.number])

        def preview(most_px: int) -> Image.Image:
            return self.finisher.preview(work.shown(), work.content, most_px)

        def kept() -> bytes:
            if ledger.finite_after(work.number, work.good_at):
                return self._checkpoint(work.number, work.done, work.optimiser.tensors())
            return self._checkpoint(work.number, work.good_at, work.good)

        return Stepped(
            iteration=before + work.done,
            total=self.plan.total_iterations,
            scale=work.number,
            fraction=self.plan.share_done(work.number, work.done),
            seconds_left=ledger.seconds_left(work.number, work.done),
            losses=ledger.newest,
            preview=preview,
            checkpoint=kept,
        )

    def _checkpoint(self, number: int, done: int, tensors: dict[str, Tensor]) -> bytes:
        ledger = self._ledger
        losses = [one for one in ledger.losses if (one.scale, one.iteration) <= (number, done)]
        progress = checkpoint.Progress(
            job=self.job,
            scale=number,
            iteration=done,
            precision=devices.precision_name(self._dtype),
            cap_px=self._cap_px,
            failures=self._failures,
            pace=self._pace,
            seconds=ledger.seconds,
            evaluated=ledger.iterations,
            reference=ledger.reference,
            notes=tuple(ledger.notes),
            losses=tuple(losses),
        )
        return checkpoint.to_bytes(progress, tensors)

    def _resumed(self, data: bytes) -> tuple[int, int, Optimiser]:
        progress, tensors = checkpoint.from_bytes(data, self.job)
        torch.set_rng_state(tensors.pop("random"))
        ledger = self._ledger
        ledger.notes, ledger.losses = list(progress.notes), list(progress.losses)
        ledger.seconds, ledger.iterations = progress.seconds, progress.evaluated
        ledger.reference = progress.reference
        self._dtype = devices.choose_dtype(progress.precision, self.studio.device)
        self._cap_px = progress.cap_px
        self._failures, self._pace = progress.failures, progress.pace
        scale = self.plan.scales[progress.scale]
        like = self._content_at(scale.size)
        optimiser = make_optimiser(scale.optimizer, like, self.plan.optimizer)
        optimiser.load(tensors)
        if scale.optimizer == "lbfgs":
            optimiser.calm(self._pace)  # Adam keeps its own among its tensors.
        return progress.scale, progress.iteration, optimiser

    def _started(self, scale: Scale) -> Optimiser:
        content = self._content_at(scale.size)[0].float().cpu()
        start = start_picture(self.inputs, content, self.options)
        picture = start[None].to(self.studio.device, self._wide())
        return make_optimiser(scale.optimizer, picture, self.plan.optimizer)

    def _content_at(self, size: Size) -> Tensor:
        pixels = resized(self.inputs.content.pixels, size)
        return pixels[None].to(self.studio.device, self._wide())

    def _wide(self) -> torch.dtype:
        return torch.float64 if self._dtype is torch.float64 else torch.float32

    def _report(self, size: Size) -> Report:
        ledger, encoder = self._ledger, self._encoder()
        ledger.read()
        return Report(
            settings={**self.options.model_dump(mode="json"), **self.plan.as_dict()},
            network=encoder.name,
            weights_hash=encoder.weights_hash,
            device=str(self.studio.device),
            precision=devices.precision_name(self._dtype),
            width_px=size[1],
            height_px=size[0],
            seconds=ledger.seconds,
            iterations=ledger.iterations,
            seconds_per_iteration=ledger.seconds / max(1, ledger.iterations),
            peak_memory_bytes=devices.peak_memory_bytes(self.studio.device),
            tiles=self._tiles,
            tile_px=self._core_px,
            notes=tuple(ledger.notes),
            losses=tuple(ledger.losses),
        )


@dataclass(eq=False)
class _Work:
    """A scale at work, and the last of its states that was known to be finite."""

    number: int
    optimiser: Optimiser
    content: Tensor
    done: int
    objective: Objective | None = None
    tiling: Tiling | None = None
    good_at: int = 0
    good: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.remember()

    @property
    def size(self) -> Size:
        return self.content.shape[-2], self.content.shape[-1]

    def shown(self) -> Tensor:
        result = self.optimiser.result()
        return result if self.objective is None else self.objective.shown(result)

    def remember(self) -> None:
        self.good_at = self.done
        self.good = self.optimiser.snapshot()

    def go_back(self) -> None:
        self.optimiser.load(self.good)
        self.done = self.good_at

    def close(self) -> None:
        """Free the content's features; what is shown needs them no more."""
        if self.objective is not None:
            self.objective.targets.close()
        self.objective = None
