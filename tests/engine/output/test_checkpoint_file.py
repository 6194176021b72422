"""How often the command line writes checkpoints."""

from pathlib import Path

import pytest

from engine.moving.events import FramePainted
from engine.pipeline.recording import CheckpointFile


def test_writing_checkpoints_takes_at_most_a_tenth_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, started_at = 0.0, list[float]()
    monkeypatch.setattr("engine.pipeline.recording.time.monotonic", lambda: now)

    def state() -> bytes:
        nonlocal now
        started_at.append(now)
        now += 5
        return b"a large picture"

    file = CheckpointFile(tmp_path / "run.ckpt", every_seconds=20)
    event = FramePainted(1, 9, 0.1, None, anew=True, checkpoint=state, preview=lambda _: [])
    while now < 200:
        now += 1
        file.on_event(event)
    assert started_at == [20, 75, 130, 185]
