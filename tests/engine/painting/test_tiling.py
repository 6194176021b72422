import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from common.options import PaintOptions
from engine.lite.encoder import LiteEncoder
from engine.networks.encoder import Encoder, features_of
from engine.painting import Picture, Style
from engine.painting.faces import Face, face_mask
from engine.painting.gradient import evaluate
from engine.painting.inputs import Inputs, check_inputs
from engine.painting.losses import in_basis
from engine.painting.measuring import Measuring, measure_style
from engine.painting.memory import tiling_for
from engine.painting.objective import Objective, make_objective
from engine.painting.passes import Evaluation
from engine.painting.plan import make_plan
from engine.painting.statistics import sum_of
from engine.painting.terms import Sums
from engine.painting.terms.content import ContentTerm
from engine.painting.terms.grain import GrainTerm
from engine.painting.terms.style import StyleTerm
from engine.painting.terms.variation import VariationTerm
from engine.painting.tiles import Bands, Region, Tiling
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import noise_picture, paint_and_collect, thin_studio, thin_vgg19

SIZE = 133, 147
"""With tiles of 48 px, some windows end inside, and the last tile of a row is 3 px wider."""
STRIP_SIZE = 37, 311
"""With tiles of 48 px, windows end inside on both sides, and the last tile has 23 px."""
SMALL_SIZE = 107, 61
"""Large enough for several bands of each stage."""
DOUBLE = torch.float64


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def inputs(*, masked: bool, options: PaintOptions, size: tuple[int, int]) -> Inputs:
    styles = [Style(noise_picture(90, 80, 1)), Style(noise_picture(70, 99, 2), weight=2)]
    mask = None
    if masked:
        side = random(*size, seed=3)
        styles = [
            Style(styles[0].picture, mask=side),
            Style(styles[1].picture, mask=1 - side),
        ]
        mask = random(*size, seed=4)
    found = check_inputs(noise_picture(*size), styles, options, mask, None)
    if not masked:
        return found
    return replace(found, faces=face_mask((Face(0.2, 0.3, 0.4, 0.4),), size))


def evaluate_tiled(
    core_px: int | None,
    options: PaintOptions,
    *,
    masked: bool,
    encoder: Encoder | None = None,
    margin_px: int | None = None,
    size: tuple[int, int] = SIZE,
) -> Evaluation:
    encoder = encoder or thin_vgg19()
    objective = objective_for(options, masked=masked, encoder=encoder, core_px=core_px, size=size)
    tiling = tiling_for(encoder, objective.layers(), objective.size, core_px)
    assert (tiling is None) == (core_px is None)
    if tiling is not None and margin_px is not None:
        tiling = replace(tiling, margin_px=margin_px)
    return evaluate(objective, random(1, 3, *size, seed=5).to(DOUBLE), tiling)


def objective_for(
    options: PaintOptions,
    *,
    masked: bool,
    encoder: Encoder,
    core_px: int | None = None,
    size: tuple[int, int],
) -> Objective:
    sources = inputs(masked=masked, options=options, size=size)
    plan = make_plan(options, load_recipe("atelier"), encoder, size)
    content = sources.content.pixels[None].to(DOUBLE)
    return make_objective(Measuring(encoder, plan, core_px), sources, content)


