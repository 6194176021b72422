"""Progress and remaining time of a clip."""

import pytest

from engine.moving.clip_progress import ClipProgress


def test_time_left_excludes_time_spent_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("engine.moving.clip_progress.time.monotonic", lambda: now)
    progress = ClipProgress(30)
    now = 60.0  # resuming read 20 frames and computed the flow between them
    assert progress.seconds_left(20) is None
    progress.begin(5.0, alone=False)
    now = 61.0
    progress.step(0.5)
    assert progress.seconds_left(20) == pytest.approx(1 + 9 * 2)


def test_resumed_run_continues_at_the_same_fraction() -> None:
    before, after = ClipProgress(10), ClipProgress(10)
    for progress, frames in ((before, range(5)), (after, range(5, 6))):
        for _ in frames:
            progress.begin(2.0, alone=False)
            progress.step(1.0 if progress is before else 0.0)
    assert before.fraction(5) == after.fraction(5) == 0.5
    after.step(0.5)
    assert after.fraction(5) == pytest.approx(0.55)
    after.step(1.0)
    assert after.fraction(6) == pytest.approx(0.6)


def test_costly_frame_after_a_cut_does_not_lower_the_fraction() -> None:
    progress = ClipProgress(4)
    progress.begin(1.0, alone=False)
    progress.step(1.0)
    before = progress.fraction(1)
    progress.begin(10.0, alone=True)
    assert progress.fraction(1) == before
    progress.step(1.0)
    assert before < progress.fraction(2) < 1
    progress.begin(1.0, alone=False)
    progress.step(1.0)
    progress.begin(1.0, alone=False)
    progress.step(1.0)
    assert progress.fraction(4) == 1


def test_time_left_counts_coming_frames_as_starting_from_earlier_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("engine.moving.clip_progress.time.monotonic", lambda: now)
    progress = ClipProgress(4)
    for work, alone in ((10.0, True), (1.0, False), (10.0, True)):
        progress.begin(work, alone=alone)
        assert (progress.seconds_left(0) is None) == (now == 0)
        progress.step(1.0)
        now += work
    assert progress.seconds_left(3) == pytest.approx(1.0)
