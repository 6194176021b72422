"""Training steps of the `lite` network, and its remaining error."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from engine.painting.devices import choose_dtype
from tools.lite.student import Student
from tools.lite.training_data import TrainingExample, inner, together

_TOLD_EVERY = 50
KEPT_EVERY = 500
_BORDER_SHARE = 0.3


@dataclass(frozen=True)
class Schedule:
    """A training phase."""

    steps: int
    step: float
    """The learning rate."""
    normalized_steps: int = 0
    """First steps with batch normalization, which finds the features' scale from random weights;
    later it would hide a picture's brightness from the network."""
    batch: int = 4
    mean_weight: float = 0.0
    """Weight of the error of a crop's mean feature beside the mean error: the former remains in
    second moments, but too much of it does harm."""
    seed: int = 0


def learn(
    student: Student,
    examples: Sequence[TrainingExample],
    schedule: Schedule,
    state: Path,
    console: Console,
) -> list[dict[str, float]]:
    """Train on the examples; returns each layer's error over time.

    The state is saved to the file `state` every 500 steps and at the end; the same call resumes
    from it.
    """
    learnt = [part for part in student.parameters() if part.requires_grad]
    optimizer = torch.optim.Adam(learnt, lr=schedule.step, betas=(0.9, 0.99))
    course = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.step, schedule.steps, pct_start=0.1
    )
    generator = torch.Generator().manual_seed(schedule.seed)
    curve: list[dict[str, float]] = []
    done = 0
    if state.exists():
        kept: dict[str, Any] = torch.load(state, weights_only=True)
        for part, name in ((student, "student"), (optimizer, "optimizer"), (course, "course")):
            part.load_state_dict(kept[name])
        generator.set_state(kept["generator"])
        done, curve = kept["done"], kept["curve"]
    sums: dict[str, float] = {}
    for number in range(done + 1, schedule.steps + 1):
        student.train(number <= schedule.normalized_steps)
        chosen = torch.randint(0, len(examples), (schedule.batch,), generator=generator)
        crops, targets = together([examples[place] for place in chosen.tolist()])
        # bf16 is faster where the processor has it.
        with torch.autocast("cpu", dtype=choose_dtype("auto", crops.device)):
            told = student(crops)
        errors = {name: _error(told[name].float(), one, name) for name, one in targets.items()}
        loss = torch.stack(list(errors.values())).sum()
        if schedule.mean_weight:
            biases = [_bias(told[name].float(), target, name) for name, target in targets.items()]
            loss = loss + schedule.mean_weight * torch.stack(biases).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        course.step()
        for name, error in errors.items():
            sums[name] = sums.get(name, 0.0) + float(error.detach()) / _TOLD_EVERY
        if number % _TOLD_EVERY == 0:
            curve.append({name: round(error, 4) for name, error in sums.items()})
            console.print(f"step {number}: {curve[-1]}")
            sums = {}
        if number % KEPT_EVERY == 0 or number == schedule.steps:
            whole = {
                "student": student.state_dict(),
                "optimizer": optimizer.state_dict(),
                "course": course.state_dict(),
                "generator": generator.get_state(),
                "done": number,
                "curve": curve,
            }
            torch.save(whole, written := state.with_suffix(".part"))
            written.replace(state)
    student.eval()
    return curve


def left(student: Student, examples: Sequence[TrainingExample]) -> dict[str, float]:
    """Unexplained variance of each layer."""
    student.eval()
    errors: dict[str, float] = {}
    squares: dict[str, float] = {}
    with torch.no_grad():
        for example in examples:
            crops, targets = together([example])
            told = student(crops)
            for name, target in targets.items():
                error, square = ((one).square().sum(1) for one in (told[name] - target, target))
                errors[name] = errors.get(name, 0.0) + float(inner(error, name).mean())
                squares[name] = squares.get(name, 0.0) + float(inner(square, name).mean())
    return {name: round(errors[name] / squares[name], 4) for name in errors}


def _error(told: Tensor, target: Tensor, layer: str) -> Tensor:
    """Mean squared error over positions, with less weight on the border.

    At the border the teacher sees zero padding, which says little about pictures. But a network
    that was never trained on it paints borders with more detail than the rest.
    """
    error = (told - target).square().sum(1)
    return torch.lerp(inner(error, layer).mean(), error.mean(), _BORDER_SHARE)


def _bias(told: Tensor, target: Tensor, layer: str) -> Tensor:
    """Squared error of each crop's mean feature, which remains in the moments of the whole."""
    return inner(told - target, layer).mean((2, 3)).square().sum(1).mean()
