from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.networks.vgg19 import Vgg19
from engine.painting import (
    Control,
    Event,
    PaintingFailed,
    PaintingStopped,
    Picture,
    Prepared,
    Preparing,
    Recovered,
    Retiled,
    ScaleStarted,
    SettingsProblem,
    Stepped,
    Style,
    paint,
)
from engine.painting.statistics import StatisticsKey, StyleStatistics
from engine.painting.style import measure_style
from jobs.options import PaintOptions
from tests.engine.thin import noise_picture, run, thin, thin_studio

FEW = PaintOptions(size_px=64, scales=2, iterations=6)
STYLE = Style(noise_picture(56, 40, seed=1))


def changed(**more: Any) -> PaintOptions:
    return PaintOptions.model_validate(FEW.model_dump() | more)


def stepped(events: Collection[Event]) -> list[Stepped]:
    return [event for event in events if isinstance(event, Stepped)]


def test_the_events_of_a_painting() -> None:
    painted, events = run(FEW, thin_studio())
    assert isinstance(events[0], Preparing)
    prepared = events[1]
    assert isinstance(prepared, Prepared)
    assert prepared.scales == (((34, 45), 6), ((48, 64), 6))
    assert [event.size for event in events if isinstance(event, ScaleStarted)] == [
        (34, 45),
        (48, 64),
    ]
    steps = stepped(events)
    assert [event.iteration for event in steps] == list(range(1, 13))
    assert steps[-1].fraction == 1
    assert steps[-1].seconds_left == 0
    report = painted.report
    assert (report.width_px, report.height_px, report.iterations) == (64, 48, 12)
    assert [one.iteration for one in report.losses] == [*range(1, 7), *range(1, 7)]
    assert report.losses[5].total < report.losses[0].total
    assert report.peak_memory_bytes > 0


def test_same_seed_same_bytes_other_seed_others() -> None:
    options = changed(start="noise")
    first, _ = run(options, thin_studio())
    again, _ = run(options, thin_studio())
    other, _ = run(changed(start="noise", seed=1), thin_studio())
    assert torch.equal(first.picture.pixels, again.picture.pixels)
    assert not torch.equal(first.picture.pixels, other.picture.pixels)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("killed_at", [1, 4, 6, 7, 11, 12])
def test_resumed_is_bit_identical(killed_at: int, optimizer: str) -> None:
    options = changed(start_noise=0.2, optimizer=optimizer, min_improvement=1e-6)
    whole, _ = run(options, thin_studio())
    events = paint(noise_picture(48, 64), [STYLE], options, studio=thin_studio())
    saved = b""
    for event in events:
        if isinstance(event, Stepped) and event.iteration == killed_at:
            saved = event.checkpoint()
            break
    events.close()
    torch.manual_seed(99)
    resumed, rest = run(options, thin_studio(), resume=saved)
    assert torch.equal(resumed.picture.pixels, whole.picture.pixels)
    assert len(stepped(rest)) == 12 - killed_at
    assert [one.total for one in resumed.report.losses] == [
        one.total for one in whole.report.losses
    ]


def test_previews_and_checkpoints_do_not_disturb() -> None:
    plain, _ = run(FEW, thin_studio())
    last: Picture | None = None
    for event in paint(noise_picture(48, 64), [STYLE], FEW, studio=thin_studio()):
        if isinstance(event, Stepped):
            assert max(event.preview(20).size) == 20
            event.checkpoint()
            event.losses()
        last = getattr(event, "picture", last)
    assert last is not None
    assert torch.equal(last.pixels, plain.picture.pixels)


def test_a_checkpoint_of_another_job_is_refused() -> None:
    saved = next(
        event.checkpoint()
        for event in paint(noise_picture(48, 64), [STYLE], FEW, studio=thin_studio())
        if isinstance(event, Stepped)
    )
    with pytest.raises(SettingsProblem, match="other pictures or settings"):
        run(changed(seed=3), thin_studio(), resume=saved)
    with pytest.raises(SettingsProblem, match="cannot be read"):
        run(FEW, thin_studio(), resume=saved[:100])
    with pytest.raises(SettingsProblem, match="cannot be read"):
        run(FEW, thin_studio(), resume=b"")


class Wrapped:
    """A network through which a test can do harm."""

    def __init__(self, inner: Vgg19) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        return self._inner.features(picture, layers)


class NotFiniteInBf16(Wrapped):
    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        found = super().features(picture, layers)
        if self._inner.dtype is torch.bfloat16 and picture.requires_grad:
            found = {name: features * torch.inf for name, features in found.items()}
        return found


