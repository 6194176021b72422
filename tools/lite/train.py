"""`python -m tools.lite.train PHOTOS TEACHER`: make the weights of the `lite` network.

Crops of photographs, some of them with noise, other colours or two of them mixed, are shown to
VGG19, and the lite network learns to say what it says. Then the network paints: it will be asked
about pictures in the making, which look like no photograph, so it learns on from these. Nothing
of the teacher's weights is kept.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor

from common.options import PaintOptions
from engine.lite.encoder import LiteEncoder
from engine.lite.network import READINGS, WEIGHTS, Weights
from engine.lite.network import load_weights as load_lite_weights
from engine.networks.vgg19 import Vgg19
from engine.networks.weights import load_weights
from engine.painting.events import Painted
from engine.painting.inputs import Style
from engine.painting.painter import paint
from engine.painting.picture import Picture
from engine.painting.studio import Studio
from engine.styles.making import picture_from_file
from tools.lite.lessons import Lesson, Teacher, make_crops, recolored, together
from tools.lite.student import Student

_TOLD_EVERY = 50
_BORDER = 3
_BORDER_SHARE = 0.3
_PICTURES = {".jpg", ".jpeg", ".png"}
_RECOLORED_SHARE = 0.5
_LAYERS = {reading.layer: 1.0 for reading in READINGS}


@dataclass(frozen=True)
class Training:
    """How long and on what; paintings are the later rounds', for each as many.

    `mean_weight` is what the error of a crop's mean counts beside the mean of its errors: the
    first is what stays in second moments, but too much of it costs more than it wins.
    Normalisation over the batch finds the features' scale in the first steps only: later on it
    would hide from the network how bright a picture is.
    """

    crops: int = 4000
    crop_px: int = 112
    tested: int = 64
    batch: int = 4
    normalized_steps: int = 200
    steps: int = 6000
    step: float = 8e-3
    rounds: int = 2
    paintings: int = 70
    painting_crops: int = 800
    painting_steps: int = 2500
    painting_step: float = 4e-3
    mean_weight: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Schedule:
    """Steps of one half: how many, the largest, and how many are normalized over the batch."""

    steps: int
    step: float
    normalized_steps: int = 0


def main(arguments: list[str] | None = None) -> int:
    """Train, and write the weights and a log beside them. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lite.train", description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("teacher", type=Path, help="VGG19's weights, at least to relu3_3")
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    for field in fields(Training):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=type(field.default), default=field.default)
    parser.add_argument("--begin", type=Path, help="weights to go on from, with paintings alone")
    parser.add_argument("--threads", type=int, default=1)
    options = vars(parser.parse_args(arguments))
    photos, teacher, output = (options.pop(name) for name in ("photos", "teacher", "output"))
    begin: Path | None = options.pop("begin")
    torch.set_num_threads(options.pop("threads"))
    training = Training(**options)
    files = sorted(path for path in photos.iterdir() if path.suffix in _PICTURES)
    if len(files) < 2:
        parser.error(f"{photos} holds no photographs.")
    names = [path.name for path in files]
    started = time.monotonic()
    begun = earlier = None
    if begin is not None:
        if not begin.is_file() or not begin.with_suffix(".json").is_file():
            parser.error(f"{begin} is not there, or its log is not beside it.")
        begun = load_lite_weights(begin)
        earlier = json.loads(begin.with_suffix(".json").read_text())
        if (names, training.crop_px) != (earlier["files"], earlier["training"]["crop_px"]):
            parser.error(f"{begin} was made with other photographs, or with crops of another size.")
    weights, log = train(files, teacher, training, Console(), begun)
    save_file({name: tensor.half() for name, tensor in weights.items()}, output)
    log |= {"files": names, "training": asdict(training)}
    log["seconds"] = round(time.monotonic() - started)
    if earlier is not None:
        log["begun_with"] = earlier
    output.with_suffix(".json").write_text(json.dumps(log, indent=1) + "\n")
    return 0


