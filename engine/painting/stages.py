"""The work of each scale: from the start, a checkpoint or the scale before."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from common.options import PaintOptions
from common.sentences import sentence
from engine.painting.checkpoint import Kept
from engine.painting.inputs import Inputs, start_picture
from engine.painting.memory import lesser_history, no_memory
from engine.painting.optimisers import Adam, Optimiser, enlarged, history_in, make_optimiser
from engine.painting.picture import Size, resized
from engine.painting.plan import Plan
from engine.painting.shortage import attempt
from engine.painting.standing import Standing
from engine.painting.studio import Studio
from engine.painting.work import Work


@dataclass(eq=False)
class Stages:
    """Begins the scales of a painting, with as much of a history as there is memory for.

    Attributes:
        plan: all numbers; its histories get less where memory runs out.
        inputs: all pictures.
        options: say what to start from.
        studio: where it is painted.
        standing: of the painting.
    """

    plan: Plan
    inputs: Inputs
    options: PaintOptions
    studio: Studio
    standing: Standing

    def resumed(self, kept: Kept) -> Work:
        """The work that a checkpoint was kept of; its tensors are spent."""
        progress, tensors = kept.progress, kept.tensors
        torch.set_rng_state(tensors.pop("random"))
        self.standing.take(progress, self.studio.device)
        number = progress.scale
        scale = self.plan.scales[number]
        self.plan = self.plan.with_history(number, history_in(tensors, scale.history))
        work = self._begun(number, self.content_at(scale.size), tensors)
        tensors.clear()
        work.done = work.good_at = progress.iteration
        work.ended = progress.ended
        return work

    def next(self, number: int, before: Optimiser | None) -> Work:
        """A scale's work: with the same optimiser enlarged, or another from its result."""
        scale = self.plan.scales[number]
        if before is None:
            content = self.content_at(scale.size)[0].float().cpu()
            start = start_picture(self.inputs, content, self.options)
            return self._begun(number, start[None].to(self.studio.device, self.standing.wide))
        detail = self._detail(number)
        if isinstance(before, Adam) and scale.history is None:
            work = attempt(
                lambda: Work(number, before.rescaled(scale.size, detail), 0), self.studio.device
            )
            if work is None:
                raise no_memory()
            return work
        return self._begun(number, before.taken(scale.size, detail))

    def lessen(self, work: Work) -> None:
        """Go back to the last good picture and on with less of a history.

        Raises:
            PaintingFailed: it cannot be done with less.
        """
        self._forget_some(work.number)
        point = work.good["point"]
        work.optimiser.close()
        fresh = self._begun(work.number, point)
        work.optimiser, work.good = fresh.optimiser, fresh.good
        work.done, work.torn = work.good_at, False

    def content_at(self, size: Size) -> Tensor:
        """The photograph as it is painted from, at a size, [1, 3, H, W] on the device."""
        pixels = resized(self.inputs.target.pixels, size)
        return pixels[None].to(self.studio.device, self.standing.wide)

    def _detail(self, number: int) -> Tensor | None:
        """What a scale's photograph has beyond the enlarged one of the scale before."""
        if not self.plan.detail:
            return None
        size = self.plan.scales[number].size
        before = self.content_at(self.plan.scales[number - 1].size)
        return (self.content_at(size) - enlarged(before, size, "bicubic")) * self.plan.detail

    def _begun(
        self, number: int, picture: Tensor, state: Mapping[str, Tensor] | None = None
    ) -> Work:
        """A scale's work from a picture or state, with the history that there is memory for.

        Raises:
            PaintingFailed: there is not even enough for Adam.
        """

        def begin() -> Work:
            optimiser = make_optimiser(
                self.plan.scales[number].history, picture, self.plan.optimizer
            )
            optimiser.calm(self.standing.pace)
            if state is not None:
                optimiser.load(state)  # Adam's own pace is among it.
            return Work(number, optimiser, 0)

        while (work := attempt(begin, self.studio.device)) is None:
            self._forget_some(number)
            if state is not None and "point" in state:
                picture, state = state["point"].to(picture), None
        return work

    def _forget_some(self, number: int) -> None:
        """Let L-BFGS remember less at a scale, or leave it to Adam.

        Raises:
            PaintingFailed: it is Adam's already.
        """
        scale = self.plan.scales[number]
        if scale.history is None:
            raise no_memory()
        less = lesser_history(scale.history, self.plan.optimizer.history)
        self.plan = self.plan.with_history(number, less)
        self.standing.ledger.notes.append(
            sentence("Memory ran out at {size} px, so Adam painted there.", size=max(scale.size))
            if less is None
            else sentence(
                "Memory ran out at {size} px, so L-BFGS remembered less there.",
                size=max(scale.size),
            )
        )
