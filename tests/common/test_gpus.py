"""A card that torch, as it is installed, cannot paint on."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from common.gpus import torch_has_cuda, unused_card, usable_cards

OF_WINDOWS = """from typing import Optional
__version__ = '2.15.0+cpu'
cuda: Optional[str] = None
git_version = 'd0f2af8b'
"""
OF_LINUX = OF_WINDOWS.replace("+cpu", "+cu132").replace("None", "'13.2'")


@pytest.fixture
def torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its file that says how it was built, in a checkout."""
    specs = {
        "torch": ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py")),
        "tools": ModuleSpec("tools", None),
    }
    monkeypatch.setattr(importlib.util, "find_spec", specs.get)
    return tmp_path / "version.py"


@pytest.fixture
def image(torch: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in the image, which has no tools."""
    spec = importlib.util.find_spec("torch")
    monkeypatch.setattr(importlib.util, "find_spec", {"torch": spec}.get)
    return torch


def test_card_is_reported_unusable_when_torch_lacks_cuda(torch: Path) -> None:
    torch.write_text(OF_WINDOWS)
    said = unused_card("auto", cards=lambda: 1)
    assert said is not None
    assert "without CUDA" in said
    assert "`python -m tools.requirements cuda`" in said
    assert unused_card("auto", cards=lambda: 0) is None
    assert unused_card("cpu", cards=lambda: 1) is None, "as the settings want it"
    assert usable_cards(cards=lambda: 2) == 0, "engines on them could not start"


def test_cards_are_usable_when_torch_has_cuda(torch: Path) -> None:
    assert torch_has_cuda(), "it does not say"
    torch.write_text(OF_LINUX)
    assert unused_card("auto", cards=lambda: 1) is None
    assert unused_card("auto", "cuda:0", cards=lambda: 1) is None
    assert usable_cards(cards=lambda: 2) == 2


def test_card_not_found_by_torch_is_reported_with_a_driver_hint(
    torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a driver that is too old, where torch takes the processor without a word."""
    torch.write_text(OF_LINUX)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    said = unused_card("auto", "cpu", cards=lambda: 1)
    assert said is not None
    assert "newer driver" in said
    assert "`python -m tools.requirements cuda cu126`" in said
    assert unused_card("auto", "cpu", cards=lambda: 0) is None
    assert unused_card("cpu", "cpu", cards=lambda: 1) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unused_card("auto", "cpu", cards=lambda: 1) is None, "it is hidden on purpose"


def test_card_advice_in_the_image_names_its_own_remedies(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    image.write_text(OF_WINDOWS)
    said = unused_card("auto", cards=lambda: 1)
    assert said is not None
    assert "ACCELERATOR=cuda" in said
    assert "tools" not in said
    image.write_text(OF_LINUX)
    said = unused_card("auto", "cpu", cards=lambda: 1)
    assert said is not None
    assert "driver on the host" in said
    assert "tools" not in said