def train(
    files: list[Path],
    teacher_file: Path,
    training: Training,
    console: Console,
    begun: Weights | None = None,
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Weights, and a log of how they were found; `begun` is what to go on from."""
    torch.manual_seed(training.seed)
    teacher = Teacher(Vgg19(load_weights(teacher_file)), files, training.crop_px)
    lessons = teacher.lessons(make_crops(files, training.crops, training.crop_px, training.seed))
    console.print(f"{len(lessons)} crops of photographs")
    student = Student() if begun is None else Student.of(begun)
    log: dict[str, object] = {}
    if begun is None:
        schedule = Schedule(training.steps, training.step, training.normalized_steps)
        log["photographs"] = learn(student, lessons, schedule, training, console)
    tested = lessons[-training.tested :]
    log["left_on_photographs"] = left(student, tested)
    rounds: list[dict[str, object]] = []
    for number in range(1, training.rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            chance = random.Random(training.seed + number)  # noqa: S311 (it chooses pictures, not secrets)
            painted = paint_some(student.folded(), files, Path(folder), training.paintings, chance)
            side_px, seed = training.crop_px, training.seed + number
            crops = make_crops(painted, training.painting_crops, side_px, seed)
        made = teacher.lessons(crops)
        console.print(f"{len(made)} crops of {len(painted)} paintings")
        tested = made[-training.tested :]
        before = left(student, tested)
        lessons += made
        schedule = Schedule(training.painting_steps, training.painting_step)
        curve = learn(student, lessons, schedule, training, console)
        rounds.append({"left_before": before, "left": left(student, tested), "paintings": curve})
    log["rounds"] = rounds
    return student.folded(), log


def learn(
    student: Student,
    lessons: list[Lesson],
    schedule: Schedule,
    training: Training,
    console: Console,
) -> list[dict[str, float]]:
    """Teach all lessons but the last; returns how each layer's error fell."""
    optimizer = torch.optim.Adam(student.parameters(), lr=schedule.step, betas=(0.9, 0.99))
    course = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.step, schedule.steps, pct_start=0.15
    )
    generator = torch.Generator().manual_seed(training.seed)
    taught = len(lessons) - training.tested
    curve: list[dict[str, float]] = []
    sums = dict.fromkeys(_LAYERS, 0.0)
    for number in range(1, schedule.steps + 1):
        student.train(number <= schedule.normalized_steps)
        chosen = torch.randint(0, taught, (training.batch,), generator=generator)
        crops, targets = together([lessons[place] for place in chosen.tolist()])
        told = student(crops)
        errors = {name: _mean(error) for name, error in _errors(told, targets).items()}
        loss = torch.stack(list(errors.values())).sum()
        if training.mean_weight:
            biases = [_bias(told[name], target) for name, target in targets.items()]
            loss = loss + training.mean_weight * torch.stack(biases).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        course.step()
        for name, error in errors.items():
            sums[name] += float(error.detach()) / _TOLD_EVERY
        if number % _TOLD_EVERY == 0:
            curve.append({name: round(error, 4) for name, error in sums.items()})
            console.print(f"step {number}: {curve[-1]}")
            sums = dict.fromkeys(_LAYERS, 0.0)
    return curve


def left(student: Student, lessons: list[Lesson]) -> dict[str, float]:
    """Share of each layer's squares that is not explained."""
    student.eval()
    errors, squares = dict.fromkeys(_LAYERS, 0.0), dict.fromkeys(_LAYERS, 0.0)
    with torch.no_grad():
        for lesson in lessons:
            crops, targets = together([lesson])
            for name, error in _errors(student(crops), targets).items():
                errors[name] += float(_inner(error).mean())
                squares[name] += float(_inner(targets[name]).square().sum(1).mean())
    return {name: round(errors[name] / squares[name], 4) for name in _LAYERS}


def paint_some(
    weights: Weights, files: list[Path], folder: Path, count: int, chance: random.Random
) -> list[Path]:
    """Paintings of photographs after photographs, some of them hardly begun."""
    encoder = LiteEncoder(weights=weights)
    studio = Studio(opener=lambda *_, **__: encoder, precision="fp32")
    for number in range(count):
        content, style = (picture_from_file(file.read_bytes()) for file in chance.sample(files, 2))
        if chance.random() < _RECOLORED_SHARE:
            seen = np.random.default_rng(chance.getrandbits(32))
            style = Picture(recolored(style.pixels, seen))
        options = PaintOptions(
            network="lite",
            size_px=chance.choice([144, 160]),
            optimizer="lbfgs",
            scales=chance.choice([1, 2]),
            iterations=chance.choice([10, 40, 40, 60]),
            style_layers=_LAYERS,
            content_layers={chance.choice(["form3_1", "form3_3"]): 1.0},
            content_weight=chance.choice([0.003, 0.01, 0.03]),
            tv_weight=chance.choice([0.003, 0.03]),
            seed=number,
        )
        for event in paint(content, [Style(style)], options, studio=studio):
            if isinstance(event, Painted):
                event.picture.to_image().convert("RGB").save(folder / f"{number:04}.png")
    return sorted(folder.iterdir())


def _errors(told: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Squared error of each layer [N, h, w], summed over its features."""
    return {name: (told[name] - target).square().sum(1) for name, target in targets.items()}


def _bias(told: Tensor, target: Tensor) -> Tensor:
    """Squared error of each crop's mean feature: what is left of errors in the whole's moments."""
    return (_inner(told) - _inner(target)).mean((2, 3)).square().sum(1).mean()


def _mean(errors: Tensor) -> Tensor:
    """Mean, to which the border adds less than its area.

    There the teacher sees its own zeros, which say little about pictures; but a network that
    never learnt of them paints a border with more detail than the rest.
    """
    return torch.lerp(_inner(errors).mean(), errors.mean(), _BORDER_SHARE)


def _inner(features: Tensor) -> Tensor:
    """Without the border."""
    inner: Tensor = features[..., _BORDER:-_BORDER, _BORDER:-_BORDER]
    return inner


if __name__ == "__main__":
    sys.exit(main())
