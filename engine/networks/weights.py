"""VGG19's weights: read from a file, or downloaded once and kept cut to the convolutions."""

import contextlib
import hashlib
import os
import pickle
import re
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.networks.encoder import WeightsProblem
from engine.networks.vgg19 import CONVOLUTIONS, Normalisation, Vgg19Weights

DOWNLOAD_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
DOWNLOAD_SHA256_START = "dcbb9e9d"
KEPT_NAME = "vgg19-torchvision.safetensors"
CAFFE_MEAN = ("123.68", "116.779", "103.939")
_CHUNK_BYTES = 1 << 20
_NUMBER = r"\s*([0-9.]+)\s*"

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
)

Progress = Callable[[str, int, int], None]
"""Told what is going on, the bytes done so far and all bytes (0 when unknown)."""


def kept_file(models_dir: Path) -> Path:
    """Where the downloaded weights are kept."""
    return models_dir / KEPT_NAME


def weights_at_hand(models_dir: Path | None, file: Path | None) -> Path | None:
    """The weights file that can be used without a download, if there is one."""
    if file is not None:
        return file
    if models_dir is not None and kept_file(models_dir).is_file():
        return kept_file(models_dir)
    return None


def load_weights(file: Path) -> Vgg19Weights:
    """Read weights in torchvision's names: safetensors, or a state dict saved by torch.

    Caffe's weights are known by the metadata `input`, such as
    `pixels in 0..255 minus mean (123.68, 116.779, 103.939)`; without it the pixels are
    normalised as torchvision does.

    Raises:
        WeightsProblem: the file is absent or is no such file.
    """
    if not file.is_file():
        raise WeightsProblem(
            "There is no weights file {file}; see ATELIER_VGG19_WEIGHTS.", file=file.name
        )
    metadata: dict[str, str] = {}
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                metadata = dict(opened.metadata() or {})
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
        else:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
        weights = Vgg19Weights(_convolutions_only(tensors), normalisation_of(metadata))
    except _UNREADABLE as error:
        raise WeightsProblem("{file} cannot be read as VGG19's weights.", file=file.name) from error
    if not weights.present():
        raise WeightsProblem(
            "{file} holds no weights named features.0.weight and so on.", file=file.name
        )
    channels = 3
    for convolution in weights.present():
        weight = weights.tensors[f"{convolution.key}.weight"]
        bias = weights.tensors.get(f"{convolution.key}.bias")
        if weight.shape[1:] != (channels, 3, 3) or bias is None or bias.shape != weight.shape[:1]:
            raise WeightsProblem(
                "{file} holds no weights of VGG19: those of {layer} are of another shape.",
                file=file.name,
                layer=convolution.layer,
            )
        channels = weight.shape[0]
    return weights


def normalisation_of(metadata: dict[str, str]) -> Normalisation:
    """The input that the weights expect, as their file says; else torchvision's."""
    text = metadata.get("input", "")
    if "0..255" not in text:
        return Normalisation()
    found = re.search(rf"mean \({_NUMBER},{_NUMBER},{_NUMBER}\)", text)
    red, green, blue = (
        (float(value) for value in found.groups()) if found else (123.68, 116.779, 103.939)
    )
    one = 1.0 / 255.0
    return Normalisation((red * one, green * one, blue * one), (one, one, one))


def download_weights(
    models_dir: Path,
    progress: Progress | None = None,
    *,
    url: str = DOWNLOAD_URL,
    sha256_start: str = DOWNLOAD_SHA256_START,
) -> Path:
    """Fetch torchvision's VGG19, check it, and keep its convolutions as safetensors.

    A file appears under its name only when it is whole; nothing is left of a failed try.

    Raises:
        WeightsProblem: no connection, not the file that it should be, or no place to keep it.
    """
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        return _downloaded(models_dir, progress, url, sha256_start)
    except (OSError, SafetensorError) as error:
        raise WeightsProblem(
            "VGG19's weights cannot be kept in {folder} ({reason}); name another place in "
            "ATELIER_DATA_DIR, or a file of them in ATELIER_VGG19_WEIGHTS.",
            folder=str(models_dir),
            reason=(error.strerror if isinstance(error, OSError) else None) or str(error),
        ) from error


def _downloaded(models_dir: Path, progress: Progress | None, url: str, sha256_start: str) -> Path:
    target = kept_file(models_dir)
    with tempfile.TemporaryDirectory(dir=models_dir, ignore_cleanup_errors=True) as folder:
        fetched = Path(folder) / "vgg19.pth"
        try:
            digest = _fetch(url, fetched, progress)
        except OSError as error:
            raise WeightsProblem(
                "VGG19's weights could not be downloaded; try again later, or put a file of "
                "them on this machine and name it in ATELIER_VGG19_WEIGHTS."
            ) from error
        if not digest.startswith(sha256_start):
            raise WeightsProblem(
                "The download of VGG19's weights is damaged: its checksum is wrong. Try again."
            )
        weights = load_weights(fetched)
        cut = Path(folder) / KEPT_NAME
        save_file(weights.tensors, cut, metadata={"input": "as torchvision", "source": url})
        _sync(cut)
        cut.replace(target)
    return target


def _fetch(url: str, target: Path, progress: Progress | None) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=30) as answer, target.open("wb") as file:  # noqa: S310 (our own https address)
        total = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if progress:
                progress("downloading VGG19", done, total)
    return digest.hexdigest()


def _convolutions_only(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    wanted = {f"{conv.key}.{part}" for conv in CONVOLUTIONS for part in ("weight", "bias")}
    return {name: tensors[name].contiguous() for name in wanted if name in tensors}


def _sync(file: Path) -> None:
    with contextlib.suppress(OSError), file.open("rb") as opened:
        os.fsync(opened.fileno())
