"""One scale while it is painted, and the transition from scale to scale."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from common.options import PaintOptions
from common.sentences import sentence
from engine.painting.checkpoint import LoadedCheckpoint
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
from engine.painting.start import blend_warped, start_picture
from engine.painting.studio import Studio
from engine.painting.tiles import Bands, Tiling


@dataclass(eq=False)
class ScaleRun:
    """One scale while it is painted, with its last state that was known to be finite."""

    number: int
    """Number of the scale."""
    optimizer: Optimizer
    """Holds the picture."""
    done: int = 0
    """Number of iterations so far."""
    objective: Objective | None = None
    """The loss; None until it is set up."""
    tiling: Tiling | Bands | None = None
    """None for the whole picture at once."""
    good_iteration: int = 0
    """Number of iterations at the last state known to be finite."""
    good_state: dict[str, Tensor] = field(default_factory=dict)
    """That state, as `Optimizer.essential_tensors`."""
    is_inconsistent: bool = False
    """Whether an update was interrupted halfway, so that the optimizer's state is inconsistent."""
    ended: bool = False
    """Whether it ended early, as the loss improved too little."""

    def __post_init__(self) -> None:
        self.save_good_state()

    def iterate(
        self,
        progress: float,
        check: Callable[[], None],
        halfway: Callable[[], None],
    ) -> dict[str, Tensor]:
        """One iteration.

        Args:
            progress: share of the scale's iterations that are done, 0..1.
            check: see `evaluate`.
            halfway: see `evaluate`.

        Returns:
            The losses, on the device; see `Evaluation.figures`.
        """
        if self.objective is None:
            raise RuntimeError("the scale is not set up")
        found = evaluate(self.objective, self.optimizer.point, self.tiling, check, halfway)
        figures = found.figures()
        self.is_inconsistent = True
        self.optimizer.update(found, progress)  # reuses the gradient's memory
        self.done += 1
        self.is_inconsistent = False
        return figures

    def shown(self) -> Tensor:
        """The picture so far."""
        return self._whole(self.optimizer.result())

    def last(self) -> Tensor:
        """The picture that the scale ends with."""
        return self._whole(self.optimizer.last())

    def _whole(self, picture: Tensor) -> Tensor:
        return picture if self.objective is None else self.objective.shown(picture)

    def save_good_state(self) -> None:
        """Save the present state as the last good one."""
        for name, tensor in self.optimizer.essential_tensors().items():
            if name in self.good_state:
                self.good_state[name].copy_(tensor)
            else:
                self.good_state[name] = tensor.clone()
        self.good_iteration = self.done

    def restore_good_state(self) -> None:
        """Restore the last good state."""
        self.optimizer.load(self.good_state)
        self.done, self.is_inconsistent = self.good_iteration, False

    def close(self) -> None:
        """Free what the terms hold."""
        if self.objective is not None:
            self.objective.close()
        self.objective = None


@dataclass(eq=False)
class Scales:
    """Starts the scales of a painting, with the longest history that fits into memory."""

    state: RunState
    """State of the run; histories in its plan get shorter when memory runs out."""
    inputs: Inputs
    """All pictures."""
    options: PaintOptions
    """Options of the job, among them what to start from."""
    studio: Studio
    """Where it is painted."""

    def resumed(self, kept: LoadedCheckpoint) -> ScaleRun:
        """The scale of a checkpoint, as it was; the checkpoint's tensors are released."""
        header, tensors = kept.header, kept.tensors
        self.state.restore(header, self.studio.device)
        number = header.scale
        scale = self.state.plan.scales[number]
        self.state.plan = self.state.plan.with_history(number, history_in(tensors, scale.history))
        work = self._start(number, self.content_at(scale.size), tensors)
        tensors.clear()
        work.done = work.good_iteration = header.iteration
        work.ended = header.ended
        return work

    def next(self, number: int, before: Optimizer | None) -> ScaleRun:
        """The next scale: Adam keeps its moments, resized; L-BFGS restarts from the last result."""
        scale = self.state.plan.scales[number]
        if before is None:
            content = self.content_at(scale.size)[0].float().cpu()
            start = start_picture(self.inputs, content, self.options)
            return self._start(number, start[None].to(self.studio.device, self.state.picture_dtype))
        detail = self._detail(number)
        if self.inputs.warped is not None:
            return self._start(
                number,
                blend_warped(before.last_resized(scale.size, detail)[0], self.inputs.warped)[None],
            )
        if isinstance(before, Adam) and scale.history is None:
            work = attempt(
                lambda: ScaleRun(number, before.rescaled(scale.size, detail)), self.studio.device
            )
            if work is None:
                raise no_memory()
            return work
        gamma = before.gamma_at(scale.size) if isinstance(before, Lbfgs) else None
        return self._start(number, before.last_resized(scale.size, detail), gamma=gamma)

    def restart_with_less_history(self, work: ScaleRun) -> None:
        """Continue from the last good picture with a shorter history, or with Adam.

        Raises:
            PaintingFailedError: Adam paints it already.
        """
        self._shorten_history(work.number)
        point = work.good_state["point"]
        work.optimizer.close()
        fresh = self._start(work.number, point)
        work.optimizer, work.good_state = fresh.optimizer, fresh.good_state
        work.done, work.is_inconsistent = work.good_iteration, False

    def content_at(self, size: Size) -> Tensor:
        """The content target at a size, [1, 3, H, W] on the device."""
        pixels = resized(self.inputs.target.pixels, size)
        return pixels[None].to(self.studio.device, self.state.picture_dtype)

    def _detail(self, number: int) -> Tensor | None:
        """What the photograph has at a scale beyond the enlarged one of the scale before."""
        plan = self.state.plan
        if not plan.detail:
            return None
        size = plan.scales[number].size
        before = self.content_at(plan.scales[number - 1].size)
        return (self.content_at(size) - enlarged(before, size, "bicubic")) * plan.detail

    def _start(
        self,
        number: int,
        picture: Tensor,
        state: Mapping[str, Tensor] | None = None,
        gamma: Tensor | None = None,
    ) -> ScaleRun:
        """A scale from a picture or an optimizer's state, with the longest history that fits.

        `gamma` is that of the scale before, converted to this one.

        Raises:
            PaintingFailedError: there is not even enough memory for Adam.
        """

        def begin() -> ScaleRun:
            plan = self.state.plan
            optimizer = make_optimizer(plan.scales[number].history, picture, plan.optimizer, gamma)
            optimizer.shorten_steps(self.state.pace)
            if state is not None:
                optimizer.load(state)  # for Adam that includes the pace
            return ScaleRun(number, optimizer)

        while (work := attempt(begin, self.studio.device)) is None:
            self._shorten_history(number)
            if state is not None and "point" in state:
                picture, state = state["point"].to(picture), None
        return work

    def _shorten_history(self, number: int) -> None:
        """Plan a shorter history for a scale, or Adam.

        Raises:
            PaintingFailedError: it is Adam already.
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
