"""Weights that are cut off or gone cost no job: what needs them waits, and all else is painted."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from common.backoff import Backoff
from common.settings import Settings
from common.settings_loading import load_settings
from engine.networks.weights import is_whole, load_weights
from engine.worker import health, service
from jobs.model import JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import Poster
from tests.engine.worker.working import ended, worker
from tests.kit.thin_vgg19 import thin_weights


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "vgg19.safetensors"
    tensors = {name: one.float() for name, one in thin_weights().tensors.items()}
    save_file(tensors, made, metadata={"input": "as torchvision"})
    return made


@pytest.fixture
def settings(tmp_path: Path, file: Path) -> Settings:
    return load_settings(
        _env_file=None,
        atelier_data_dir=tmp_path / "data",
        atelier_device="cpu",
        atelier_vgg19_weights=file,
    )


@pytest.mark.parametrize("harm", ["cut off", "gone"])
async def test_vgg19_job_waits_for_missing_weights_while_lite_jobs_are_painted(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    file: Path,
    harm: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "BACKOFF", Backoff(0.1, 0.3))
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.2)
    whole = file.read_bytes()
    # No iteration of the first trial of this engine may have opened them before.
    monkeypatch.setattr("engine.worker.painter.JobPainter.idle", lambda *_: None)
    async with worker(queue, settings):
        file.write_bytes(whole[:-1000]) if harm == "cut off" else file.unlink()
        job = await poster.post(network="vgg19")
        other = await poster.post(user_id=2, network="lite")
        assert (await ended(queue, other)).state is JobState.DONE
        waiting = await queue.jobs.get(job.id)
        assert waiting is not None
        assert not waiting.state.ended
        file.write_bytes(whole)
        assert (await ended(queue, job)).state is JobState.DONE


def test_rewriting_the_weights_file_does_not_change_loaded_weights(file: Path) -> None:
    """Read in place, it would end the process where it was cut off."""
    assert is_whole(file)
    read = load_weights(file)
    before = {name: one.clone() for name, one in read.tensors.items()}
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(bytes(file.stat().st_size // 2))
    assert all(bool((read.tensors[name] == one).all()) for name, one in before.items())
    file.write_bytes(file.read_bytes()[:100])
    assert not is_whole(file)
