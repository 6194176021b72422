from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.painting import (
    Control,
    Painted,
    PaintingStoppedError,
    PaintSettingsError,
    Picture,
    Prepared,
    Preparing,
    ScaleStarted,
    Stepped,
    Style,
    paint,
)
from tests.kit.thin_vgg19 import (
    QUICK_OPTIONS,
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
)


def test_painting_yields_its_events_in_order_and_a_report() -> None:
    painted, events = paint_and_collect(QUICK_OPTIONS, thin_studio())
    assert isinstance(events[0], Preparing)
    prepared = events[1]
    assert isinstance(prepared, Prepared)
    assert prepared.scales == (((34, 45), 6), ((48, 64), 6))
    assert [event.size for event in events if isinstance(event, ScaleStarted)] == [
        (34, 45),
        (48, 64),
    ]
    steps = step_events(events)
    assert [event.iteration for event in steps] == list(range(1, 13))
    assert steps[-1].fraction == 1
    assert steps[-1].seconds_left == 0
    report = painted.report
    assert (report.width_px, report.height_px, report.iterations) == (64, 48, 12)
    assert [one.iteration for one in report.losses] == [*range(1, 7), *range(1, 7)]
    assert report.losses[5].total < report.losses[0].total
    assert report.peak_memory_bytes > 0


@pytest.mark.parametrize("start", ["content", "grey", "noise", "style"])
def test_seed_determines_the_picture(start: str) -> None:
    options = quick_options(start=start, iterations=3)
    first, _ = paint_and_collect(options, thin_studio())
    repeated, _ = paint_and_collect(options, thin_studio())
    other, _ = paint_and_collect(quick_options(start=start, iterations=3, seed=1), thin_studio())
    assert torch.equal(first.picture.pixels, repeated.picture.pixels)
    difference = (first.picture.pixels - other.picture.pixels).abs().mean()
    assert float(difference) > 4 / 255


def test_seed_changes_nothing_at_zero_strength() -> None:
    paintings = [
        paint_and_collect(quick_options(strength=0, seed=seed), thin_studio())[0] for seed in (0, 1)
    ]
    assert torch.equal(paintings[0].picture.pixels, paintings[1].picture.pixels)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_resumed_painting_is_bit_identical(optimizer: str) -> None:
    options = quick_options(start_noise=0.2, optimizer=optimizer, min_improvement=1e-6)
    whole, _ = paint_and_collect(options, thin_studio())
    events = paint(noise_picture(48, 64), [STYLE], options, studio=thin_studio())
    steps = (event for event in events if isinstance(event, Stepped))
    saved = {event.iteration: event.checkpoint() for event in steps}
    for stopped_at in (1, 6, 7, 11, 12):
        torch.manual_seed(99)
        resumed, rest = paint_and_collect(options, thin_studio(), resume=saved[stopped_at])
        assert torch.equal(resumed.picture.pixels, whole.picture.pixels)
        assert len(step_events(rest)) == 12 - stopped_at
        assert [one.total for one in resumed.report.losses] == [
            one.total for one in whole.report.losses
        ]


@pytest.mark.parametrize(("optimizer", "iterations"), [("adam", 20), ("adam", 40), ("lbfgs", 20)])
def test_brief_checkpoint_is_small_and_resumes_to_a_similar_loss(
    optimizer: str, iterations: int
) -> None:
    options = quick_options(optimizer=optimizer, iterations=iterations)
    saved = brief = b""
    for event in paint(noise_picture(48, 64), [STYLE], options, studio=thin_studio()):
        if isinstance(event, Stepped) and event.iteration == 1.5 * iterations:
            saved, brief = event.checkpoint(), event.brief_checkpoint()
    whole = event
    assert isinstance(whole, Painted)
    resumed, rest = paint_and_collect(options, thin_studio(), resume=brief)
    assert len(brief) < 0.6 * len(saved)
    assert len(step_events(rest)) == iterations // 2
    final_losses = [one.report.losses[-1].total for one in (resumed, whole)]
    assert final_losses[0] == pytest.approx(final_losses[1], rel=0.1)


def test_previews_and_checkpoints_do_not_change_the_picture() -> None:
    plain, _ = paint_and_collect(QUICK_OPTIONS, thin_studio())
    last: Picture | None = None
    for event in paint(noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio()):
        if isinstance(event, Stepped):
            assert max(event.preview(20).size) == 20
            event.checkpoint()
            event.losses()
        last = getattr(event, "picture", last)
    assert last is not None
    assert torch.equal(last.pixels, plain.picture.pixels)


