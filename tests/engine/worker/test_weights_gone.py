"""Jobs whose weights file is truncated or missing wait, while other jobs are painted."""

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
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import running_worker, wait_ended
from tests.kit.thin_vgg19 import thin_weights


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    path = tmp_path / "vgg19.safetensors"
    tensors = {name: tensor.float() for name, tensor in thin_weights().tensors.items()}
    save_file(tensors, path, metadata={"input": "as torchvision"})
    return path


@pytest.fixture
def settings(tmp_path: Path, weights_file: Path) -> Settings:
    return load_settings(
        _env_file=None,
        atelier_data_dir=tmp_path / "data",
        atelier_device="cpu",
        atelier_vgg19_weights=weights_file,
    )


@pytest.mark.parametrize("damage", ["truncated", "missing"])
async def test_vgg19_job_waits_for_missing_weights_while_lite_jobs_are_painted(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    weights_file: Path,
    damage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "BACKOFF", Backoff(0.1, 0.3))
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.2)
    content = weights_file.read_bytes()
    # The benchmark would load the weights before they are damaged.
    monkeypatch.setattr("engine.worker.painter.JobPainter.idle", lambda *_: None)
    async with running_worker(queue, settings):
        weights_file.write_bytes(
            content[:-1000]
        ) if damage == "truncated" else weights_file.unlink()
        job = await job_factory.make(network="vgg19")
        other = await job_factory.make(user_id=2, network="lite")
        assert (await wait_ended(queue, other)).state is JobState.DONE
        current = await queue.jobs.get(job.id)
        assert current is not None
        assert not current.state.ended
        weights_file.write_bytes(content)
        assert (await wait_ended(queue, job)).state is JobState.DONE


def test_rewriting_the_weights_file_does_not_change_loaded_weights(weights_file: Path) -> None:
    """A memory-mapped file would kill the process once it is truncated."""
    assert is_whole(weights_file)
    weights = load_weights(weights_file)
    before = {name: tensor.clone() for name, tensor in weights.tensors.items()}
    with weights_file.open("r+b") as opened:
        opened.seek(weights_file.stat().st_size // 2)
        opened.write(bytes(weights_file.stat().st_size // 2))
    assert all(bool((weights.tensors[name] == tensor).all()) for name, tensor in before.items())
    weights_file.write_bytes(weights_file.read_bytes()[:100])
    assert not is_whole(weights_file)
