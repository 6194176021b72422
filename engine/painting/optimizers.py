"""Adam and L-BFGS behind one interface; their whole state is tensors, for checkpoints."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.painting.lbfgs import (
    FLOAT64_TENSORS,
    LbfgsSettings,
    LbfgsState,
    advance,
    begin,
    extrapolated,
    gamma_of,
)
from engine.painting.memory import History
from engine.painting.passes import Evaluation
from engine.painting.picture import Size
from engine.recipes.recipe import OptimizerSettings

_EPSILON = 1e-8


class Optimizer(Protocol):
    """Minimizes the loss of a picture [1, 3, H, W]."""

    @property
    def point(self) -> Tensor:
        """The picture at which loss and gradient are to be evaluated next."""

    def update(self, evaluation: Evaluation, progress: float) -> None:
        """Take one step, given loss and gradient at `point`.

        Args:
            evaluation: at `point`; the memory of its gradient is reused.
            progress: share of the scale's iterations that are done, 0..1.
        """

    def result(self) -> Tensor:
        """The result so far, as a new tensor."""

    def last(self) -> Tensor:
        """The result at the end of a scale, as a new tensor."""

    def last_resized(self, size: Size, detail: Tensor | None) -> Tensor:
        """`last` at another size, plus `detail` of that size, as resizing adds none.

        Frees the optimizer's memory; it cannot be used afterwards.
        """

    def tensors(self) -> dict[str, Tensor]:
        """The whole state by name, not copied."""

    def essential_tensors(self) -> dict[str, Tensor]:
        """The part of the state to continue from after a failure: the picture; not copied."""

    def brief(self) -> dict[str, Tensor]:
        """The part to continue from to a picture as good, if not the same; not copied."""

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `tensors`, `essential_tensors` or `brief` returned."""

    def shorten_steps(self, factor: float) -> None:
        """Multiply the length of all further steps by this factor."""

    def close(self) -> None:
        """Free its memory; it cannot be used afterwards."""


