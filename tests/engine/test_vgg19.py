import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import vgg19

from engine.networks.encoder import Encoder, WeightsProblem
from engine.networks.registry import NetworkSource, open_encoder, resolve_network
from engine.networks.vgg19 import CONVOLUTIONS, LAYERS, Normalisation, Vgg19, Vgg19Weights
from engine.networks.weights import (
    download_weights,
    kept_file,
    load_weights,
    normalisation_of,
    weights_at_hand,
)
from tests.engine.thin import thin, thin_weights


def test_features_equal_torchvisions_own_model() -> None:
    torch.manual_seed(0)
    model = vgg19(weights=None).features.eval()
    state = {f"features.{name}": tensor for name, tensor in model.state_dict().items()}
    encoder = Vgg19(Vgg19Weights(state, Normalisation()), border="zero")
    picture = torch.rand(1, 3, 67, 50)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = (picture - mean) / std
    wanted = {}
    with torch.no_grad():
        for number, module in enumerate(model):
            x = module(x)
            for convolution in CONVOLUTIONS:
                if convolution.key == f"features.{number - 1}":
                    wanted[convolution.layer] = x.clone()
        found = encoder.features(picture, LAYERS)
    assert list(found) == list(LAYERS)
    for name in LAYERS:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-5)


def test_no_layer_below_the_deepest_in_use_is_computed() -> None:
    weights = thin_weights()
    broken = dict(weights.tensors)
    broken["features.5.weight"] = torch.full_like(broken["features.5.weight"], torch.nan)
    encoder = Vgg19(Vgg19Weights(broken, Normalisation()), dtype=torch.float64)
    found = encoder.features(torch.rand(1, 3, 16, 16, dtype=torch.float64), ["relu1_2"])
    assert torch.isfinite(found["relu1_2"]).all()


def test_margin_and_stride_of_the_deepest_layer() -> None:
    encoder = thin()
    assert encoder.margin_px(["relu5_1", "relu1_1"]) == 80
    assert encoder.margin_px(["relu1_1"]) == 1
    assert encoder.margin_px(["relu3_3"]) == 20
    assert [encoder.stride_px(f"relu{n}_1") for n in range(1, 6)] == [1, 2, 4, 8, 16]
    assert isinstance(encoder, Encoder)


def test_a_flat_picture_has_flat_first_features_up_to_the_border() -> None:
    features = thin(2).features(torch.full((1, 3, 9, 9), 0.3, dtype=torch.float64), ["relu1_1"])
    assert features["relu1_1"].std((2, 3)).max() < 1e-12


def test_weights_that_end_early_name_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "short.safetensors"
    save_file(thin_weights(8).tensors, file)
    encoder = Vgg19(load_weights(file))
    assert encoder.layers[-1] == "relu3_4"
    encoder.features(torch.rand(1, 3, 16, 16), ["relu3_4"])
    with pytest.raises(WeightsProblem, match=r"relu4_1, relu4_2.*They have: relu1_1"):
        encoder.features(torch.rand(1, 3, 16, 16), ["relu1_1", "relu4_1", "relu4_2"])


@pytest.mark.parametrize("name", ["empty.safetensors", "text.pth"])
def test_a_file_that_is_no_weights_file_gets_a_sentence(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"not weights")
    with pytest.raises(WeightsProblem, match=name):
        load_weights(file)
    with pytest.raises(WeightsProblem, match="no weights file"):
        load_weights(tmp_path / "absent.safetensors")


def test_the_metadata_tells_caffes_pixels_from_torchvisions() -> None:
    caffe = normalisation_of({"input": "pixels in 0..255 minus mean (123.68, 116.779, 103.939)"})
    assert caffe.mean == pytest.approx((0.48502, 0.45796, 0.40760), abs=1e-4)
    assert caffe.unit == pytest.approx(1.0)
    assert normalisation_of({}) == Normalisation()


def test_caffes_true_weights_see_what_caffe_saw(caffe_file: Path) -> None:
    weights = load_weights(caffe_file)
    encoder = Vgg19(weights, border="zero")
    picture = torch.rand(1, 3, 8, 8)
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)
    kernel, bias = (weights.tensors[f"features.0.{part}"] for part in ("weight", "bias"))
    wanted = torch.nn.functional.conv2d(picture * 255 - mean, kernel, bias, padding=1).relu()
    found = encoder.features(picture, ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-2)
    assert encoder.layers[-1] == "relu3_4"


def test_the_hash_tells_weights_apart() -> None:
    assert thin_weights().hash() == thin_weights().hash()
    assert thin_weights().hash() != thin_weights(seed=1).hash()
    assert thin_weights(8).hash() != thin_weights().hash()


class _Server:
    def __init__(self, data: bytes, cut: bool = False) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if cut else data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/vgg19.pth"


def _saved(tmp_path: Path) -> bytes:
    tensors = dict(thin_weights().tensors) | {"classifier.0.weight": torch.zeros(3, 3)}
    torch.save(tensors, tmp_path / "source.pth")
    return (tmp_path / "source.pth").read_bytes()


def test_a_download_is_checked_cut_and_kept(tmp_path: Path) -> None:
    data = _saved(tmp_path)
    server = _Server(data)
    models = tmp_path / "models"
    seen: list[tuple[int, int]] = []
    download_weights(
        models,
        lambda _, done, total: seen.append((done, total)),
        url=server.url,
        sha256_start=hashlib.sha256(data).hexdigest()[:8],
    )
    assert seen[-1] == (len(data), len(data))
    assert [file.name for file in models.iterdir()] == [kept_file(models).name]
    kept = load_weights(kept_file(models))
    assert "classifier.0.weight" not in kept.tensors
    assert kept.hash() == thin_weights().hash()
    assert resolve_network("auto", NetworkSource(models)) == "vgg19"
    encoder = open_encoder(
        "auto", NetworkSource(models), device=torch.device("cpu"), dtype=torch.float32
    )
    assert encoder.name == "vgg19"
    server.server.shutdown()


@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_download_leaves_nothing(tmp_path: Path, cut: bool) -> None:
    server = _Server(_saved(tmp_path), cut=cut)
    models = tmp_path / "models"
    with pytest.raises(WeightsProblem, match="download"):
        download_weights(models, url=server.url, sha256_start="00000000")
    assert list(models.iterdir()) == []
    server.server.shutdown()


def test_no_connection_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsProblem, match="ATELIER_VGG19_WEIGHTS"):
        download_weights(tmp_path, url="http://127.0.0.1:1/nothing")


def test_auto_is_the_small_network_until_weights_are_there(tmp_path: Path) -> None:
    assert resolve_network("auto", NetworkSource(tmp_path)) == "lite"
    assert resolve_network("auto", NetworkSource(None, tmp_path / "mine.safetensors")) == "vgg19"
    assert resolve_network("vgg19", NetworkSource(tmp_path)) == "vgg19"
    assert weights_at_hand(None, None) is None
    with pytest.raises(WeightsProblem, match="vgg19, lite"):
        open_encoder("alexnet", NetworkSource(), device=torch.device("cpu"), dtype=torch.float32)