def evaluate_by_autograd(objective: Objective, picture: Tensor) -> Evaluation:
    """Loss and gradient by autograd from the formulas."""
    leaf = picture.clone().requires_grad_()
    shown = objective.shown(leaf)
    features = features_of(objective.encoder, shown, objective.layers())
    height, width = objective.size
    whole = Region(0, height, 0, width)
    terms: dict[str, Tensor] = {}
    for term in objective.terms:
        loss = leaf.new_zeros(())
        match term:
            case StyleTerm():
                sums = Sums()
                for layer in term.summed:
                    sums |= term.sums(layer, features[layer], whole)
                found = term.loss({name: one.detach() for name, one in sums.items()})
                assert found is not None
                value, grads = found  # tested in test_style_targets.py
                linearized = sum_of([(sums[name] * grad).sum() for name, grad in grads.items()])
                loss = value + linearized - linearized.detach()
            case ContentTerm():
                for layer, weight in term.weights.items():
                    region = whole.at_stride(objective.encoder.stride_px(layer))
                    transformed = in_basis(features[layer], term.bases[layer])
                    squares = (transformed - term.targets.part(layer, region)).square()
                    if term.attention is not None:
                        stride = objective.encoder.stride_px(layer)
                        squares = squares * F.avg_pool2d(term.attention[None, None], stride)
                    loss = loss + weight * squares.sum()
            case VariationTerm():
                loss = plain_variation(shown) * term.weight
            case GrainTerm():
                assert term.emphasis is not None
                change = shown - term.photograph.to(DOUBLE) / 255
                loss = plain_grain(change, term.emphasis) * term.weight
        terms[term.name] = loss
    total = sum_of(list(terms.values()))
    (gradient,) = torch.autograd.grad(total, leaf)
    return Evaluation(total, terms, gradient)


def plain_variation(picture: Tensor) -> Tensor:
    x = F.pad(picture, (1, 1, 0, 1), mode="replicate")
    here, below = x[..., :-1, 1:-1], x[..., 1:, 1:-1]
    straight = (x[..., :-1, 2:] - here).square().sum() + (below - here).square().sum()
    diagonal = sum(
        (x[..., 1:, offset:][..., : here.shape[-1]] - here).square().sum() for offset in (0, 2)
    )
    return 2 / 3 * straight + 1 / 6 * diagonal


def plain_grain(picture: Tensor, counts: Tensor) -> Tensor:
    taps = picture.new_tensor([1.0, -4.0, 6.0, -4.0, 1.0]) / 16
    lines = picture.reshape(-1, 1, *picture.shape[-2:])
    down, across = (F.conv2d(lines, taps.view(1, 1, *shape)) for shape in ((5, 1), (1, 5)))
    total: Tensor = (down.square() * counts[..., 2:-2, :]).sum()
    return total + (across.square() * counts[..., 2:-2]).sum()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("statistic", ["gram", "wasserstein"])
@pytest.mark.parametrize("network", ["vgg19", "lite"])
def test_gradient_matches_autograd_of_the_formulas(
    network: str, statistic: str, masked: bool
) -> None:
    encoder = LiteEncoder(dtype=DOUBLE) if network == "lite" else thin_vgg19()
    options = PaintOptions.model_validate({"style_statistic": statistic, "tv_weight": 1.0})
    objective = objective_for(options, masked=masked, encoder=encoder, size=SMALL_SIZE)
    picture = random(1, 3, *SMALL_SIZE, seed=5).to(DOUBLE)
    assert_same(evaluate(objective, picture), evaluate_by_autograd(objective, picture))


