"""`python -m engine.lite.train PHOTOS TEACHER`: make the learnt weights of the `lite` network.

The teacher is VGG19 as far as its second block. Crops of photographs, some of them with noise,
other colours or two of them mixed, are shown to both. The lite network learns to say what the
teacher says at relu2_2, in the basis of the largest principal components. Then the read-out is
solved exactly by least squares. Nothing of the teacher's weights is kept.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor

from engine.lite.encoder import WIDTHS, LiteEncoder
from engine.lite.forms import FORM2, WEIGHTS, hidden, read_out, shapes
from engine.networks.vgg19 import Vgg19
from engine.networks.weights import load_weights

BORDER = 2  # features this near to a crop's border are not learnt from
TAUGHT = "relu2_2"
SEEN = ("texture1", "texture2")


@dataclass(frozen=True)
class Training:
    """How long and on what."""

    crops: int = 420
    crop_px: int = 112
    tested: int = 32
    batch: int = 4
    steps: int = 1400
    step: float = 3e-3
    ridge: float = 1e-5
    seed: int = 0


def main(arguments: list[str] | None = None) -> int:
    """Train, and write the weights and a log beside them."""
    parser = argparse.ArgumentParser(prog="python -m engine.lite.train", description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("teacher", type=Path, help="VGG19's weights, at least to relu2_2")
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=Training.steps)
    parser.add_argument("--crops", type=int, default=Training.crops)
    options = parser.parse_args(arguments)
    console = Console()
    training = Training(steps=options.steps, crops=options.crops)
    torch.manual_seed(training.seed)
    files = sorted(path for path in options.photos.iterdir() if path.suffix in {".jpg", ".png"})
    started = time.monotonic()
    crops = torch.stack(list(make_crops(files, training)))
    teacher = Vgg19(load_weights(options.teacher))
    targets = _taught(teacher, crops)
    console.print(f"{len(crops)} crops after {time.monotonic() - started:.0f} s")
    weights, log = learn(crops, targets, training, console)
    save_file({name: tensor.half() for name, tensor in weights.items()}, options.output)
    log["files"] = [path.name for path in files]
    log["seconds"] = round(time.monotonic() - started)
    log["training"] = asdict(training)
    options.output.with_suffix(".json").write_text(json.dumps(log, indent=1) + "\n")
    console.print(f"{options.output} after {log['seconds']} s: {log['left_unexplained']}")
    return 0


def make_crops(files: list[Path], training: Training) -> Iterator[Tensor]:
    """Crops [3, h, w] in 0..1 of photographs at random sizes, every second one altered."""
    random = np.random.default_rng(training.seed)
    before: Tensor | None = None
    for number in range(training.crops):
        image = Image.open(files[number % len(files)]).convert("RGB")
        scale = random.uniform(1.2, 3.0) * training.crop_px / min(image.size)
        size = [max(training.crop_px, round(side * min(1.0, scale))) for side in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
        left, top = (int(random.integers(0, side - training.crop_px + 1)) for side in size)
        image = image.crop((left, top, left + training.crop_px, top + training.crop_px))
        crop = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        altered = crop if number % 2 else _altered(crop, before, random)
        before = crop
        yield altered


def _altered(crop: Tensor, before: Tensor | None, random: np.random.Generator) -> Tensor:
    """As paintings in the making are: mixed, in other colours, with noise."""
    if before is not None and random.random() < 0.5:
        crop = torch.lerp(crop, before, float(random.uniform(0.2, 0.8)))
    if random.random() < 0.5:
        turn = torch.tensor(np.linalg.qr(random.normal(size=(3, 3)))[0], dtype=torch.float32)
        crop = 0.5 + torch.einsum("ij,jhw->ihw", turn, crop - 0.5) * float(random.uniform(0.7, 1.5))
    if random.random() < 0.5:
        noise = torch.from_numpy(random.normal(size=crop.shape)).float()
        crop = crop + noise * float(random.uniform(0, 0.12))
    return crop.clamp(0, 1)


def _taught(teacher: Vgg19, crops: Tensor) -> Tensor:
    """[N, FORM2, h, w]: the teacher's features in their own principal components."""
    features = []
    with torch.no_grad():
        for crop in crops:
            found = teacher.features(crop[None], [TAUGHT])[TAUGHT]
            features.append(found.half())
        every = torch.cat(features)
        rows = every.permute(0, 2, 3, 1).reshape(-1, every.shape[1])[::7].float()
        scale = rows.square().sum(1).mean().sqrt()
        basis = torch.linalg.eigh(rows.T @ rows)[1].flip(1)[:, :FORM2] / scale
        return torch.einsum("nchw,cd->ndhw", every.float(), basis)


