"""The process's environment: backend flags, container memory, and inputs of odd shapes."""

from pathlib import Path

import psutil
import pytest
import torch

from engine.painting import Picture, Stepped, devices, paint
from engine.painting.cgroups import allowed_bytes, limit_bytes
from engine.painting.inputs import fitted_style
from tests.kit.thin_vgg19 import (
    QUICK_OPTIONS,
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    thin_studio,
)


def backend_flags() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.deterministic, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


def test_cuda_is_deterministic_only_while_painting() -> None:
    before = backend_flags()
    events = paint(noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio())
    while not isinstance(next(events), Stepped):
        pass
    assert backend_flags() == (True, False, False)
    events.close()
    assert backend_flags() == before


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        (
            "0::/a/b\n",
            {
                "a/b/memory.max": "max",
                "a/b/memory.current": "5",
                "a/memory.max": "1000",
                "a/memory.current": "700",
                "a/memory.stat": "anon 600\ninactive_file 50",
            },
        ),
        (
            "3:cpu:/x\n2:memory:/x\n",
            {
                "memory/x/memory.limit_in_bytes": "1000",
                "memory/x/memory.usage_in_bytes": "700",
                "memory/x/memory.stat": "inactive_file 9\ntotal_inactive_file 50",
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/memory.usage_in_bytes": "700",
            },
        ),
    ],
)
def test_container_memory_limit_is_read_from_cgroups(
    groups: str, files: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "groups").write_text(groups)
    for name, text in files.items():
        file = tmp_path / "system" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    assert allowed_bytes(tmp_path / "system", tmp_path / "groups") == 350
    assert limit_bytes(tmp_path / "system", tmp_path / "groups") == 1000
    for name in files:
        if "current" in name or "usage" in name:
            (tmp_path / "system" / name).write_text("1500")  # like after lowering the limit
    assert allowed_bytes(tmp_path / "system", tmp_path / "groups") == 0


def test_total_memory_of_a_container_is_its_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise owners would read that an engine uses 3 GiB of 1 GiB."""
    monkeypatch.setattr(devices, "limit_bytes", lambda: 4000)
    monkeypatch.setattr(devices, "allowed_bytes", lambda: 1000)
    cpu = torch.device("cpu")
    assert devices.total_memory_bytes(cpu) == 4000
    assert devices.free_memory_bytes(cpu) == 700
    for name in ("limit_bytes", "allowed_bytes"):
        monkeypatch.setattr(devices, name, lambda: 2**62)
    assert devices.total_memory_bytes(cpu) == psutil.virtual_memory().total
    assert devices.free_memory_bytes(cpu) < devices.total_memory_bytes(cpu)


def test_memory_is_unlimited_without_cgroups(tmp_path: Path) -> None:
    assert allowed_bytes(tmp_path, tmp_path / "none") is None
    assert limit_bytes(tmp_path, tmp_path / "none") is None


def test_checkpoint_resumes_with_and_without_timelapse() -> None:
    content, saved = noise_picture(48, 64), b""
    iterations: list[int] = []
    for timelapse in (True, False, True):
        resume, first = saved or None, len(iterations)
        events = paint(
            content,
            [STYLE],
            quick_options(timelapse=timelapse),
            studio=thin_studio(),
            resume=resume,
        )
        for event in events:
            if isinstance(event, Stepped):
                iterations.append(event.iteration)
                saved = event.checkpoint()
                if len(iterations) == first + 4:
                    events.close()
    assert iterations == list(range(1, 13))


def test_start_picture_of_a_narrow_content_keeps_its_shape() -> None:
    content, start = noise_picture(256, 6), noise_picture(128, 3, seed=2)
    options = quick_options(
        size_px=128, scales=1, iterations=1, start="file", strength=0, content_weight=0
    )
    painted, _ = paint_and_collect(options, thin_studio(), content=content, start=start)
    assert torch.allclose(painted.picture.pixels, start.pixels, atol=1e-3)


def test_small_style_is_extended_by_mirroring() -> None:
    style = Picture(noise_picture(10, 20).pixels)
    fitted = fitted_style(style.pixels, (64, 64), 1.0, "resize")
    assert fitted.shape == (3, 32, 32)
    assert not torch.equal(fitted[:, -1], fitted[:, -8])
