"""What a frame takes over from earlier frames, and how a loop ends."""

import numpy as np
import pytest

from engine.moving.loop import LoopEnd
from engine.moving.scenes import FramePair, Prior, Scenes
from tests.engine.moving.frames import noise_texture

SCENE = noise_texture(64, 96)


def test_what_was_hidden_for_a_moment_comes_from_the_frame_before() -> None:
    hidden = SCENE.copy()
    hidden[20:44, 36:60] = 0.5
    scenes = Scenes()
    for number, content in enumerate((SCENE, hidden)):
        scenes.add(FramePair(number, content, 1 - content), scenes.prior_of(content))
    prior = scenes.prior_of(SCENE)
    assert prior is not None
    uncovered = (slice(26, 38), slice(42, 54))
    assert prior.weights[uncovered].mean() > 0.9
    assert np.abs(prior.painted - (1 - SCENE))[uncovered].mean() < 0.05


def test_last_frames_of_a_loop_approach_the_first_evenly() -> None:
    first = FramePair(0, SCENE, np.full_like(SCENE, 1.0))
    end = LoopEnd.of(first, 16, lambda _: SCENE)
    assert end is not None
    known = np.ones(SCENE.shape[:2], np.float32)
    prior = Prior(np.zeros_like(SCENE), known, np.zeros_like(known))
    shares = [float(end.blend_into(prior, number).painted.mean()) for number in range(7, 16)]
    assert shares == pytest.approx([number / 8 for number in range(9)], abs=1e-5)


def test_loop_ends_within_its_second_half_and_not_across_a_cut() -> None:
    first = FramePair(0, SCENE, SCENE)
    end = LoopEnd.of(first, 6, lambda _: SCENE)
    assert end is not None
    assert end.begins == 3
    assert LoopEnd.of(first, 1, lambda _: SCENE) is None
    assert LoopEnd.of(first, 6, lambda _: noise_texture(64, 96, seed=7)) is None