def test_checkpoints_of_other_jobs_and_unreadable_ones_are_refused() -> None:
    saved = next(
        event.checkpoint()
        for event in paint(noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio())
        if isinstance(event, Stepped)
    )
    with pytest.raises(PaintSettingsError, match="other pictures or settings"):
        paint_and_collect(quick_options(seed=3), thin_studio(), resume=saved)
    with pytest.raises(PaintSettingsError, match="cannot be read"):
        paint_and_collect(QUICK_OPTIONS, thin_studio(), resume=saved[:100])
    with pytest.raises(PaintSettingsError, match="cannot be read"):
        paint_and_collect(QUICK_OPTIONS, thin_studio(), resume=b"")


def test_the_control_stops_between_tiles() -> None:
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 6

    layers = {"relu1_1": 1}
    options = quick_options(
        tile_px=64, size_px=256, scales=1, content_layers=layers, style_layers=layers
    )
    with pytest.raises(PaintingStoppedError):
        paint_and_collect(
            options,
            thin_studio(1),
            content=noise_picture(256, 256),
            control=Control(should_stop),
        )
    assert calls == 7


@pytest.mark.parametrize(("tile_px", "tiles"), [(None, 1), (64, 4)])
def test_each_iteration_can_be_stopped_between_forward_and_backward(
    tile_px: int | None, tiles: int
) -> None:
    checks = {1: 0, 4: 0}
    for iterations in checks:

        def should_stop(iterations: int = iterations) -> bool:
            checks[iterations] += 1
            return False

        options = quick_options(tile_px=tile_px, size_px=96, scales=1, iterations=iterations)
        paint_and_collect(
            options, thin_studio(), content=noise_picture(96, 96), control=Control(should_stop)
        )
    # Before an iteration and halfway; with tiles also before each of two passes.
    per_iteration = 1 + tiles + (2 * tiles if tile_px else 0)
    assert checks[4] - checks[1] == 3 * per_iteration


def test_closing_the_generator_stops_at_once() -> None:
    events = paint(noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio())
    for event in events:
        if isinstance(event, Stepped):
            break
    events.close()
    assert list(events) == []


@pytest.mark.parametrize(
    ("options", "more", "sentence"),
    [
        ({"style_layers": {"relu9_9": 1}}, {}, r"no layer relu9_9 for the style; it has: relu1_1"),
        ({"content_layers": {"conv1_1": 1}}, {}, "no layer conv1_1 for the content"),
        ({"recipe": "nope"}, {}, "choose one of: atelier, gatys, large, wasserstein"),
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
    with pytest.raises(PaintSettingsError, match=sentence):
        paint_and_collect(quick_options(**options), thin_studio(), **more)


def test_shallow_network_replaces_recipe_layers_but_not_requested_layers() -> None:
    painted, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(8))
    assert list(painted.report.settings["style_layers"]) == [
        "relu1_1",
        "relu2_1",
        "relu3_1",
        "relu3_3",
    ]
    deep, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(16))
    assert list(deep.report.settings["style_layers"])[-1] == "relu5_1"
    with pytest.raises(PaintSettingsError, match="no layer relu4_2"):
        paint_and_collect(quick_options(content_layers={"relu4_2": 1}), thin_studio(8))


def test_bf16_reaches_nearly_the_same_loss() -> None:
    options = quick_options(iterations=20)
    exact, _ = paint_and_collect(options, thin_studio(precision="fp32"))
    rounded, _ = paint_and_collect(options, thin_studio(precision="bf16"))
    assert (exact.report.precision, rounded.report.precision) == ("fp32", "bf16")
    # Random weights magnify rounding, so that only the final losses are similar.
    first_loss, last_loss = exact.report.losses[20].total, exact.report.losses[-1].total
    assert abs(rounded.report.losses[-1].total - last_loss) < 0.1 * (first_loss - last_loss)


def test_a_scale_ends_when_the_loss_no_longer_improves() -> None:
    painted, events = paint_and_collect(
        quick_options(iterations=60, min_improvement=0.5), thin_studio()
    )
    assert len(step_events(events)) < 120
    assert painted.picture.size == (48, 64)