class NeverFinite(Wrapped):
    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        found = super().features(picture, layers)
        return (
            {name: features * torch.nan for name, features in found.items()}
            if (picture.requires_grad)
            else found
        )


class NotFiniteOnce(Wrapped):
    calls = 0

    def begin(self, iteration: int) -> None:
        self._inner.begin(iteration)
        type(self).calls += 1
        self._harm = type(self).calls == 15

    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        found = super().features(picture, layers)
        if getattr(self, "_harm", False):
            found = {name: features * torch.nan for name, features in found.items()}
        return found


def test_a_loss_that_is_not_finite_goes_back_and_on_in_fp32() -> None:
    painted, events = run(FEW, thin_studio(precision="bf16", wrap=NotFiniteInBf16))
    assert len([event for event in events if isinstance(event, Recovered)]) == 1
    assert painted.report.precision == "fp32"
    assert painted.report.notes
    assert bool(torch.isfinite(painted.picture.pixels).all())


def test_recovery_goes_to_the_last_good_iterate() -> None:
    NotFiniteOnce.calls = 0
    options = changed(scales=1, iterations=25)
    painted, events = run(options, thin_studio(wrap=NotFiniteOnce))
    (recovered,) = [event for event in events if isinstance(event, Recovered)]
    assert "iteration 10" in str(recovered.reason)
    assert [one.iteration for one in painted.report.losses] == list(range(1, 26))
    assert painted.report.iterations == 35


def test_a_checkpoint_of_a_sick_state_is_the_last_good_one() -> None:
    NotFiniteOnce.calls = 0
    options = changed(scales=1, iterations=25)
    saved = b""
    events = paint(noise_picture(48, 64), [STYLE], options, studio=thin_studio(wrap=NotFiniteOnce))
    for event in events:
        if isinstance(event, Stepped) and event.iteration == 17:
            saved = event.checkpoint()
            break
    events.close()
    resumed, rest = run(options, thin_studio(), resume=saved)
    assert len(stepped(rest)) == 15
    assert bool(torch.isfinite(resumed.picture.pixels).all())


def test_after_three_recoveries_it_fails_with_a_reason() -> None:
    source = paint(noise_picture(48, 64), [STYLE], FEW, studio=thin_studio(wrap=NeverFinite))
    events: list[Event] = []
    with pytest.raises(PaintingFailed, match="finite"):
        events.extend(source)
    assert len([event for event in events if isinstance(event, Recovered)]) == 3


class Small(Wrapped):
    """Has memory for windows of 100 × 100 px, and only once for the first whole picture."""

    most = 100 * 100

    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        if picture.shape[-1] * picture.shape[-2] > self.most and picture.requires_grad:
            raise torch.OutOfMemoryError("out of memory")
        return super().features(picture, layers)


def test_out_of_memory_halves_the_tiles_and_goes_on() -> None:
    options = changed(
        size_px=256,
        scales=1,
        content_layers={"relu2_1": 1},
        style_layers={"relu1_1": 1, "relu2_2": 1},
    )
    content = noise_picture(200, 256)
    painted, events = run(options, thin_studio(wrap=Small), content=content)
    assert [event.tile_px for event in events if isinstance(event, Retiled)] == [128, 64]
    assert painted.report.tile_px == 64
    assert "in tiles of 64 px" in str(painted.report.notes[-1])
    plain, _ = run(options, thin_studio(), content=content)
    assert float((painted.picture.pixels - plain.picture.pixels).abs().mean()) < 1 / 255


def test_no_memory_at_all_fails_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "most", 10)
    with pytest.raises(PaintingFailed, match="not enough memory"):
        run(FEW, thin_studio(wrap=Small))


def test_the_control_stops_between_tiles() -> None:
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 6

    layers = {"relu1_1": 1}
    options = changed(tile_px=64, size_px=256, scales=1, content_layers=layers, style_layers=layers)
    with pytest.raises(PaintingStopped):
        run(
            options,
            thin_studio(1),
            content=noise_picture(256, 256),
            control=Control(should_stop),
        )
    assert calls == 7


def test_closing_the_generator_stops_at_once() -> None:
    events = paint(noise_picture(48, 64), [STYLE], FEW, studio=thin_studio())
    for event in events:
        if isinstance(event, Stepped):
            break
    events.close()
    assert list(events) == []


def test_black_of_the_mask_stays_the_photograph() -> None:
    content = noise_picture(48, 64)
    mask = torch.zeros(48, 64)
    mask[:, 32:] = 1
    painted, _ = run(FEW, thin_studio(), content=content, mask=mask)
    assert torch.equal(painted.picture.pixels[:, :, :32], content.pixels[:, :, :32])
    assert not torch.equal(painted.picture.pixels[:, :, 32:], content.pixels[:, :, 32:])


