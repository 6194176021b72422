from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.networks.vgg19 import CONVOLUTIONS

_WIDTHS = (16, 48, 128, 160, 192)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files with smooth pictures."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    for number in range(3):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def random_vgg19_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with random VGG-19 weights, as narrow as the readings allow."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}
    inputs = 3
    for convolution in CONVOLUTIONS:
        outputs = _WIDTHS[convolution.block]
        random_weight = torch.randn(outputs, inputs, 3, 3, generator=generator)
        tensors[f"{convolution.key}.weight"] = random_weight * (2 / (9 * inputs)) ** 0.5
        tensors[f"{convolution.key}.bias"] = torch.zeros(outputs)
        inputs = outputs
    file = tmp_path_factory.mktemp("weights") / "vgg19.safetensors"
    save_file(tensors, file, metadata={"input": "as torchvision"})
    return file
