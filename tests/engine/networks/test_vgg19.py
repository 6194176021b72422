from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from common.options import resolve_network
from engine.networks.encoder import Encoder, WeightsError, features_of
from engine.networks.original import original_weights
from engine.networks.registry import NetworkSource, available_networks, open_encoder
from engine.networks.vgg19 import CONVOLUTIONS, LAYERS, Normalization, Vgg19, Vgg19Weights
from engine.networks.weights import load_weights
from tests.kit.other_user import without_access
from tests.kit.thin_vgg19 import thin_vgg19, thin_weights


def published_vgg19(weights: dict[str, Tensor]) -> nn.Sequential:
    """Column E of table 1 of Simonyan and Zisserman (2014), numbered as in torchvision."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, 64, 0, 128, 128, 0, *[256] * 4, 0, *[512] * 4, 0, *[512] * 4, 0):
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    vars(layers[0])["padding_mode"] = (
        "replicate"  # like our network; zero padding causes a gray frame
    )
    model = nn.Sequential(*layers).eval()
    model.load_state_dict(
        {name.removeprefix("features."): tensor for name, tensor in weights.items()}
    )
    return model


def test_features_equal_those_of_the_published_network() -> None:
    weights = original_weights()
    encoder = Vgg19(weights)
    model = published_vgg19(weights.tensors)
    picture = torch.rand(1, 3, 67, 50, generator=torch.Generator().manual_seed(0))
    x = picture * 255 - torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)
    expected = {}
    with torch.no_grad():
        for number, module in enumerate(model):
            x = module(x)
            for convolution in CONVOLUTIONS:
                if convolution.key == f"features.{number - 1}":
                    expected[convolution.layer] = x.clone()
        found = features_of(encoder, picture, LAYERS)
    assert list(found) == list(LAYERS)
    for name in LAYERS:
        size = float(expected[name].abs().max())
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5 * size)


def test_layers_deeper_than_requested_are_not_computed() -> None:
    weights = thin_weights()
    broken = dict(weights.tensors)
    broken["features.5.weight"] = torch.full_like(broken["features.5.weight"], torch.nan)
    encoder = Vgg19(Vgg19Weights(broken, Normalization()), dtype=torch.float64)
    found = features_of(encoder, torch.rand(1, 3, 16, 16, dtype=torch.float64), ["relu1_2"])
    assert torch.isfinite(found["relu1_2"]).all()


def test_margin_follows_the_deepest_layer_and_stride_doubles_per_block() -> None:
    encoder = thin_vgg19()
    assert encoder.margin_px(["relu5_1", "relu1_1"]) == 80
    assert encoder.margin_px(["relu1_1"]) == 1
    assert encoder.margin_px(["relu3_3"]) == 20
    assert [encoder.stride_px(f"relu{n}_1") for n in range(1, 6)] == [1, 2, 4, 8, 16]
    assert isinstance(encoder, Encoder)


def test_a_flat_picture_has_flat_first_features_up_to_the_border() -> None:
    features = features_of(
        thin_vgg19(2), torch.full((1, 3, 9, 9), 0.3, dtype=torch.float64), ["relu1_1"]
    )
    assert features["relu1_1"].std((2, 3)).max() < 1e-12


def test_weights_that_end_early_name_the_missing_layers(tmp_path: Path) -> None:
    file = tmp_path / "short.safetensors"
    save_file(thin_weights(8).tensors, file, metadata={"input": "as torchvision"})
    encoder = Vgg19(load_weights(file))
    assert encoder.layers[-1] == "relu3_4"
    features_of(encoder, torch.rand(1, 3, 16, 16), ["relu3_4"])
    with pytest.raises(WeightsError, match=r"relu4_1, relu4_2.*They have: relu1_1"):
        features_of(encoder, torch.rand(1, 3, 16, 16), ["relu1_1", "relu4_1", "relu4_2"])


@pytest.mark.parametrize("name", ["empty.safetensors", "text.pth"])
def test_invalid_or_missing_weights_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match=name):
        load_weights(file)
    with pytest.raises(WeightsError, match="no weights file"):
        load_weights(tmp_path / "absent.safetensors")


def test_weights_file_in_a_closed_folder_is_named_and_not_available(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"not weights")
    with without_access(tmp_path):
        assert available_networks(NetworkSource(file)) == ("lite",)
        with pytest.raises(WeightsError, match="cannot be read as VGG-19's weights"):
            load_weights(file)


def test_caffe_weights_reproduce_caffes_first_features(caffe_file: Path) -> None:
    weights = load_weights(caffe_file)
    encoder = Vgg19(weights)
    picture = torch.rand(1, 3, 8, 8)
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)
    kernel, bias = (weights.tensors[f"features.0.{part}"] for part in ("weight", "bias"))
    expected = torch.nn.functional.conv2d(picture * 255 - mean, kernel, bias).relu()
    found = features_of(encoder, picture, ["relu1_1"])["relu1_1"][..., 1:-1, 1:-1]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)
    assert encoder.layers[-1] == "relu3_4"


def test_the_hash_tells_weights_apart() -> None:
    assert thin_weights().hash() == thin_weights().hash()
    assert thin_weights().hash() != thin_weights(seed=1).hash()
    assert thin_weights(8).hash() != thin_weights().hash()


def test_auto_network_is_the_whole_vgg19_without_any_file() -> None:
    assert resolve_network("auto") == "vgg19"
    assert resolve_network("lite") == "lite"
    encoder = open_encoder("auto", NetworkSource(), device=torch.device("cpu"), dtype=torch.float32)
    assert (encoder.name, encoder.layers) == ("vgg19", LAYERS)
    with pytest.raises(WeightsError, match="vgg19, lite"):
        open_encoder("alexnet", NetworkSource(), device=torch.device("cpu"), dtype=torch.float32)