def test_each_style_applies_where_its_mask_says() -> None:
    left = torch.zeros(64, 64)
    left[:, :32] = 1
    red, blue = torch.zeros(3, 40, 40), torch.zeros(3, 40, 40)
    red[0], blue[2] = 1, 1
    styles = [Style(Picture(red), mask=left), Style(Picture(blue), mask=1 - left)]
    options = changed(iterations=40, strength=1.0, style_layers={"relu1_1": 1, "relu2_1": 1})
    painted, _ = run(options, thin_studio(), content=noise_picture(64, 64), styles=styles)
    gap = painted.picture.pixels[0] - painted.picture.pixels[2]
    assert float(gap[:, :26].mean()) > 0.3
    assert float(gap[:, 38:].mean()) < -0.3


def test_styles_mix_by_their_weights() -> None:
    first, second = Style(noise_picture(40, 40, 1)), Style(noise_picture(40, 40, 2))
    one, _ = run(FEW, thin_studio(), styles=[first])
    nearly, _ = run(FEW, thin_studio(), styles=[first, replace(second, weight=1e-9)])
    half, _ = run(FEW, thin_studio(), styles=[first, second])
    other, _ = run(FEW, thin_studio(), styles=[second])
    near = (nearly.picture.pixels - one.picture.pixels).abs().mean()
    far = (half.picture.pixels - one.picture.pixels).abs().mean()
    farther = (other.picture.pixels - one.picture.pixels).abs().mean()
    assert near < far < farther


