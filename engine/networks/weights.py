"""VGG-19's weights from a file; the first convolution tells which weights they are."""

import pickle
import re
import struct
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.networks.encoder import WeightsError
from engine.networks.original import original_first_weight, zero_to_255
from engine.networks.vgg19 import CONVOLUTIONS, Normalization, Vgg19Weights

_FIRST = f"{CONVOLUTIONS[0].key}.weight"
_NUMBER = r"\s*([0-9.]+)\s*"
_ALIKE = 0.1
"""Relative distance (Frobenius norm) up to which two first convolutions are taken for the same: far
above rounding to bf16 or to a table of 256 values, far below the distance of RGB to BGR."""
# The first of torchvision's 64 filters (vgg19-dcbb9e9d.pth), red, green, blue.
_TORCHVISION = (
    (-0.053474, -0.049257, -0.067942, 0.015314, 0.045068, 0.0021444, 0.036226, 0.019999, 0.019864),
    (0.017015, 0.055403, -0.0062293, 0.14165, 0.22705, 0.13758, 0.12000, 0.20030, 0.092114),
    (-0.044885, 0.012680, -0.014497, 0.059742, 0.13955, 0.054102, -0.00096141, 0.058304, -0.029663),
)

_UNREADABLE = (
    SafetensorError,
    pickle.UnpicklingError,
    OSError,
    RuntimeError,
    ValueError,
    EOFError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    struct.error,
    zipfile.BadZipFile,
)
"""What torch and the others raise at files that are damaged or something else."""


def load_weights(file: Path) -> Vgg19Weights:
    """Read weights in torchvision's names: safetensors, or a state dict saved by torch.

    Caffe's (BGR), the same in RGB order, and torchvision's are recognized by their first
    convolution. Weights of your own are taken from a safetensors file whose metadata `input` says
    what they expect: `as torchvision`, or `pixels in 0..255 minus mean (123.68, 116.779, 103.939)`,
    in RGB order.

    Raises:
        WeightsError: the file is absent or unreadable, or its weights are not recognized.
    """
    try:
        file.open("rb").close()  # safetensors takes one that may not be read for a missing one
        tensors, stated = _read(file)
    except FileNotFoundError:
        raise WeightsError(
            "There is no weights file {file}; see ATELIER_VGG19_WEIGHTS.", file=file.name
        ) from None
    except _UNREADABLE as error:
        raise WeightsError("{file} cannot be read as VGG-19's weights.", file=file.name) from error
    if _FIRST not in tensors:
        raise WeightsError(
            "{file} contains no weights named features.0.weight and so on.", file=file.name
        )
    _check_shapes(tensors, file)
    return _looked_at(tensors, stated, file)


def is_whole(file: Path) -> bool:
    """Whether a file of weights is there and complete, by its header or its archive's directory."""
    try:
        if not file.is_file():
            return False
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt"):
                return True
        return file.suffix not in {".pth", ".pt"} or zipfile.is_zipfile(file) or _is_old(file)
    except _UNREADABLE:
        return False


def _is_old(file: Path) -> bool:
    """Whether it has torch's legacy format: a pickle, which does not say where it ends."""
    with file.open("rb") as opened:
        return opened.read(1) == b"\x80"


def stated_normalization(text: str) -> Normalization | None:
    """The input that a file's metadata `input` names; None where it names none."""
    if text.strip() == "as torchvision":
        return Normalization()
    found = re.search(rf"0\.\.255 minus mean \({_NUMBER},{_NUMBER},{_NUMBER}\)", text)
    if found is None:
        return None
    red, green, blue = (float(value) for value in found.groups())
    return zero_to_255((red, green, blue))


def _read(file: Path) -> tuple[dict[str, Tensor], str]:
    """The convolutions' tensors, and the metadata `input`."""
    if file.suffix != ".safetensors":
        loaded = torch.load(file, map_location="cpu", weights_only=True)
        return _convolutions_only(loaded), ""
    with safe_open(file, framework="pt") as opened:
        # Copies, not the mapped file: overwriting that while it is in use kills the process.
        tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118 (no mapping)
        return _convolutions_only(tensors), (opened.metadata() or {}).get("input", "")


def _convolutions_only(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    wanted = {f"{conv.key}.{part}" for conv in CONVOLUTIONS for part in ("weight", "bias")}
    return {name: tensors[name].contiguous() for name in wanted if name in tensors}


def _check_shapes(tensors: dict[str, Tensor], file: Path) -> None:
    channels = 3
    for convolution in Vgg19Weights(tensors, Normalization()).present():
        weight = tensors[f"{convolution.key}.weight"]
        bias = tensors.get(f"{convolution.key}.bias")
        if weight.shape[1:] != (channels, 3, 3) or bias is None or bias.shape != weight.shape[:1]:
            raise WeightsError(
                "{file} does not contain VGG-19's weights: those of {layer} have another shape.",
                file=file.name,
                layer=convolution.layer,
            )
        channels = weight.shape[0]


def _looked_at(tensors: dict[str, Tensor], stated: str, file: Path) -> Vgg19Weights:
    first = tensors[_FIRST].float()
    if first.shape == (64, 3, 3, 3):
        original = original_first_weight()
        if _distance(first, original) < _ALIKE:
            kind = f"{file.name}: the original VGG-19, red first."
            return Vgg19Weights(tensors, zero_to_255(), kind)
        if _distance(first.flip(1), original) < _ALIKE:
            turned = {**tensors, _FIRST: tensors[_FIRST].flip(1).contiguous()}
            kind = f"{file.name}: the original VGG-19, blue first as in Caffe."
            return Vgg19Weights(turned, zero_to_255(), kind)
        if _distance(first[0].flatten(1), torch.tensor(_TORCHVISION)) < _ALIKE:
            kind = f"{file.name}: torchvision's VGG-19."
            return Vgg19Weights(tensors, Normalization(), kind)
    expected = stated_normalization(stated)
    if expected is None:
        raise WeightsError(
            "{file} contains weights of a VGG, but neither the original VGG-19's nor "
            "torchvision's, so it is not known what numbers they expect. Leave "
            "ATELIER_VGG19_WEIGHTS empty for the original, name one of these two, or say it in "
            "the file: see docs/engine.md.",
            file=file.name,
        )
    kind = f"{file.name}: weights for {stated}, as the file says."
    return Vgg19Weights(tensors, expected, kind)


def _distance(found: Tensor, known: Tensor) -> float:
    return float((found - known).norm() / known.norm())
