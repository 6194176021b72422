"""Interrupting a painting between two scales."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.painting import Control, Event, Painted, ScaleStarted, Stepped, paint
from engine.painting.scale import Scales
from engine.pipeline.recording import CheckpointFile
from tests.kit.thin_vgg19 import (
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
)

CONTENT = noise_picture(48, 64)


def first_scale_is_done(event: Event) -> bool:
    return isinstance(event, Stepped) and event.iteration == 6


def second_scale_has_started(event: Event) -> bool:
    return isinstance(event, ScaleStarted) and event.scale == 1


@pytest.mark.parametrize("is_interrupt_point", [first_scale_is_done, second_scale_has_started])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_interrupt_at_a_scale_change_resumes_to_the_same_picture(
    optimizer: str, is_interrupt_point: Callable[[Event], bool], tmp_path: Path
) -> None:
    options = quick_options(optimizer=optimizer)
    file = CheckpointFile(tmp_path / "run.ckpt", 1000)
    interrupts = False

    def interrupt() -> bool:
        if interrupts:
            raise KeyboardInterrupt
        return False

    events = paint(CONTENT, [STYLE], options, studio=thin_studio(), control=Control(interrupt))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - raised by whichever step comes next
        for event in events:
            file.on_event(event)
            interrupts = is_interrupt_point(event)
    assert file.keep_last() == "The checkpoint is saved."
    resumed, rest = paint_and_collect(options, thin_studio(), content=CONTENT, resume=file.read())
    uninterrupted, _ = paint_and_collect(options, thin_studio(), content=CONTENT)
    assert len(step_events(rest)) == 6
    assert torch.equal(resumed.picture.pixels, uninterrupted.picture.pixels)


def test_interrupt_between_scales_leaves_the_checkpoint_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original_next = Scales.next

    def interrupt(self: Scales, number: int, *before: object) -> object:
        stepper = original_next(self, number, *before)  # type: ignore[arg-type]  # (only passed on)
        if number == 1:
            raise KeyboardInterrupt
        return stepper

    monkeypatch.setattr(Scales, "next", interrupt)
    file = CheckpointFile(tmp_path / "run.ckpt", 0)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - raised by whichever step comes next
        for event in paint(CONTENT, [STYLE], quick_options(), studio=thin_studio()):
            assert not isinstance(event, Painted)
            file.on_event(event)
    checkpoint = file.read()
    assert checkpoint
    assert file.keep_last() == "The checkpoint is as it was."
    assert file.read() == checkpoint
