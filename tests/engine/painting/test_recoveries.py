from typing import Any

import pytest
import torch
from torch import Tensor

from engine.networks.encoder import Stage
from engine.networks.vgg19 import Vgg19
from engine.painting import (
    Event,
    Painted,
    PaintingFailedError,
    Recovered,
    Retiled,
    Stepped,
    paint,
)
from engine.painting.checkpoint import from_bytes
from engine.painting.iteration_costs import ConstantCost
from engine.painting.loss_log import LossLog
from engine.painting.plan import Scale
from engine.threads import Threads
from tests.kit.thin_vgg19 import (
    QUICK_OPTIONS,
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
)


class WrappedNetwork:
    """Wraps a network, so that a subclass can inject faults."""

    def __init__(self, inner: Vgg19) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def forward_stage(self, stage: Stage, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return self._inner.forward_stage(stage, x)


class NeverFinite(WrappedNetwork):
    """Its features are not finite in any iteration, or in those that a subclass names."""

    calls = 0
    value = torch.nan

    def is_due(self) -> bool:
        return True

    def forward_stage(self, stage: Stage, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        found, output = super().forward_stage(stage, x)
        type(self).calls += x.requires_grad and stage.number == 0
        if x.requires_grad and self.is_due():
            found = {name: features * self.value for name, features in found.items()}
        return found, output


class NotFiniteInBf16(NeverFinite):
    value = torch.inf

    def is_due(self) -> bool:
        return self._inner.dtype is torch.bfloat16


class NotFiniteOnce(NeverFinite):
    def is_due(self) -> bool:
        return self.calls == 15


class GradientNotFiniteOnce(WrappedNetwork):
    """Injects a NaN gradient at the tenth and last iteration."""

    calls = 0

    def forward_stage(self, stage: Stage, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        found, output = super().forward_stage(stage, x)
        if x.requires_grad:
            type(self).calls += stage.number == 0
            if type(self).calls == 10:
                for layer in found.values():
                    layer.register_hook(lambda gradient: gradient * torch.nan)  # type: ignore[no-untyped-call]  # (torch's)
        return found, output


def test_non_finite_gradient_at_the_last_iteration_is_recovered_from() -> None:
    GradientNotFiniteOnce.calls = 0
    options = quick_options(scales=1, iterations=10, optimizer="adam")
    painted, events = paint_and_collect(options, thin_studio(wrap=GradientNotFiniteOnce))
    assert len([event for event in events if isinstance(event, Recovered)]) == 1
    assert bool(torch.isfinite(painted.picture.pixels).all())


def test_loss_log_seconds_include_the_wait_for_the_device() -> None:
    log = LossLog([Scale((8, 8), 10)], [Threads(1)], ConstantCost(1e4, 0.5))
    log.add(
        0,
        1,
        dict.fromkeys(("total", "style", "max_abs_grad"), torch.zeros(())),
        seconds=0.0,
        worked=0.0,
    )
    assert log.seconds > 0


def test_first_losses_of_a_scale_are_read_by_themselves_as_they_take_longer_on_a_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    monkeypatch.setattr(LossLog, "read", lambda self: read.append(self.iterations))
    log = LossLog([Scale((8, 8), 10)], [Threads(1)], ConstantCost(1e4, 0.5))
    on_device = dict.fromkeys(("total", "max_abs_grad"), torch.zeros((), device="meta"))
    for iteration in range(1, 6):
        log.add(0, iteration, on_device, seconds=0.1, worked=0.1)
    assert read == [1, 2]


def test_non_finite_loss_in_bf16_is_recovered_from_in_fp32() -> None:
    painted, events = paint_and_collect(
        QUICK_OPTIONS, thin_studio(precision="bf16", wrap=NotFiniteInBf16)
    )
    assert len([event for event in events if isinstance(event, Recovered)]) == 1
    assert painted.report.precision == "fp32"
    assert painted.report.notes
    assert bool(torch.isfinite(painted.picture.pixels).all())


def test_recovery_returns_to_the_last_good_iterate() -> None:
    NotFiniteOnce.calls = 0
    options = quick_options(scales=1, iterations=25)
    painted, events = paint_and_collect(options, thin_studio(wrap=NotFiniteOnce))
    (recovered,) = [event for event in events if isinstance(event, Recovered)]
    assert "iteration 10" in str(recovered.reason)
    assert [one.iteration for one in painted.report.losses] == list(range(1, 26))
    assert painted.report.iterations == 35


def test_checkpoint_of_a_non_finite_state_holds_the_last_good_iterate() -> None:
    NotFiniteOnce.calls = 0
    options = quick_options(scales=1, iterations=25)
    saved = b""
    events = paint(noise_picture(48, 64), [STYLE], options, studio=thin_studio(wrap=NotFiniteOnce))
    for event in events:
        if isinstance(event, Stepped) and event.iteration == 17:
            saved = event.checkpoint()
            break
    events.close()
    resumed, rest = paint_and_collect(options, thin_studio(), resume=saved)
    assert len(step_events(rest)) == 15
    assert bool(torch.isfinite(resumed.picture.pixels).all())


def test_each_recovery_halves_the_step() -> None:
    options, pace = quick_options(optimizer="adam"), list[tuple[float, float]]()
    events = paint(noise_picture(48, 64), [STYLE], options, studio=thin_studio(wrap=NeverFinite))
    for event in events:
        if isinstance(event, Recovered):
            checkpoint = from_bytes(
                next(one for one in events if isinstance(one, Stepped)).checkpoint()
            )
            pace.append((checkpoint.header.pace, float(checkpoint.tensors["pace"])))
            if len(pace) == 3:
                break
    events.close()
    assert pace == [(0.5, 0.5), (0.25, 0.25), (0.125, 0.125)]


def test_resume_after_a_recovery_keeps_the_halved_step_and_recovery_count() -> None:
    NotFiniteOnce.calls = 0
    options, content = quick_options(scales=1, iterations=25), noise_picture(48, 64)
    events = list[Event]()
    saved = b""
    for event in paint(content, [STYLE], options, studio=thin_studio(wrap=NotFiniteOnce)):
        if isinstance(event, Stepped) and any(isinstance(one, Recovered) for one in events):
            saved = saved or event.checkpoint()
        events.append(event)
    uninterrupted = events[-1]
    assert isinstance(uninterrupted, Painted)
    resumed, _ = paint_and_collect(options, thin_studio(), content=content, resume=saved)
    assert torch.equal(resumed.picture.pixels, uninterrupted.picture.pixels)
    assert resumed.report.notes == uninterrupted.report.notes
    recoveries = list[Recovered]()
    studio = thin_studio(wrap=NeverFinite)
    with pytest.raises(PaintingFailedError, match="ran away in"):  # noqa: PT012 - whichever event comes last
        for event in paint(content, [STYLE], options, studio=studio, resume=saved):
            recoveries += [event] if isinstance(event, Recovered) else []
    assert len(recoveries) == 2


def test_painting_fails_with_a_reason_after_three_recoveries() -> None:
    source = paint(
        noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio(wrap=NeverFinite)
    )
    events: list[Event] = []
    with pytest.raises(PaintingFailedError, match="ran away in"):
        events.extend(source)
    assert len([event for event in events if isinstance(event, Recovered)]) == 3


class SmallMemory(WrappedNetwork):
    """Has memory for windows of at most 100 × 100 px."""

    max_pixels = 100 * 100

    def forward_stage(self, stage: Stage, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        pixels = x.shape[-1] * x.shape[-2]
        if stage.number == 0 and pixels > self.max_pixels and x.requires_grad:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward_stage(stage, x)


def test_out_of_memory_halves_the_tiles_and_continues() -> None:
    options = quick_options(
        size_px=256,
        scales=1,
        iterations=2,
        content_layers={"relu2_1": 1},
        style_layers={"relu1_1": 1, "relu2_2": 1},
    )
    content = noise_picture(200, 256)
    painted, events = paint_and_collect(options, thin_studio(wrap=SmallMemory), content=content)
    assert [event.tile_px for event in events if isinstance(event, Retiled)] == [128, 64]
    assert painted.report.tile_px == 64
    assert "in tiles of 64 px" in str(painted.report.notes[-1])
    plain, _ = paint_and_collect(options, thin_studio(), content=content)
    assert float((painted.picture.pixels - plain.picture.pixels).abs().mean()) < 1 / 255


def test_no_memory_at_all_fails_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallMemory, "max_pixels", 10)
    with pytest.raises(PaintingFailedError, match="not enough memory"):
        paint_and_collect(QUICK_OPTIONS, thin_studio(wrap=SmallMemory))
