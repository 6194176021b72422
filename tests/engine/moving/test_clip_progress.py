"""What is told of the time that a clip still takes."""

import pytest

from engine.moving.clip_progress import ClipProgress


def test_time_left_excludes_time_spent_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = 0.0
    monkeypatch.setattr("engine.moving.clip_progress.time.monotonic", lambda: at)
    told = ClipProgress(30)
    at = 60.0  # twenty frames were read, and the flow between them was looked for
    assert told.seconds_left(20) is None
    told.begin(5.0, alone=False)
    at = 61.0
    told.step(0.5)
    assert told.seconds_left(20) == pytest.approx(1 + 9 * 2)


def test_resumed_run_continues_at_the_same_fraction() -> None:
    before, after = ClipProgress(10), ClipProgress(10)
    for told, frames in ((before, range(5)), (after, range(5, 6))):
        for _ in frames:
            told.begin(2.0, alone=False)
            told.step(1.0 if told is before else 0.0)
    assert before.fraction(5) == after.fraction(5) == 0.5
    after.step(0.5)
    assert after.fraction(5) == pytest.approx(0.55)
    after.step(1.0)
    assert after.fraction(6) == pytest.approx(0.6)


def test_costly_frame_after_a_cut_does_not_lower_the_fraction() -> None:
    told = ClipProgress(4)
    told.begin(1.0, alone=False)
    told.step(1.0)
    before = told.fraction(1)
    told.begin(10.0, alone=True)
    assert told.fraction(1) == before
    told.step(1.0)
    assert before < told.fraction(2) < 1
    told.begin(1.0, alone=False)
    told.step(1.0)
    told.begin(1.0, alone=False)
    told.step(1.0)
    assert told.fraction(4) == 1


def test_time_left_counts_coming_frames_as_starting_from_earlier_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = 0.0
    monkeypatch.setattr("engine.moving.clip_progress.time.monotonic", lambda: at)
    told = ClipProgress(4)
    for work, alone in ((10.0, True), (1.0, False), (10.0, True)):
        told.begin(work, alone=alone)
        assert (told.seconds_left(0) is None) == (at == 0)
        told.step(1.0)
        at += work
    assert told.seconds_left(3) == pytest.approx(1.0)
