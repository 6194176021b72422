import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.kit.thin_vgg19 import noise_picture, thin_vgg19
from tools.evaluation import Judge, JudgeError, measures
from tools.evaluation.__main__ import main
from tools.evaluation.judge import cfsd, gram
from tools.evaluation.pictures import as_image, as_tensor, fit_longest


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(thin_vgg19(dtype=torch.float32))


def picture(seed: int, height: int = 48, width: int = 64) -> Tensor:
    return noise_picture(height, width, seed).pixels[None]


def test_picture_has_no_distance_from_itself(judge: Judge) -> None:
    content, style = picture(1), picture(2)
    as_content = judge.judge(content, content, style)
    assert as_content.content_distance == 0
    assert as_content.cfsd == pytest.approx(0, abs=1e-5)
    assert as_content.border_color == 0
    assert as_content.border_detail <= 1
    assert as_content.foreign_colors == 0
    assert as_content.style_distance > 0.05
    as_style = judge.judge(style, content, style)
    assert as_style.style_distance == pytest.approx(0, abs=1e-5)
    assert as_style.content_distance > 0.05
    assert as_style.cfsd > 0.01


def test_kept_style_target_gives_the_distances_of_the_verdict(judge: Judge) -> None:
    content, style, result = picture(1), picture(2, 64, 40), picture(3)
    verdict = judge.judge(result, content, style)
    distances = judge.style_distances(result, judge.style_target(style, 64))
    assert distances == pytest.approx(dict(verdict.style_by_layer))
    json.dumps(asdict(verdict))


def test_content_and_style_may_differ_in_size_from_the_result(judge: Judge) -> None:
    verdict = judge.judge(picture(3), picture(1, 96, 128), picture(2, 200, 30))
    assert verdict.content_distance > 0


def test_a_network_that_ends_early_is_refused() -> None:
    with pytest.raises(JudgeError, match="relu5_2"):
        Judge(thin_vgg19(13, torch.float32))


def test_missing_weights_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["a.png", "--content", "b.png", "--style", "c.png"]
    assert main([*arguments, "--weights", str(tmp_path / "none.safetensors")]) == 2
    error = capsys.readouterr().err
    assert "none.safetensors" in error
    assert "Traceback" not in error


def test_gram_is_the_mean_of_outer_products() -> None:
    features = torch.randn(1, 4, 5, 6, dtype=torch.float64).float()
    flat = features.numpy().reshape(4, 30).astype(np.float64)
    # Sums of both signs may be near zero, so that the tolerance is absolute.
    assert np.allclose(gram(features).numpy(), flat @ flat.T / 30, rtol=0, atol=1e-5)


def test_cfsd_ignores_the_scale_of_features() -> None:
    found, wanted = torch.rand(1, 8, 9, 12), torch.rand(1, 8, 9, 12)
    distance = cfsd(found, wanted)
    assert distance > 0
    assert cfsd(found * 100, wanted * 0.01) == pytest.approx(distance, rel=1e-3)


def test_noise_counts_as_grain() -> None:
    content, style = picture(1), picture(2)
    noisy = (content + 0.1 * torch.randn(content.shape)).clamp(0, 1)
    assert measures.grain(content, content, style) <= 1
    assert measures.grain(noisy, content, style) > 5


def test_checkerboard_pattern_is_measured() -> None:
    content, style = picture(1), picture(2)
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(64), indexing="ij")
    board = content + 0.05 * (1 - 2 * ((rows + columns) % 2)).float()
    assert measures.checkerboard(board, content, style) > 3


@pytest.mark.parametrize("side", ["top", "right", "bottom", "left"])
def test_frame_at_any_side_is_measured(side: str) -> None:
    content = picture(1)
    framed = content.clone()
    strip = {
        "top": (slice(0, 4), slice(None)),
        "right": (slice(None), slice(-4, None)),
        "bottom": (slice(-4, None), slice(None)),
        "left": (slice(None), slice(0, 4)),
    }[side]
    framed[(..., *strip)] += 0.3
    assert measures.border_color(framed, content) > 0.2
    assert measures.border_detail(framed, content) > 1.5


def test_foreign_colors_are_the_share_of_colors_in_neither_picture() -> None:
    content = torch.full((1, 3, 32, 32), 0.2)
    style = torch.full((1, 3, 16, 16), 0.8)
    result = content.clone()
    assert measures.foreign_colors(result, content, style) == 0
    result[..., :16] = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    assert measures.foreign_colors(result, content, style) == pytest.approx(0.5)


def test_oklab_is_right_for_known_colors() -> None:
    colors = torch.tensor([[1.0, 1, 1], [1, 0, 0], [0, 0, 0]]).T.reshape(1, 3, 1, 3)
    lab = measures.oklab(colors)[0, :, 0].T
    assert torch.allclose(lab[0], torch.tensor([1.0, 0, 0]), atol=1e-3)
    assert torch.allclose(lab[1], torch.tensor([0.62796, 0.22486, 0.12585]), atol=1e-4)
    assert torch.allclose(lab[2], torch.zeros(3), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (33, 5)])
def test_measures_of_tiny_flat_pictures_are_finite(size: tuple[int, int]) -> None:
    flat = torch.full((1, 3, *size), 0.5)
    for value in (
        measures.grain(flat, flat, flat),
        measures.checkerboard(flat, flat, flat),
        measures.border_color(flat, flat),
        measures.border_detail(flat, flat),
        measures.foreign_colors(flat, flat, flat),
    ):
        assert np.isfinite(value)


def test_pictures_are_converted_to_opaque_rgb(tmp_path: Path) -> None:
    transparent = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert as_image(transparent).getpixel((0, 0)) == (255, 255, 255)
    tensor = torch.rand(1, 3, 5, 7)
    converted = as_tensor(as_image(tensor), torch.device("cpu"))
    assert torch.allclose(converted, tensor, atol=0.5 / 255 + 1e-6)
    assert fit_longest(Image.new("RGB", (40, 20)), 10).size == (10, 5)
    assert fit_longest(Image.new("RGB", (40, 20)), 80).size == (40, 20)
    with pytest.raises(ValueError, match=r"\[1, 3, H, W\]"):
        as_image(torch.zeros(3, 4, 4))


def test_the_command_prints_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("content", 1), ("style", 2)):
        as_image(picture(seed)).save(tmp_path / f"{name}.png")
    content, style = tmp_path / "content.png", tmp_path / "style.png"
    arguments = ["--content", str(content), "--style", str(style)]
    assert main([str(style), *arguments]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["style_distance"] == 0
    assert verdict["content_distance"] > 0.1
