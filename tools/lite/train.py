"""`python -m tools.lite.train PHOTOS WORK`: make the weights of the `lite` network.

The lite network learns to predict VGG-19's features of crops of photographs, some of them noisy,
recolored or mixed. Then it paints, and continues to learn from its paintings, since unfinished
paintings do not look like photographs.

Intermediate results are kept in the folder WORK; the same command resumes from there.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor

from common.options import PaintOptions
from engine.lite.encoder import LiteEncoder
from engine.lite.network import CONVOLUTIONS, READINGS, WEIGHTS, Weights
from engine.lite.network import load_weights as load_lite_weights
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import Vgg19
from engine.painting.devices import choose_dtype
from engine.painting.inputs import Style
from engine.painting.painter import paint
from engine.painting.picture import Picture
from engine.painting.studio import Studio
from engine.pipeline.listeners import run_with_listeners
from engine.styles.make_fingerprint import picture_from_file
from tools.lite.fitting import deepened, fit_readings
from tools.lite.learning import Schedule, learn, left
from tools.lite.student import Student
from tools.lite.training_data import (
    Teacher,
    TrainingExample,
    kept,
    make_crops,
    recolored,
    without_copies,
)

_PICTURES = {".jpg", ".jpeg", ".png"}
_RECOLORED_SHARE = 0.5
_FITTED_CROPS, _READ_CROPS = 240, 300
_FITTED_SEED = 5
_STYLES = {"form1_2": 1.0, "form2_2": 1.0, "form3_1": 1.0, "form4_1": 0.5, "form5_1": 0.2}


@dataclass(frozen=True)
class Training:
    """Training parameters; `paintings` is the number for each later round.

    For `mean_weight` and `normalized_steps` see `tools.lite.learning.Schedule`.
    """

    crops: int = 2800
    crop_px: int = 128
    tested: int = 64
    batch: int = 4
    normalized_steps: int = 200
    steps: int = 4000
    step: float = 3e-4
    rounds: int = 1
    paintings: int = 38
    painting_crops: int = 700
    painting_steps: int = 2000
    painting_step: float = 2e-4
    mean_weight: float = 2.0
    seed: int = 0


def main(arguments: list[str] | None = None) -> int:
    """Train, and write the weights and a log beside them. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lite.train", description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("work", type=Path, help="folder of what is made on the way")
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    for field in fields(Training):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=type(field.default), default=field.default)
    parser.add_argument("--teacher", type=Path, help="weights of VGG-19; default: the original's")
    parser.add_argument(
        "--judged", type=Path, nargs="+", default=[], help="pictures whose copies are no examples"
    )
    parser.add_argument("--begin", type=Path, help="weights whose convolutions come first")
    parser.add_argument("--maxima", action="store_true", help="those were taught with maxima")
    parser.add_argument("--threads", type=int, default=1)
    options = vars(parser.parse_args(arguments))
    torch.set_num_threads(options.pop("threads"))
    photos, output = options.pop("photos"), options.pop("output")
    files = sorted(path for path in photos.iterdir() if path.suffix in _PICTURES)
    files = without_copies(files, options.pop("judged"))
    if len(files) < 2:
        parser.error(f"{photos} holds no photographs.")
    begin: Path | None = options.pop("begin")
    if begin is not None and not begin.is_file():
        parser.error(f"{begin} is not there.")
    course = _Course(
        files=files,
        source=NetworkSource(options.pop("teacher")),
        work=options.pop("work"),
        begun=None if begin is None else load_lite_weights(begin),
        maxima=options.pop("maxima"),
        training=Training(**options),
        console=Console(),
    )
    course.work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    weights, log = course.run()
    save_file({name: tensor.half() for name, tensor in weights.items()}, output)
    log |= {"files": [path.name for path in files], "training": asdict(course.training)}
    log["seconds"] = round(time.monotonic() - started)
    output.with_suffix(".json").write_text(json.dumps(log, indent=1) + "\n")
    return 0


