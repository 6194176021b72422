"""`python -m engine.lite.train PHOTOS TEACHER`: make the learnt weights of the `lite` network.

The teacher is VGG19 as far as its third block. Crops of photographs, some of them with noise,
other colours or two of them mixed, are shown to both. The lite network learns to say what the
teacher says at relu2_2 and relu3_3, in the basis of the largest principal components. Then the
read-outs are solved exactly by least squares. Nothing of the teacher's weights is kept.
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

from engine.lite.encoder import TEXTURES, WIDTHS, LiteEncoder
from engine.lite.forms import FORM2, FORM3, WEIGHTS, forms2, forms3, read_out, shapes
from engine.networks.vgg19 import Vgg19
from engine.networks.weights import load_weights

BORDER = 2  # features this near to a crop's border are not learnt from
TAUGHT = {"form2": ("relu2_2", FORM2), "form3": ("relu3_3", FORM3)}


@dataclass(frozen=True)
class Training:
    """How long and on what."""

    crops: int = 320
    crop_px: int = 112
    tested: int = 32
    batch: int = 4
    steps: int = 900
    step: float = 3e-3
    ridge: float = 1e-5
    seed: int = 0


def main(arguments: list[str] | None = None) -> int:
    """Train, and write the weights and a log beside them."""
    parser = argparse.ArgumentParser(prog="python -m engine.lite.train", description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("teacher", type=Path, help="VGG19's weights, at least to relu3_3")
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
    targets = {name: _taught(teacher, crops, *TAUGHT[name]) for name in TAUGHT}
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


def _taught(teacher: Vgg19, crops: Tensor, layer: str, count: int) -> Tensor:
    """[N, count, h, w]: the teacher's features in their own principal components."""
    features = []
    with torch.no_grad():
        for crop in crops:
            found = teacher.features(crop[None], [layer])[layer]
            features.append(found.half())
        every = torch.cat(features)
        rows = every.permute(0, 2, 3, 1).reshape(-1, every.shape[1])[::7].float()
        scale = rows.square().sum(1).mean().sqrt()
        basis = torch.linalg.eigh(rows.T @ rows)[1].flip(1)[:, :count] / scale
        return torch.einsum("nchw,cd->ndhw", every.float(), basis)


def learn(
    crops: Tensor, targets: dict[str, Tensor], training: Training, console: Console
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Weights that say of the crops what the targets are, and a log."""
    first: tuple[int, int, int] = WIDTHS[0], WIDTHS[1], WIDTHS[2]
    weights = {name: _drawn(shape) for name, shape in shapes(first).items()}
    bank = LiteEncoder(forms=weights)
    with torch.no_grad():
        seen = [bank.features(crop[None], TEXTURES[:3]) for crop in crops]
    textures = {name: torch.cat([each[name] for each in seen]) for name in TEXTURES[:3]}
    leaves = [tensor.requires_grad_() for tensor in weights.values()]
    optimiser = torch.optim.Adam(leaves, lr=training.step, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.step * 2, training.steps)
    curve: list[float] = []
    generator = torch.Generator().manual_seed(training.seed)
    taught = len(crops) - training.tested
    for step in range(training.steps):
        chosen = torch.randint(0, taught, (training.batch,), generator=generator)
        loss = torch.zeros(())
        for name, inputs in _inputs(weights, textures, chosen).items():
            error = read_out(weights, name, inputs) - targets[name][chosen]
            loss = loss + _inner(error).square().sum(1).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        curve.append(round(float(loss.detach()), 4))
        if step % 50 == 0:
            console.print(f"step {step}: {sum(curve[-50:]) / len(curve[-50:]):.4f}")
    weights = {name: tensor.detach() for name, tensor in weights.items()}
    _solve(weights, textures, targets, taught, training.ridge)
    held = torch.arange(taught, len(crops))
    return weights, {"left_unexplained": _left(weights, textures, targets, held), "loss": curve}


def _solve(
    weights: dict[str, Tensor],
    textures: dict[str, Tensor],
    targets: dict[str, Tensor],
    taught: int,
    ridge: float,
) -> None:
    """Put the best read-outs for the hidden features into the weights."""
    squares: dict[str, Tensor] = {}
    products: dict[str, Tensor] = {}
    for number in range(taught):
        with torch.no_grad():
            inputs = _inputs(weights, textures, torch.tensor([number]))
        for name, found in inputs.items():
            x, y = _rows(_inner(found)), _rows(_inner(targets[name][number : number + 1]))
            x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
            squares[name] = squares.get(name, torch.zeros(())) + x.T @ x
            products[name] = products.get(name, torch.zeros(())) + x.T @ y
    for name, square in squares.items():
        eye = torch.eye(len(square), dtype=square.dtype) * square.diagonal().mean() * ridge
        solved = torch.linalg.solve(square + eye, products[name]).float()
        weights[f"{name}.weight"] = solved[:-1].T[:, :, None, None].contiguous()
        weights[f"{name}.bias"] = solved[-1].contiguous()


def _left(
    weights: dict[str, Tensor],
    textures: dict[str, Tensor],
    targets: dict[str, Tensor],
    chosen: Tensor,
) -> dict[str, float]:
    """Share of the targets' squares that is not explained, on crops not learnt from."""
    with torch.no_grad():
        inputs = _inputs(weights, textures, chosen)
        return {
            name: round(
                float(
                    _inner(read_out(weights, name, found) - targets[name][chosen]).square().sum()
                    / _inner(targets[name][chosen]).square().sum()
                ),
                4,
            )
            for name, found in inputs.items()
        }


def _inputs(
    weights: dict[str, Tensor], textures: dict[str, Tensor], chosen: Tensor
) -> dict[str, Tensor]:
    texture1, texture2, texture3 = (textures[name][chosen] for name in TEXTURES[:3])
    second, near = forms2(weights, texture1, texture2)
    return {"form2": second, "form3": forms3(weights, near, texture2, texture3)}


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
