"""Scales that end early because the loss hardly improves."""

from collections import Counter

from engine.painting import Stepped, paint
from tests.kit.thin_vgg19 import (
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
)

CONTENT = noise_picture(48, 64)


def test_early_end_of_a_scale_depends_on_its_own_losses() -> None:
    options = quick_options(scales=2, iterations=30, optimizer="lbfgs", min_improvement=0.01)
    painted, _ = paint_and_collect(options, thin_studio(), content=CONTENT)
    first, later = (
        Counter(record.scale for record in painted.report.losses)[scale] for scale in (0, 1)
    )
    assert first == 30
    assert later >= 20  # ending early takes two comparisons of losses


def test_scale_that_ended_early_stays_ended_on_resume() -> None:
    options = quick_options(scales=1, iterations=60, min_improvement=0.9)
    saved, steps = b"", 0
    for event in paint(CONTENT, [STYLE], options, studio=thin_studio()):
        if isinstance(event, Stepped):
            saved = event.checkpoint()
            steps = event.iteration
    uninterrupted, _ = paint_and_collect(options, thin_studio(), content=CONTENT)
    assert steps == uninterrupted.report.iterations < 60
    resumed, events = paint_and_collect(options, thin_studio(), content=CONTENT, resume=saved)
    assert not step_events(events)
    assert resumed.report.iterations == steps
    assert bool((resumed.picture.pixels == uninterrupted.picture.pixels).all())