def learn(
    crops: Tensor, targets: Tensor, training: Training, console: Console
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Weights that say of the crops what the targets are, and a log."""
    weights = {name: _drawn(shape) for name, shape in shapes((WIDTHS[0], WIDTHS[1])).items()}
    bank = LiteEncoder(forms=weights)
    with torch.no_grad():
        seen = [bank.features(crop[None], SEEN) for crop in crops]
    textures = tuple(torch.cat([each[name] for each in seen]) for name in SEEN)
    leaves = [tensor.requires_grad_() for tensor in weights.values()]
    optimiser = torch.optim.Adam(leaves, lr=training.step, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.step * 2, training.steps)
    curve: list[float] = []
    generator = torch.Generator().manual_seed(training.seed)
    taught = len(crops) - training.tested
    for step in range(training.steps):
        chosen = torch.randint(0, taught, (training.batch,), generator=generator)
        inputs = hidden(weights, *(texture[chosen] for texture in textures))
        loss = _inner(read_out(weights, inputs) - targets[chosen]).square().sum(1).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        curve.append(round(float(loss.detach()), 4))
        if step % 50 == 0:
            console.print(f"step {step}: {sum(curve[-50:]) / len(curve[-50:]):.4f}")
    weights = {name: tensor.detach() for name, tensor in weights.items()}
    with torch.no_grad():
        inputs = torch.cat([hidden(weights, *pair) for pair in zip(*_split(textures), strict=True)])
    _solve(weights, inputs[:taught], targets[:taught], training.ridge)
    left = _left(weights, inputs[taught:], targets[taught:])
    return weights, {"left_unexplained": round(left, 4), "loss": curve}


def _split(textures: tuple[Tensor, ...]) -> list[tuple[Tensor, ...]]:
    """In small parts, which take less memory."""
    return [torch.split(texture, 16) for texture in textures]


def _solve(weights: dict[str, Tensor], inputs: Tensor, targets: Tensor, ridge: float) -> None:
    """Put the best read-out for the hidden features into the weights."""
    width = inputs.shape[1] + 1
    square = torch.zeros(width, width, dtype=torch.float64)
    product = torch.zeros(width, targets.shape[1], dtype=torch.float64)
    for found, target in zip(inputs, targets, strict=True):
        x, y = _rows(_inner(found[None])), _rows(_inner(target[None]))
        x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
        square += x.T @ x
        product += x.T @ y
    square += torch.eye(width, dtype=square.dtype) * square.diagonal().mean() * ridge
    solved = torch.linalg.solve(square, product).float()
    weights["form2.weight"] = solved[:-1].T[:, :, None, None].contiguous()
    weights["form2.bias"] = solved[-1].contiguous()


def _left(weights: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> float:
    """Share of the targets' squares that is not explained, on crops not learnt from."""
    with torch.no_grad():
        error = _inner(read_out(weights, inputs) - targets)
        return float(error.square().sum() / _inner(targets).square().sum())


def _drawn(shape: tuple[int, ...]) -> Tensor:
    """He's initialisation; biases begin at zero."""
    if len(shape) == 1:
        return torch.zeros(shape)
    fan_in: int = shape[1] * shape[2] * shape[3]
    return torch.randn(shape) * math.sqrt(2 / fan_in)


def _inner(features: Tensor) -> Tensor:
    inner: Tensor = features[..., BORDER:-BORDER, BORDER:-BORDER]
    return inner


def _rows(features: Tensor) -> Tensor:
    rows: Tensor = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    return rows.double()


if __name__ == "__main__":
    sys.exit(main())
