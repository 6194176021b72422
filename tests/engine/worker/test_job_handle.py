"""Messages between the worker's event loop and the painting thread."""

import time

import pytest

from engine.worker import lease
from engine.worker.job_handle import CHECKPOINT_GONE, Checkpoint, JobHandle, StopReason
from jobs.model import Progress


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ("CANCELLED SHUTDOWN", "CANCELLED"),
        ("SHUTDOWN CANCELLED", "SHUTDOWN"),
        ("CANCELLED LEASE_LOST", "LEASE_LOST"),
        ("LEASE_LOST SHUTDOWN", "LEASE_LOST"),
    ],
)
def test_first_stop_reason_counts_unless_the_lease_is_lost(reasons: str, expected: str) -> None:
    """After a lost lease the job belongs to another engine, and nothing may be written."""
    handle = JobHandle()
    assert not handle.should_stop()
    for reason in reasons.split():
        handle.stop(StopReason[reason])
    assert handle.stop_reason is StopReason[expected]
    assert handle.should_stop()


def test_only_the_newest_progress_and_checkpoint_are_taken_once() -> None:
    handle = JobHandle()
    for number in (1, 2):
        handle.put_progress(Progress(number, 9, 0.1))
        handle.put_checkpoint(Checkpoint(b"%d" % number))
    progress, checkpoint = handle.take_progress(), handle.take_checkpoint()
    assert progress is not None
    assert checkpoint is not None
    assert (progress.iteration, checkpoint.data) == (2, b"2")
    assert (handle.take_progress(), handle.take_checkpoint()) == (None, None)


def test_progress_keeps_the_reason_for_starting_over() -> None:
    handle = JobHandle()
    handle.begin_anew(CHECKPOINT_GONE)
    for number in (1, 2):
        handle.put_progress(Progress(number, 9, 0.1))
        progress = handle.take_progress()
        assert progress is not None
        assert progress.anew == CHECKPOINT_GONE


def test_closing_a_handle_deletes_its_folder() -> None:
    handle = JobHandle()
    folder = handle.folder()
    assert handle.folder() == folder
    (folder / "frame").write_bytes(b"x")
    handle.close()
    assert not folder.exists()


@pytest.mark.parametrize("clock", ["monotonic", "time"])
def test_sleep_of_the_machine_is_noticed_by_either_clock(
    monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """On some systems one of the clocks stops during sleep."""
    start = lease._Clocks.now()
    tick = getattr(time, clock)
    monkeypatch.setattr(time, clock, lambda: tick() + 3600.0)
    assert start.seconds_ago() >= 3600.0
