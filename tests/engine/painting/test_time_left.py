"""How long a painting still takes: an iteration costs some time by itself and some a pixel."""

import random

import pytest

from engine.painting.plan import Scale
from engine.painting.time_left import SETTING_UP, TimeLeft

SCALES = tuple(
    Scale((side * 3 // 4, side), count)
    for side, count in ((128, 60), (181, 20), (256, 20), (362, 20), (512, 20))
)


def shown(own: float, each: float, noise: float = 0.0) -> list[float]:
    """How far off each time is that is shown, as a factor; before a tenth and then after it."""
    draw = random.Random(5)
    time_left, spans = TimeLeft(SCALES), []
    for number, scale in enumerate(SCALES):
        for done in range(scale.iterations):
            seconds = (own + each * scale.pixels) * (1 + noise * draw.uniform(-1, 1))
            setting_up = SETTING_UP * seconds if done == 0 and number else 0.0
            time_left.add(number, seconds * (5 if number == done == 0 else 1))  # it starts cold
            spans.append((setting_up + seconds, time_left.seconds(number, done + 1)))
    total = sum(span for span, _ in spans)
    passed, worst = 0.0, [1.0, 1.0]
    for span, left in spans:
        passed += span
        if passed > 0.98 * total:
            break
        if left is None:  # while it is cold
            continue
        factor = left / (total - passed)
        place = int(passed >= 0.1 * total)
        worst[place] = max(worst[place], factor, 1 / factor)
    return worst


@pytest.mark.parametrize(
    ("own", "each"),
    [(0.0039, 9.2e-7), (0.07, 5.5e-6)],
    ids=["lite", "vgg19"],
)
def test_the_first_time_shown_is_right_within_a_half_and_later_within_a_quarter(
    own: float, each: float
) -> None:
    early, later = shown(own, each, noise=0.3)
    assert early < 1.5
    assert later < 1.25


def test_a_machine_that_becomes_busy_is_noticed() -> None:
    time_left = TimeLeft(SCALES)
    for _ in range(60):
        time_left.add(0, 0.015)
    idle = time_left.seconds(1, 0)
    for _ in range(60):
        time_left.add(0, 0.03)
    busy = time_left.seconds(1, 0)
    assert idle is not None
    assert busy is not None
    assert 1.6 < busy / idle < 2.05


def test_nothing_is_said_of_a_cold_start_and_nothing_is_left_at_the_end() -> None:
    time_left = TimeLeft(SCALES)
    assert time_left.seconds(0, 0) is None
    for _ in range(3):
        time_left.add(0, 1.0)
    assert time_left.seconds(len(SCALES) - 1, SCALES[-1].iterations) == 0