@dataclass(frozen=True, eq=False)
class _Course:
    """A complete training run."""

    files: list[Path]
    source: NetworkSource
    work: Path
    """Folder for examples, paintings and training states."""
    begun: Weights | None
    maxima: bool
    training: Training
    console: Console

    def run(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """Train; returns the weights and a log."""
        training = self.training
        torch.manual_seed(training.seed)
        examples = self._examples("photographs", self._photographs)
        tested, taught = examples[-training.tested :], examples[: -training.tested]
        student, log = self._beginning(taught), dict[str, object]()
        log["photographs"] = self._learnt(student, taught, "photographs")
        log["left_on_photographs"] = left(student, tested)
        rounds: list[dict[str, object]] = []
        for number in range(1, training.rounds + 1):
            weights, name = student.folded(), f"paintings-{number}"
            made = self._examples(name, partial(self._paintings, number, weights))
            tested = made[-training.tested :]
            before = left(student, tested)
            taught = taught + made[: -training.tested]
            curve = self._learnt(student, taught, name)
            rounds.append(
                {"left_before": before, "left": left(student, tested), "paintings": curve}
            )
        log["rounds"] = rounds
        return student.folded(), log

    def _beginning(self, examples: list[TrainingExample]) -> Student:
        """A student with random weights, or earlier ones with the rest fitted by least squares."""
        if self.begun is None:
            return Student()
        kept_file = self.work / "begun.safetensors"
        if not kept_file.exists():
            crops = make_crops(self.files, _FITTED_CROPS, self.training.crop_px, _FITTED_SEED)
            weights = deepened(self.begun, self.source.weights(), list(crops), maxima=self.maxima)
            student = Student.of(weights).eval()
            fit_readings(student, examples[:_READ_CROPS])
            save_file(student.folded(), kept_file)
        student = Student.of(load_lite_weights(kept_file)).eval()
        student.hold_first()
        return student

    def _learnt(
        self, student: Student, examples: list[TrainingExample], name: str
    ) -> list[dict[str, float]]:
        training, first = self.training, name == "photographs"
        schedule = Schedule(
            steps=training.steps if first else training.painting_steps,
            step=training.step if first else training.painting_step,
            normalized_steps=training.normalized_steps if first and self.begun is None else 0,
            batch=training.batch,
            mean_weight=training.mean_weight,
            seed=training.seed,
        )
        return learn(student, examples, schedule, self.work / f"{name}.state", self.console)

    def _examples(self, name: str, make: Callable[[], Tensor]) -> list[TrainingExample]:
        def taught() -> list[TrainingExample]:
            # The targets are rounded to half precision anyway.
            dtype = choose_dtype("auto", torch.device("cpu"))
            network = Vgg19(self.source.weights(), dtype=dtype)
            held = self.begun is not None
            readings = [one for one in READINGS if not held or one.source != CONVOLUTIONS[0].name]
            teacher = Teacher(network, self.files, self.training.crop_px, readings)
            return teacher.examples(make())

        examples = kept(self.work / f"{name}.lessons", taught)
        self.console.print(f"{len(examples)} crops of {name}")
        return examples

    def _photographs(self) -> Tensor:
        training = self.training
        return make_crops(self.files, training.crops, training.crop_px, training.seed)

    def _paintings(self, number: int, weights: Weights) -> Tensor:
        training, folder = self.training, self.work / f"paintings-{number}"
        folder.mkdir(exist_ok=True)
        chance = random.Random(training.seed + number)  # noqa: S311 (it chooses pictures, not secrets)
        painted = paint_some(weights, self.files, folder, training.paintings, chance)
        seed = training.seed + number
        return make_crops(painted, training.painting_crops, training.crop_px, seed)


def paint_some(
    weights: Weights, files: list[Path], folder: Path, count: int, chance: random.Random
) -> list[Path]:
    """Paint photographs with photographs as styles, some stopped after a few iterations."""
    encoder = LiteEncoder(weights=weights)
    studio = Studio(opener=lambda *_, **__: encoder, precision="fp32")
    for number in range(count):
        content, style = (picture_from_file(file.read_bytes()) for file in chance.sample(files, 2))
        if chance.random() < _RECOLORED_SHARE:
            seen = np.random.default_rng(chance.getrandbits(32))
            style = Picture(recolored(style.pixels, seen))
        file = folder / f"{number:04}.png"
        options = PaintOptions(
            network="lite",
            size_px=chance.choice([160, 192, 256]),
            optimizer="lbfgs",
            scales=chance.choice([1, 2]),
            iterations=chance.choice([10, 40, 40, 60]),
            style_layers=_STYLES,
            content_layers={"form4_2": 1.0},
            content_weight=chance.choice([0.02, 0.08, 0.2]),
            tv_weight=chance.choice([0.003, 0.03]),
            seed=number,
        )
        if file.exists():
            continue
        painted = run_with_listeners(paint(content, [Style(style)], options, studio=studio))
        painted.picture.to_image().convert("RGB").save(file)
    return sorted(folder.iterdir())


if __name__ == "__main__":
    sys.exit(main())
