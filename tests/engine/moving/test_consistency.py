"""Flow and its reliability between frames, by Ruder, Dosovitskiy and Brox (2016)."""

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest

from engine.moving.consistency import (
    Correspondence,
    border_weights,
    correspondence,
    disoccluded,
    motion_boundaries,
    photometric_consistency,
    static_weights,
)
from engine.moving.flow import Flow, Pixels, optical_flow, warped
from engine.moving.static_parts import static_flat_parts
from tests.engine.moving.frames import crop_window, noise_texture


def flow(right: float, down: float = 0.0, size: tuple[int, int] = (40, 60)) -> Flow:
    return np.tile(np.array([right, down], np.float32), (*size, 1))


def test_pixels_with_inconsistent_flows_are_disoccluded() -> None:
    assert not disoccluded(flow(3), flow(-3)).any()
    assert disoccluded(flow(3), flow(3)).all()
    # Eq. 5: |w̃ + ŵ|² > 0.01 (|w̃|² + |ŵ|²) + 0.5.
    assert not disoccluded(flow(0.7), flow(0)).any()
    assert disoccluded(flow(0.72), flow(0)).all()


def test_motion_boundaries_mark_the_edges_of_motion() -> None:
    halves = flow(0)
    halves[:, 30:] = (8, 0)
    found = motion_boundaries(halves)
    assert found[:, 29:31].all()
    assert not found[:, :28].any()
    assert not found[:, 33:].any()


def test_border_weights_fall_to_zero_where_the_scene_enters() -> None:
    found = border_weights(flow(4.0))  # The scene moves left, and new parts enter at the right.
    assert (found[20, :40] == 1).all()
    assert (np.diff(found[20, 44:]) < 0.001).all()
    assert found[20, -1] == 0


def test_panned_picture_is_known_nearly_everywhere_and_warps_sharply() -> None:
    scene = noise_texture(80, 140)
    before, after = crop_window(scene, 0), crop_window(scene, 3)
    known = correspondence(before, after)
    assert known.share > 0.85
    there = warped(before, known.flow, sharp=True)
    reliable = known.weights > 0.9
    assert np.abs(there - after)[reliable].mean() < 0.01
    # Weights rise gradually from the right border, without hard edges.
    assert (known.weights[20:60, -3:] == 0).all()
    assert 0.1 < known.weights[20:60, -8].mean() < 0.6
    assert np.abs(np.diff(known.weights, axis=1)).max() < 0.9
    stripes = (scene > 0.5).astype(np.float32)
    warped_stripes = warped(stripes, flow(0.3, size=(80, 140)), sharp=True)
    assert (warped_stripes.min(), warped_stripes.max()) == (0, 1), "the sharp filter overshoots"


def test_noise_causes_no_flow() -> None:
    scene = noise_texture(80, 100)
    noise = np.random.default_rng(0).normal(0, 0.012, scene.shape)
    known = correspondence(scene, (scene + noise).clip(0, 1).astype(np.float32))
    assert known.share > 0.99
    assert (known.flow == 0).all()


def hopping_emoji(size: int) -> Iterator[tuple[Pixels, np.ndarray]]:
    """Frames of a flat-colored face that moves in a circle, and the mask of the face."""
    side = 4 * size
    for step in range(8):
        angle = 2 * np.pi * step / 8
        middle = side * (0.5 + 0.21 * np.array([np.cos(angle), np.sin(angle)]))
        canvas = np.full((side, side, 3), (90, 160, 220), np.uint8)
        cv2.circle(canvas, _pixel(middle), round(0.26 * side), (250, 200, 40), -1)
        for offset in (-0.09, 0.09):
            eye = middle + side * np.array([offset, -0.06])
            cv2.circle(canvas, _pixel(eye), round(0.04 * side), (30, 30, 30), -1)
        mouth = round(0.14 * side), round(0.13 * side)
        cv2.ellipse(canvas, _pixel(middle), mouth, 0, 20, 160, (120, 30, 30), round(0.02 * side))
        small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
        rows, columns = np.mgrid[:size, :size] + 0.5
        distance = np.hypot(columns * 4 - middle[0], rows * 4 - middle[1])
        yield np.asarray(small, np.float32) / np.float32(255), distance < 0.26 * side


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(point[0]), round(point[1])


@pytest.mark.parametrize("size", [48, 64, 96, 128])
def test_most_of_a_hopping_emoji_stays_known(size: int) -> None:
    """Small emoji were once lost, and later frames had unpainted flat parts."""
    frames = list(hopping_emoji(size))
    shares = [
        float(correspondence(before, after).weights[face].mean())
        for (before, _), (after, face) in pairwise(frames)
    ]
    assert np.mean(shares) > 0.75