def test_without_style_the_photograph_remains() -> None:
    content = noise_picture(64, 64)
    painted, _ = run(changed(strength=0.0), thin_studio(), content=content)
    torch.testing.assert_close(painted.picture.pixels, content.pixels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("start", ["content", "grey", "noise", "style", "file"])
def test_all_starts_paint(start: str) -> None:
    more: dict[str, Any] = {"start": noise_picture(30, 30, 5)} if start == "file" else {}
    painted, _ = run(changed(start=start, start_noise=0.1), thin_studio(), **more)
    assert painted.picture.size == (48, 64)


@pytest.mark.parametrize("method", ["luminance", "match", "histogram"])
def test_colours_of_the_photograph_are_kept(method: str) -> None:
    content = Picture(torch.zeros(3, 64, 64))
    content.pixels[1] = noise_picture(64, 64).pixels[0]
    style = [Style(Picture(torch.rand(3, 50, 50) * torch.tensor([1.0, 0.1, 0.1]).view(3, 1, 1)))]
    options = changed(iterations=15, keep_colors=method)
    painted, _ = run(options, thin_studio(), content=content, styles=style)
    plain, _ = run(changed(iterations=15), thin_studio(), content=content, styles=style)
    assert painted.picture.pixels[0].mean() < plain.picture.pixels[0].mean()


@pytest.mark.parametrize("fit", ["resize", "crop", "mirror"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_style_fits_and_poolings_paint(fit: str, pooling: str) -> None:
    options = changed(style_fit=fit, pooling=pooling, style_scale=0.6)
    painted, _ = run(options, thin_studio())
    assert painted.report.settings["pooling"] == pooling


def test_the_photograph_as_its_own_style_and_a_region_of_a_style() -> None:
    own, _ = run(FEW, thin_studio(), styles=[Style(is_content=True)])
    part, _ = run(FEW, thin_studio(), styles=[replace(STYLE, region=(0.0, 0.0, 0.5, 0.5))])
    whole, _ = run(FEW, thin_studio(), styles=[STYLE])
    assert not torch.equal(own.picture.pixels, whole.picture.pixels)
    assert not torch.equal(part.picture.pixels, whole.picture.pixels)


def test_alpha_of_the_content_is_kept() -> None:
    alpha = torch.zeros(96, 128)
    alpha[:, 64:] = 1
    content = Picture(noise_picture(96, 128).pixels, alpha)
    painted, _ = run(FEW, thin_studio(), content=content)
    assert painted.picture.alpha is not None
    assert painted.picture.to_image().mode == "RGBA"
    assert painted.picture.alpha.shape == (48, 64)
    assert painted.picture.alpha[:, :30].max() == 0
    assert painted.picture.alpha[:, 34:].min() == 1


@pytest.mark.parametrize(
    ("content", "size_px", "wanted"),
    [
        ((1, 1), 64, (64, 64)),
        ((10, 1000), 128, (1, 128)),
        ((1000, 10), 128, (128, 1)),
        ((101, 67), 97, (97, 64)),
        ((67, 101), 64, (42, 64)),
    ],
)
def test_any_shape_is_kept_to_the_pixel(
    content: tuple[int, int], size_px: int, wanted: tuple[int, int]
) -> None:
    picture = Picture(torch.rand(3, *content))
    options = changed(size_px=size_px, iterations=2)
    painted, events = run(options, thin_studio(), content=picture)
    assert painted.picture.size == wanted
    preview = stepped(events)[-1].preview(50)
    assert max(preview.size) <= 50


def test_a_tiny_style_serves() -> None:
    painted, _ = run(FEW, thin_studio(), styles=[Style(Picture(torch.rand(3, 1, 1)))])
    assert bool(torch.isfinite(painted.picture.pixels).all())


def test_fingerprints_stand_for_a_picture() -> None:
    studio = thin_studio()
    options = changed(scales=1)
    style = noise_picture(64, 64, 7)
    encoder = thin(dtype=torch.float32)
    key = StatisticsKey(style.hash, "vgg19", encoder.weights_hash, "max", 64, 64)
    layers = [f"relu{n}_1" for n in range(1, 6)]
    kept = StyleStatistics(key, measure_style(encoder, style.pixels, layers))
    again = StyleStatistics.from_bytes(kept.to_bytes())
    assert again.key == key
    from_picture, _ = run(options, studio, styles=[Style(style)])
    from_prints, _ = run(options, studio, styles=[Style(fingerprints=[again])])
    difference = from_picture.picture.pixels - from_prints.picture.pixels
    assert float(difference.abs().max()) < 1e-3
    with pytest.raises(SettingsProblem, match="its picture is needed"):
        run(changed(pooling="average"), studio, styles=[Style(fingerprints=[again])])
    with pytest.raises(ValueError, match="no file of style statistics"):
        StyleStatistics.from_bytes(kept.to_bytes()[:50])


@pytest.mark.parametrize(
    ("options", "more", "sentence"),
    [
        ({"style_layers": {"relu9_9": 1}}, {}, r"no layer relu9_9 for the style; it has: relu1_1"),
        ({"content_layers": {"conv1_1": 1}}, {}, "no layer conv1_1 for the content"),
        ({"recipe": "nope"}, {}, "there are: atelier, gatys, large, wasserstein"),
        ({"start": "file"}, {}, "give the picture to start from"),
        ({}, {"mask": torch.ones(3, 3)}, "mask is 3 × 3 pixels; .* 64 × 48"),
        ({}, {"mask": torch.zeros(48, 64)}, "all black"),
        ({}, {"styles": [replace(STYLE, weight=0)]}, "must be above 0"),
        ({}, {"styles": [replace(STYLE, region=(0.5, 0, 0.2, 1))]}, "left, top, right, bottom"),
        ({}, {"styles": [Style()]}, "neither a picture nor statistics"),
    ],
)
def test_wrong_settings_are_refused_before_work(
    options: dict[str, Any], more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsProblem, match=sentence):
        run(changed(**options), thin_studio(), **more)


def test_a_shallow_network_changes_the_recipes_layers_but_not_the_users() -> None:
    painted, _ = run(FEW, thin_studio(8))
    assert list(painted.report.settings["style_layers"]) == [
        "relu1_1",
        "relu2_1",
        "relu3_1",
        "relu3_3",
    ]
    deep, _ = run(FEW, thin_studio(16))
    assert list(deep.report.settings["style_layers"])[-1] == "relu5_1"
    with pytest.raises(SettingsProblem, match="no layer relu4_2"):
        run(changed(content_layers={"relu4_2": 1}), thin_studio(8))


def test_bf16_comes_to_the_same_loss() -> None:
    options = changed(iterations=20)
    exact, _ = run(options, thin_studio(precision="fp32"))
    quick, _ = run(options, thin_studio(precision="bf16"))
    assert (exact.report.precision, quick.report.precision) == ("fp32", "bf16")
    # Random weights magnify rounding, so that both go ways of their own, but down to the same end.
    begun, ended = exact.report.losses[20].total, exact.report.losses[-1].total
    assert abs(quick.report.losses[-1].total - ended) < 0.1 * (begun - ended)


def test_a_scale_ends_when_the_loss_no_longer_improves() -> None:
    painted, events = run(changed(iterations=60, min_improvement=0.5), thin_studio())
    assert len(stepped(events)) < 120
    assert painted.picture.size == (48, 64)
