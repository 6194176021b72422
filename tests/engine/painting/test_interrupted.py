"""A painting that is interrupted while one scale goes over into the next."""

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


def first_is_done(event: Event) -> bool:
    return isinstance(event, Stepped) and event.iteration == 6


def second_is_set_up(event: Event) -> bool:
    return isinstance(event, ScaleStarted) and event.scale == 1


@pytest.mark.parametrize("after", [first_is_done, second_is_set_up])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_interrupt_at_a_scale_change_resumes_to_the_same_picture(
    optimizer: str, after: Callable[[Event], bool], tmp_path: Path
) -> None:
    options = quick_options(optimizer=optimizer)
    file = CheckpointFile(tmp_path / "run.ckpt", 1000)
    now = False

    def interrupted() -> bool:
        if now:
            raise KeyboardInterrupt
        return False

    events = paint(CONTENT, [STYLE], options, studio=thin_studio(), control=Control(interrupted))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - raised by whichever step comes next
        for event in events:
            file.on_event(event)
            now = after(event)
    assert file.keep_last() == "The checkpoint is saved."
    resumed, rest = paint_and_collect(options, thin_studio(), content=CONTENT, resume=file.read())
    whole, _ = paint_and_collect(options, thin_studio(), content=CONTENT)
    assert len(step_events(rest)) == 6
    assert torch.equal(resumed.picture.pixels, whole.picture.pixels)


def test_interrupt_between_scales_leaves_the_checkpoint_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_of = Scales.next

    def interrupted(self: Scales, number: int, *before: object) -> object:
        begun = next_of(self, number, *before)  # type: ignore[arg-type]  # (passed on as they are)
        if number == 1:
            raise KeyboardInterrupt
        return begun

    monkeypatch.setattr(Scales, "next", interrupted)
    file = CheckpointFile(tmp_path / "run.ckpt", 0)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - raised by whichever step comes next
        for event in paint(CONTENT, [STYLE], quick_options(), studio=thin_studio()):
            assert not isinstance(event, Painted)
            file.on_event(event)
    kept = file.read()
    assert kept
    assert file.keep_last() == "The checkpoint is as it was."
    assert file.read() == kept
