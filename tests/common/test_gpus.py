"""GPUs that the installed build of torch cannot use."""

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from common import gpus
from common.gpus import (
    driver_problem,
    nvidia_cards,
    torch_has_cuda,
    unused_card,
    usable_cards,
)

CPU_BUILD = """from typing import Optional
__version__ = '2.15.0+cpu'
cuda: Optional[str] = None
git_version = 'd0f2af8b'
"""
CUDA_BUILD = CPU_BUILD.replace("+cpu", "+cu132").replace("None", "'13.2'")


def none() -> None:
    """No problem with the driver."""


@pytest.fixture
def torch_version_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with torch's build in a checkout, for the test to write."""
    specs = {
        "torch": ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py")),
        "tools": ModuleSpec("tools", None),
    }
    monkeypatch.setattr(importlib.util, "find_spec", specs.get)
    return tmp_path / "version.py"


@pytest.fixture
def image_version_file(torch_version_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in the container image, which has no `tools` package."""
    spec = importlib.util.find_spec("torch")
    monkeypatch.setattr(importlib.util, "find_spec", {"torch": spec}.get)
    return torch_version_file


def test_card_is_reported_unusable_when_torch_lacks_cuda(torch_version_file: Path) -> None:
    torch_version_file.write_text(CPU_BUILD)
    message = unused_card("auto", cards=lambda: 1, problem=none)
    assert message is not None
    assert "without CUDA" in message
    assert "`python -m tools.requirements cuda`" in message
    assert unused_card("auto", cards=lambda: 0, problem=none) is None
    assert unused_card("cpu", cards=lambda: 1, problem=none) is None, "chosen by the settings"
    assert usable_cards(cards=lambda: 2) == 0, "engines could not start on them"


def test_cards_are_usable_when_torch_has_cuda(torch_version_file: Path) -> None:
    assert torch_has_cuda(), "assumed while the file is missing"
    torch_version_file.write_text(CUDA_BUILD)
    assert unused_card("auto", cards=lambda: 1, problem=none) is None
    assert unused_card("auto", "cuda:0", cards=lambda: 1, problem=none) is None
    assert usable_cards(cards=lambda: 2) == 2


def test_card_not_found_by_torch_is_reported_with_a_driver_hint(
    torch_version_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a driver that is too old, torch falls back to the CPU without an error."""
    torch_version_file.write_text(CUDA_BUILD)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    message = unused_card("auto", "cpu", cards=lambda: 1, problem=none)
    assert message is not None
    assert "newer driver" in message
    assert "`python -m tools.requirements cuda cu126`" in message
    assert unused_card("auto", "cpu", cards=lambda: 0, problem=none) is None
    assert unused_card("cpu", "cpu", cards=lambda: 1, problem=none) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unused_card("auto", "cpu", cards=lambda: 1, problem=none) is None, "hidden on purpose"


def test_card_advice_in_the_image_names_its_own_remedies(
    image_version_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    image_version_file.write_text(CPU_BUILD)
    message = unused_card("auto", cards=lambda: 1, problem=none)
    assert message is not None
    assert "ACCELERATOR=cuda" in message
    assert "tools" not in message
    image_version_file.write_text(CUDA_BUILD)
    message = unused_card("auto", "cpu", cards=lambda: 1, problem=none)
    assert message is not None
    assert "driver on the host" in message
    assert "tools" not in message


MISMATCH = (
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.95"
)
NO_DRIVER = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."


def install_driver(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    output: str,
    status: int,
    pci: list[str] | None,
) -> None:
    """Install a fake `nvidia-smi`, and list these PCI devices."""
    tool = folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit {status}\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(gpus, "PCI_DEVICES", folder / "pci")
    for number, device in enumerate(pci or []):
        folder_of_device = folder / "pci" / str(number)
        folder_of_device.mkdir(parents=True)
        vendor, kind = device.split()
        (folder_of_device / "vendor").write_text(f"{vendor}\n")
        (folder_of_device / "class").write_text(f"{kind}\n")


GPU, GPU_AUDIO, OTHER_GPU = "0x10de 0x030200", "0x10de 0x040300", "0x8086 0x030000"


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a shell script")
@pytest.mark.parametrize("output", [MISMATCH, NO_DRIVER])
def test_failing_driver_is_reported_where_a_card_is(
    torch_version_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    """After a driver update without a restart, torch falls back to the CPU without an error."""
    torch_version_file.write_text(CUDA_BUILD)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pci = [OTHER_GPU, GPU, GPU_AUDIO, GPU]
    install_driver(tmp_path, monkeypatch, output=output, status=18, pci=pci)
    assert nvidia_cards() == 2, "the installation would choose packages without CUDA"
    for device_name in ("", "cpu"):
        message = unused_card("auto", device_name)
        assert message is not None
        assert output.partition("\n")[0].rstrip(".") in message
        assert "restart this machine" in message
        assert message.endswith("the processor paints.")
    assert unused_card("auto", "cuda:0") is None
    assert unused_card("cpu", "cpu") is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unused_card("auto", "cpu") is None


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a shell script")
@pytest.mark.parametrize(
    ("output", "status", "pci"),
    [
        (NO_DRIVER, 9, [OTHER_GPU, GPU_AUDIO]),
        ("No devices were found", 6, None),
        ("GPU 0: NVIDIA H200 (UUID: GPU-1)", 0, [GPU]),
    ],
)
def test_no_driver_problem_is_reported_without_a_card_or_with_a_working_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, status: int, pci: list[str] | None
) -> None:
    install_driver(tmp_path, monkeypatch, output=output, status=status, pci=pci)
    assert driver_problem() is None
    assert nvidia_cards() == int(status == 0)


def test_machine_without_the_driver_has_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert (nvidia_cards(), driver_problem()) == (0, None)