class Adam:
    """Adam (Kingma and Ba 2015) within 0..1, whose result is an average of the iterates.

    As in crowsonkb/style-transfer-pytorch the moments are resized for the next scale. They are also
    multiplied by the ratio of the numbers of pixels, as the gradient of a mean shrinks with it.
    """

    def __init__(self, picture: Tensor, settings: OptimizerSettings) -> None:
        self._settings = settings
        self._picture = picture.detach().clone()
        self._mean = torch.zeros_like(self._picture)
        self._square = torch.zeros_like(self._picture)
        self._average = torch.zeros_like(self._picture)
        self._averaged = torch.zeros((), dtype=torch.float64)
        self._steps = torch.zeros((), dtype=torch.int64)
        self._pace = torch.ones((), dtype=torch.float64)

    @property
    def point(self) -> Tensor:
        """See `Optimizer.point`."""
        return self._picture

    def update(self, evaluation: Evaluation, progress: float) -> None:
        """See `Optimizer.update`."""
        settings, gradient = self._settings, evaluation.gradient  # memory is reused below
        first, second = settings.betas
        self._steps += 1
        count = int(self._steps)
        self._mean.lerp_(gradient, 1 - first)
        self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        share = 1 - (1 - settings.final_step_share) * progress
        length = settings.step * float(self._pace) * share / (1 - first**count)
        spread = torch.sqrt(self._square, out=gradient)
        # The losses are means over pixels, so gradients shrink with the picture's size; Adam's
        # usual ε would then stop the step.
        spread.div_((1 - second**count) ** 0.5).add_(_EPSILON * (1 / self._picture.numel()))
        self._picture.addcdiv_(self._mean, spread, value=-length).clamp_(0, 1)
        self._average.lerp_(self._picture, 1 - settings.averaging)
        self._averaged.mul_(settings.averaging).add_(1 - settings.averaging)

    def last_resized(self, size: Size, detail: Tensor | None) -> Tensor:
        """See `Optimizer.last_resized`."""
        picture = self.result()
        self._average = self._picture
        return _with_detail(enlarged(picture, size, "bicubic"), detail)

    def result(self) -> Tensor:
        """See `Optimizer.result`."""
        if float(self._averaged) == 0:
            return self._picture.clone()
        return (self._average / float(self._averaged)).clamp_(0, 1)

    def last(self) -> Tensor:
        """See `Optimizer.last`."""
        return self.result()

    def rescaled(self, size: Size, detail: Tensor | None) -> "Adam":
        """Itself at the next scale, with detail added as by `last_resized`."""
        pixels = self._picture.shape[-2] * self._picture.shape[-1]
        ratio = pixels / (size[0] * size[1])
        self._picture = self.last_resized(size, detail)
        self._average = torch.zeros_like(self._picture)
        self._averaged.zero_()
        self._mean = enlarged(self._mean, size, "bicubic").mul_(ratio)
        self._square = enlarged(self._square, size, "bilinear").clamp_(min=0).mul_(ratio**2)
        return self

    def tensors(self) -> dict[str, Tensor]:
        """See `Optimizer.tensors`."""
        return {
            "picture": self._picture,
            "mean": self._mean,
            "square": self._square,
            "average": self._average,
            "averaged": self._averaged,
            "steps": self._steps,
            "pace": self._pace,
        }

    def essential_tensors(self) -> dict[str, Tensor]:
        """See `Optimizer.essential_tensors`: without the moments, a possible cause of failure."""
        return {"picture": self._picture, "pace": self._pace}

    def brief(self) -> dict[str, Tensor]:
        """See `Optimizer.brief`: with the second moments in bf16.

        Without these the first steps would have equal length everywhere, and undo much.
        """
        size = self._square.to(torch.bfloat16)
        return {**self.essential_tensors(), "square": size, "steps": self._steps}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Optimizer.load`."""
        for name, own in self.tensors().items():
            if name in tensors:
                own.copy_(tensors[name])
            else:
                own.zero_()

    def shorten_steps(self, factor: float) -> None:
        """See `Optimizer.shorten_steps`."""
        self._pace *= factor

    def close(self) -> None:
        """See `Optimizer.close`."""
        self._picture = self._mean = self._square = self._average = torch.empty(0)


class Lbfgs:
    """L-BFGS within 0..1, restarted at each scale; its result is the last accepted point.

    A scale ends with one further step that is not evaluated. Only γ, the step length for a unit of
    gradient, is carried to the next scale.
    """

    def __init__(
        self, picture: Tensor, settings: LbfgsSettings, gamma: Tensor | None = None
    ) -> None:
        self._settings = settings
        self._state = begin(picture, settings, gamma)

    @property
    def point(self) -> Tensor:
        """See `Optimizer.point`."""
        return self._state.trial

    def update(self, evaluation: Evaluation, progress: float) -> None:  # noqa: ARG002 (its steps are its own)
        """See `Optimizer.update`."""
        self._state = advance(self._state, evaluation.loss, evaluation.gradient, self._settings)

    def result(self) -> Tensor:
        """See `Optimizer.result`."""
        return self._state.point.clone()

    def last(self) -> Tensor:
        """See `Optimizer.last`."""
        return extrapolated(self._state)

    def gamma_at(self, size: Size) -> Tensor:
        """γ for a picture of another size; 0 if unknown.

        All losses are means, so the gradient of a pixel shrinks as the number of pixels grows.
        """
        pixels = self._state.point.shape[-2] * self._state.point.shape[-1]
        return gamma_of(self._state) * (size[0] * size[1] / pixels)

    def last_resized(self, size: Size, detail: Tensor | None) -> Tensor:
        """See `Optimizer.last_resized`."""
        picture = extrapolated(self._state)
        del self._state
        return _with_detail(enlarged(picture, size, "bicubic"), detail)

    def tensors(self) -> dict[str, Tensor]:
        """See `Optimizer.tensors`."""
        return self._state.tensors()

    def essential_tensors(self) -> dict[str, Tensor]:
        """See `Optimizer.essential_tensors`: without the history, 24 bytes a pixel and pair."""
        return {"point": self._state.point}

    def brief(self) -> dict[str, Tensor]:
        """See `Optimizer.brief`: without the history, which is soon rebuilt."""
        return self.essential_tensors()

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Optimizer.load`."""
        like, names = self._state.loss, list(self._state.tensors())
        dtype = self._state.point.dtype
        self.close()  # there may be no memory for two histories
        if "trial" not in tensors:
            self._state = begin(tensors["point"].to(like.device, dtype), self._settings)
            return
        kept = {
            name: tensors[name].to(
                like.device,
                like.dtype if name in FLOAT64_TENSORS else tensors[name].dtype,
                copy=True,
            )
            for name in names
        }
        self._state = LbfgsState.from_tensors(kept)

    def shorten_steps(self, factor: float) -> None:
        """See `Optimizer.shorten_steps`."""
        settings = self._settings
        self._settings = replace(
            settings, step=settings.step * factor, first_change=settings.first_change * factor
        )
        self._state = replace(self._state, gamma=self._state.gamma * factor)

    def close(self) -> None:
        """See `Optimizer.close`."""
        del self._state


def make_optimizer(
    history: History | None,
    picture: Tensor,
    recipe: OptimizerSettings,
    gamma: Tensor | None = None,
) -> Optimizer:
    """L-BFGS with a history, or Adam, from a recipe's settings; `gamma` as of `Lbfgs.gamma_at`."""
    if history is not None:
        settings = LbfgsSettings(history.pairs, narrow=history.narrow, bounds=(0.0, 1.0))
        return Lbfgs(picture, settings, gamma)
    return Adam(picture, recipe)


def history_in(tensors: Mapping[str, Tensor], planned: History | None) -> History | None:
    """The history of the optimizer that this state is of; `planned` if the state is without it."""
    if "s" in tensors:
        return History(tensors["s"].shape[0], narrow=tensors["s"].dtype is torch.bfloat16)
    return planned if "point" in tensors else None


def enlarged(picture: Tensor, size: Size, mode: str) -> Tensor:
    """[1, C, H, W] at another size, by `mode` of `torch.nn.functional.interpolate`."""
    if tuple(picture.shape[-2:]) == size:
        return picture.clone()
    return F.interpolate(picture, size=size, mode=mode, align_corners=False)


def _with_detail(picture: Tensor, detail: Tensor | None) -> Tensor:
    if detail is not None:
        picture.add_(detail)
    return picture.clamp_(0, 1)