def assert_same(tiled: Evaluation, whole: Evaluation) -> None:
    assert list(tiled.terms) == list(whole.terms)
    assert list(whole.terms)[:3] == ["style", "content", "tv"]
    torch.testing.assert_close(tiled.loss, whole.loss, rtol=1e-9, atol=0)
    torch.testing.assert_close(tiled.terms, whole.terms, rtol=1e-9, atol=0)
    error = (tiled.gradient - whole.gradient).norm() / whole.gradient.norm()
    assert float(error) < 1e-9
    assert float((tiled.gradient - whole.gradient).abs().max()) < 1e-9 * float(
        whole.gradient.abs().max()
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("statistic", ["gram", "wasserstein"])
def test_tiled_gradient_equals_the_untiled_gradient(statistic: str, masked: bool) -> None:
    options = PaintOptions.model_validate({"style_statistic": statistic})
    whole = evaluate_tiled(None, options, masked=masked)
    assert_same(evaluate_tiled(48, options, masked=masked), whole)


@pytest.mark.parametrize("statistic", ["gram", "wasserstein"])
def test_tiled_gradient_of_all_lite_octaves_equals_the_untiled_one(statistic: str) -> None:
    encoder = LiteEncoder(dtype=DOUBLE)
    options = PaintOptions.model_validate({"style_statistic": statistic, "tv_weight": 3.0})
    kwargs: dict[str, Any] = {"masked": True, "encoder": encoder, "size": (101, 103)}
    layers = make_plan(options, load_recipe("atelier"), encoder, (101, 103)).layers_of(encoder)
    assert {encoder.stride_px(layer) for layer in layers} == {1, 2, 4, 8, 16}
    assert_same(evaluate_tiled(32, options, **kwargs), evaluate_tiled(None, options, **kwargs))


def evaluate_in_stages(
    options: PaintOptions,
    *,
    masked: bool,
    encoder: Encoder,
    rows: int,
    short_px: int = 0,
    kept: int = 0,
) -> Evaluation:
    """Evaluate by stages in bands of `rows` output rows; `short_px` shortens the margins."""
    objective = objective_for(options, masked=masked, encoder=encoder, size=SMALL_SIZE)
    stages = tuple(
        replace(stage, margin_px=stage.margin_px - short_px * stage.out_stride_px)
        for stage in encoder.stages(objective.layers())
    )
    heights = tuple(rows * stage.out_stride_px for stage in stages)
    bands = Bands(objective.size, stages, heights, (kept,) * len(stages))
    return evaluate(objective, random(1, 3, *SMALL_SIZE, seed=5).to(DOUBLE), bands)


@pytest.mark.parametrize(
    ("network", "pooling", "statistic", "masked"),
    [
        ("vgg19", "max", "gram", False),
        ("vgg19", "max", "gram", True),
        ("vgg19", "max", "wasserstein", False),
        ("vgg19", "max", "wasserstein", True),
        ("vgg19", "average", "gram", False),
        ("lite", "average", "gram", True),
        ("lite", "average", "wasserstein", False),
    ],
)
def test_gradient_by_stages_equals_the_whole_gradient(
    network: str, pooling: str, statistic: str, masked: bool
) -> None:
    encoder: Encoder = (
        LiteEncoder(dtype=DOUBLE) if network == "lite" else thin_vgg19(pooling=pooling)
    )
    options = PaintOptions.model_validate({"style_statistic": statistic, "tv_weight": 3.0})
    whole = evaluate_tiled(None, options, masked=masked, encoder=encoder, size=SMALL_SIZE)
    for rows, kept in ((2, 0), (7, 2), (50, 99)):
        found = evaluate_in_stages(options, masked=masked, encoder=encoder, rows=rows, kept=kept)
        assert_same(found, whole)


@pytest.mark.parametrize(
    "layers",
    [
        {"content_layers": {"relu2_1": 1}, "style_layers": {"relu2_1": 1}},
        {"content_layers": {"relu3_2": 1}, "style_layers": {"relu1_2": 1, "relu3_4": 1}},
        {"content_layers": {"relu1_1": 1}, "style_layers": {"relu5_1": 1}},
    ],
    ids=["one layer", "ends of blocks", "far apart"],
)
def test_gradient_by_stages_is_exact_for_any_layers(layers: dict[str, dict[str, float]]) -> None:
    options = PaintOptions.model_validate(layers)
    whole = evaluate_tiled(None, options, masked=False, size=SMALL_SIZE)
    assert_same(evaluate_in_stages(options, masked=False, encoder=thin_vgg19(), rows=3), whole)


def test_band_margin_one_row_shorter_is_not_exact() -> None:
    whole = evaluate_tiled(None, PaintOptions(), masked=False, size=SMALL_SIZE)
    found = evaluate_in_stages(
        PaintOptions(), masked=False, encoder=thin_vgg19(), rows=3, short_px=1
    )
    assert float((found.gradient - whole.gradient).norm() / whole.gradient.norm()) > 1e-6


@pytest.mark.parametrize(
    "zero_weight", [{"content_weight": 0}, {"style_weight": 0}, {"tv_weight": 0}]
)
def test_each_term_may_be_absent_in_tiles(zero_weight: dict[str, float]) -> None:
    options = PaintOptions.model_validate(zero_weight)
    whole = evaluate_tiled(None, options, masked=False, size=STRIP_SIZE)
    assert_same(evaluate_tiled(48, options, masked=False, size=STRIP_SIZE), whole)


def test_tile_margin_one_stride_shorter_is_not_exact() -> None:
    whole = evaluate_tiled(None, PaintOptions(), masked=False, size=STRIP_SIZE)
    exact = thin_vgg19().margin_px(["relu5_1"])
    found = evaluate_tiled(48, PaintOptions(), masked=False, margin_px=exact - 16, size=STRIP_SIZE)
    assert float((found.gradient - whole.gradient).norm() / whole.gradient.norm()) > 1e-6


def test_tiles_give_the_same_bits_each_time() -> None:
    first, second = (
        evaluate_tiled(48, PaintOptions(), masked=True, size=STRIP_SIZE) for _ in range(2)
    )
    assert torch.equal(first.gradient, second.gradient)
    assert torch.equal(first.loss, second.loss)


@pytest.mark.parametrize("size", [(64, 64), (65, 1000), (300, 97), (1024, 1024)])
@pytest.mark.parametrize("core_px", [16, 96, 384])
def test_cores_cover_each_pixel_once(size: tuple[int, int], core_px: int) -> None:
    tiling = Tiling(size, core_px, 80)
    covered = torch.zeros(size, dtype=torch.int32)
    cores = list(tiling.cores())
    for core in cores:
        core.of(covered).add_(1)
        assert core.top % core_px == 0
        assert core.left % core_px == 0
    assert bool((covered == 1).all())
    assert len(cores) == tiling.count


def test_statistics_of_a_style_are_the_same_in_tiles() -> None:
    encoder = thin_vgg19()
    pixels = noise_picture(150, 210).pixels.to(DOUBLE)
    layers = ["relu1_1", "relu3_1", "relu5_1"]
    whole = measure_style(encoder, pixels, layers)
    tiled = measure_style(encoder, pixels, layers, core_px=48)
    for name in layers:
        torch.testing.assert_close(tiled[name].second, whole[name].second, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(tiled[name].mean, whole[name].mean, rtol=1e-12, atol=1e-14)


def test_picture_painted_in_forced_tiles_looks_the_same() -> None:
    content, style = noise_picture(192, 192), [Style(noise_picture(96, 96, 1))]
    layers = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}
    pictures: list[Picture] = []
    for tile_px in (None, 64):
        options = PaintOptions(
            size_px=192,
            scales=1,
            iterations=4,
            tile_px=tile_px,
            content_layers={"relu2_2": 1.0},
            style_layers=layers,
        )
        painted, _ = paint_and_collect(options, thin_studio(6), content=content, styles=style)
        assert painted.report.tiles == (1 if tile_px is None else 9)
        pictures.append(painted.picture)
    assert float((pictures[0].pixels - content.pixels).abs().mean()) > 1 / 255
    assert float((pictures[1].pixels - pictures[0].pixels).abs().mean()) < 1 / 255


def test_features_of_tiles_are_kept_in_a_file_deleted_on_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    encoder = thin_vgg19()
    options = PaintOptions()
    sources = inputs(masked=False, options=options, size=STRIP_SIZE)
    plan = make_plan(options, load_recipe("atelier"), encoder, STRIP_SIZE)
    content = sources.content.pixels[None].to(DOUBLE)
    objective: Objective = make_objective(Measuring(encoder, plan, 48), sources, content)
    assert [file.name for file in tmp_path.rglob("*.features")] == ["relu4_2.features"]
    objective.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(2048, 2048), (4096, 4096), (8192, 8192), (6144, 8192)])
def test_tiles_cost_at_most_a_little_over_twice_the_untiled_work(size: tuple[int, int]) -> None:
    """There are two forward passes and one backward pass per window, at equal cost."""
    tiling = Tiling(size, 1024, thin_vgg19().margin_px(["relu5_1"]))
    pixels = [math.prod(tiling.window(core).size) for core in tiling.cores()]
    assert 3 * sum(pixels) / (2 * math.prod(size)) <= 2.2
    assert max(pixels) == tiling.window_pixels