@pytest.mark.parametrize("size", [(90, 64), (64, 90), (186, 100), (250, 186), (745, 20)])
def test_flow_is_measured_in_the_frames_own_pixels(size: tuple[int, int]) -> None:
    height, width = size
    scene = noise_texture(height + 8, width + 8)
    before, after = scene[4:-4, 4:-4], scene[2:-6, 7:-1]
    found = optical_flow(before, after)
    assert found.shape == (*size, 2)
    np.testing.assert_allclose(np.median(found, axis=(0, 1)), [-3, 2], atol=0.2)


def test_repeated_sharp_warping_keeps_detail() -> None:
    noise = np.random.default_rng(0).random((64, 64, 3), np.float32)
    picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.8), np.float32)
    left = {sharp: remaining_detail(picture, times=10, sharp=sharp) for sharp in (True, False)}
    assert left[True] > 0.9
    assert left[False] < 0.7


def remaining_detail(picture: Pixels, *, times: int, sharp: bool) -> float:
    """Share of the deviation that is left after moving back and forth by half a pixel."""
    moved, inner = picture, (slice(8, -8), slice(8, -8))
    for step in range(times):
        there = np.full((*picture.shape[:2], 2), 0.5 - step % 2, np.float32)
        moved = warped(moved, there, sharp=sharp)
    return float(moved[inner].std() / picture[inner].std())


def test_unrelated_pictures_hardly_correspond() -> None:
    known = correspondence(noise_texture(80, 100, seed=1), noise_texture(80, 100, seed=2))
    assert known.share < 0.2


def test_object_appearing_on_a_flat_wall_is_unknown() -> None:
    before = np.full((60, 80, 3), 0.6, np.float32)
    after = before.copy()
    after[20:40, 30:50] = (0.9, 0.1, 0.1)
    weights = correspondence(before, after).weights
    assert weights[22:38, 32:48].max() < 0.1
    assert weights[:8].min() == 1


def test_edges_stay_known_despite_subpixel_flow_errors() -> None:
    tiles = np.kron(np.random.default_rng(3).random((9, 14, 3), np.float32), np.ones((8, 8, 1)))
    before, after = (
        warped(np.asarray(tiles, np.float32), flow(right, size=(72, 112))) for right in (0.0, 2.5)
    )
    weights = photometric_consistency(before, after, flow(2.3, size=(72, 112)))
    assert weights[8:-8, 8:-8].min() > 0.9
    weights = photometric_consistency(before, after, flow(-1.0, size=(72, 112)))
    assert np.median(weights) < 0.5


def disc_frame(left: int, wall: Pixels | None = None) -> Pixels:
    frame = np.full((72, 120, 3), 0.6, np.float32) if wall is None else wall.copy()
    cv2.circle(frame, (left, 36), 12, (0.9, 0.1, 0.1), -1)
    return frame


def test_flat_wall_stays_still_while_an_object_passes_quickly() -> None:
    known = correspondence(disc_frame(30), disc_frame(42))
    assert np.abs(known.flow[30:42, 38:46]).max() > 6  # the disc moves
    rows, columns = np.mgrid[:72, :120]
    beside = np.hypot(rows - 36, columns - 42)
    wall = (beside > 15) & (beside < 26) & (columns > 44)  # the wall in front of it does not
    assert np.abs(known.flow[wall]).max() == 0
    assert known.weights[wall & (beside > 18)].min() > 0.9


def test_halo_of_an_object_is_unknown_after_the_object_leaves() -> None:
    known = correspondence(disc_frame(30), disc_frame(54))
    rows, columns = np.mgrid[:72, :120]
    distance = np.hypot(rows - 36, columns - 30)
    halo = (distance > 12) & (distance < 18) & (columns < 28)
    assert known.weights[halo].max() < 0.1


@pytest.mark.parametrize("wall", [None, noise_texture(72, 120)], ids=["slow", "textured wall"])
def test_slow_or_textured_scenes_have_no_static_flat_parts(wall: Pixels | None) -> None:
    before, after = (disc_frame(left, wall) for left in ((30, 33) if wall is None else (30, 42)))
    still = static_weights(before, after)
    flows = optical_flow(before, after), optical_flow(after, before)
    assert not static_flat_parts(before, after, still, *flows).static.any()


def test_frame_compared_with_itself_is_fully_known_and_still() -> None:
    scene: Pixels = noise_texture(64, 80)
    found: Correspondence = correspondence(scene, scene)
    assert found.share == 1
    assert (found.flow == 0).all()
    assert (static_weights(scene, scene) == 1).all()


def test_surroundings_of_a_changed_pixel_are_not_static() -> None:
    before = noise_texture(60, 80)
    after = before.copy()
    after[30, 40] += 0.1
    still = static_weights(before, after)
    assert still[30, 40] == 0
    assert still[30, 46] == 0
    assert still[0, 0] == 1
