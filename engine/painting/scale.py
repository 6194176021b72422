"""A scale that is being painted, and how the scales of a painting begin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from common.options import PaintOptions
from common.sentences import sentence
from engine.painting.checkpoint import Kept
from engine.painting.gradient import evaluate
from engine.painting.inputs import Inputs
from engine.painting.memory import attempt, lesser_history, no_memory
from engine.painting.objective import Objective
from engine.painting.optimizers import (
    Adam,
    Lbfgs,
    Optimizer,
    enlarged,
    history_in,
    make_optimizer,
)
from engine.painting.picture import Size, resized
from engine.painting.run_state import RunState
from engine.painting.start import held_over, start_picture
from engine.painting.studio import Studio
from engine.painting.tiles import Bands, Tiling


@dataclass(eq=False)
class ScaleRun:
    """A scale at work, and the last of its states that was known to be finite."""

    number: int
    """Number of the scale."""
    optimizer: Optimizer
    """Holds the picture."""
    done: int
    """Number of iterations so far."""
    objective: Objective | None = None
    """What the picture is judged by; None while there is none."""
    tiling: Tiling | Bands | None = None
    """None for the whole picture at once."""
    good_at: int = 0
    """The iteration after which the state was known to be finite."""
    good: dict[str, Tensor] = field(default_factory=dict)
    """That state, as far as it is needed to go on from."""
    torn: bool = False
    """Whether a step was broken off in the middle, for example by an interruption."""
    ended: bool = False
    """Before its last iteration, as the loss sank too little."""

    def __post_init__(self) -> None:
        self.remember()

    def iterate(
        self,
        progress: float,
        check: Callable[[], None],
        halfway: Callable[[], None],
    ) -> dict[str, Tensor]:
        """One iteration, at this share of the scale.

        `check` and `halfway` are those of `evaluate`.

        Returns:
            Its figures, on the device; see `Evaluation.figures`.
        """
        if self.objective is None:
            raise RuntimeError("the scale is not set up")
        found = evaluate(self.objective, self.optimizer.point, self.tiling, check, halfway)
        figures = found.figures()
        self.torn = True
        self.optimizer.update(found, progress)  # which spends the gradient
        self.done += 1
        self.torn = False
        return figures

    def shown(self) -> Tensor:
        """The picture so far."""
        return self._whole(self.optimizer.result())

    def last(self) -> Tensor:
        """The picture that the scale ends with."""
        return self._whole(self.optimizer.last())

    def _whole(self, picture: Tensor) -> Tensor:
        return picture if self.objective is None else self.objective.shown(picture)

    def remember(self) -> None:
        """The state is good."""
        for name, tensor in self.optimizer.essence().items():
            if name in self.good:
                self.good[name].copy_(tensor)
            else:
                self.good[name] = tensor.clone()
        self.good_at = self.done

    def go_back(self) -> None:
        """To the last state that was good."""
        self.optimizer.load(self.good)
        self.done, self.torn = self.good_at, False

    def close(self) -> None:
        """Free what the terms hold; what is shown needs it no more."""
        if self.objective is not None:
            self.objective.close()
        self.objective = None


@dataclass(eq=False)
class Scales:
    """Begins the scales of a painting, with as much of a history as there is memory for."""

    state: RunState
    """State of the run; the histories of its plan get less where memory runs out."""
    inputs: Inputs
    """All pictures."""
    options: PaintOptions
    """Say what to start from."""
    studio: Studio
    """Where it is painted."""

    def resumed(self, kept: Kept) -> ScaleRun:
        """The work that a checkpoint was kept of; its tensors are spent."""
        header, tensors = kept.header, kept.tensors
        torch.set_rng_state(tensors.pop("random"))
        self.state.take(header, self.studio.device)
        number = header.scale
        scale = self.state.plan.scales[number]
        self.state.plan = self.state.plan.with_history(number, history_in(tensors, scale.history))
        work = self._begun(number, self.content_at(scale.size), tensors)
        tensors.clear()
        work.done = work.good_at = header.iteration
        work.ended = header.ended
        return work

    def next(self, number: int, before: Optimizer | None) -> ScaleRun:
        """A scale's work: with the same optimizer enlarged, or another from its result."""
        scale = self.state.plan.scales[number]
        if before is None:
            content = self.content_at(scale.size)[0].float().cpu()
            start = start_picture(self.inputs, content, self.options)
            return self._begun(number, start[None].to(self.studio.device, self.state.wide))
        detail = self._detail(number)
        if self.inputs.held is not None:
            return self._begun(
                number, held_over(before.taken(scale.size, detail)[0], self.inputs.held)[None]
            )
        if isinstance(before, Adam) and scale.history is None:
            work = attempt(
                lambda: ScaleRun(number, before.rescaled(scale.size, detail), 0), self.studio.device
            )
            if work is None:
                raise no_memory()
            return work
        gamma = before.gamma_at(scale.size) if isinstance(before, Lbfgs) else None
        return self._begun(number, before.taken(scale.size, detail), gamma=gamma)

    def lessen(self, work: ScaleRun) -> None:
        """Go back to the last good picture and on with less of a history.

        Raises:
            PaintingFailedError: it cannot be done with less.
        """
        self._forget_some(work.number)
        point = work.good["point"]
        work.optimizer.close()
        fresh = self._begun(work.number, point)
        work.optimizer, work.good = fresh.optimizer, fresh.good
        work.done, work.torn = work.good_at, False

    def content_at(self, size: Size) -> Tensor:
        """The photograph as it is painted from, at a size, [1, 3, H, W] on the device."""
        pixels = resized(self.inputs.target.pixels, size)
        return pixels[None].to(self.studio.device, self.state.wide)

    def _detail(self, number: int) -> Tensor | None:
        """What a scale's photograph has beyond the enlarged one of the scale before."""
        plan = self.state.plan
        if not plan.detail:
            return None
        size = plan.scales[number].size
        before = self.content_at(plan.scales[number - 1].size)
        return (self.content_at(size) - enlarged(before, size, "bicubic")) * plan.detail

    def _begun(
        self,
        number: int,
        picture: Tensor,
        state: Mapping[str, Tensor] | None = None,
        gamma: Tensor | None = None,
    ) -> ScaleRun:
        """A scale's work from a picture or state, with the history that there is memory for.

        `gamma` is that of the scale before, for this one.

        Raises:
            PaintingFailedError: there is not even enough for Adam.
        """

        def begin() -> ScaleRun:
            plan = self.state.plan
            optimizer = make_optimizer(plan.scales[number].history, picture, plan.optimizer, gamma)
            optimizer.calm(self.state.pace)
            if state is not None:
                optimizer.load(state)  # Adam's own pace is among it.
            return ScaleRun(number, optimizer, 0)

        while (work := attempt(begin, self.studio.device)) is None:
            self._forget_some(number)
            if state is not None and "point" in state:
                picture, state = state["point"].to(picture), None
        return work

    def _forget_some(self, number: int) -> None:
        """Let L-BFGS remember less at a scale, or leave it to Adam.

        Raises:
            PaintingFailedError: it is Adam's already.
        """
        scale = self.state.plan.scales[number]
        if scale.history is None:
            raise no_memory()
        less = lesser_history(scale.history, self.state.plan.optimizer.history)
        self.state.plan = self.state.plan.with_history(number, less)
        self.state.notes.append(
            sentence("Memory ran out at {size} px, so Adam was used there.", size=max(scale.size))
            if less is None
            else sentence(
                "Memory ran out at {size} px, so L-BFGS remembered less there.",
                size=max(scale.size),
            )
        )
