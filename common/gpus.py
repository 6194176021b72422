"""Counts NVIDIA's graphics cards without loading torch, with the driver's tool."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

TIMEOUT_SECONDS = 10.0
_WITHOUT_CUDA = re.compile(r"^cuda\b[^=\n]*= *None\b", re.MULTILINE)
UNUSED_CARD = (
    "An NVIDIA card is here, but torch is installed without CUDA, so the processor paints. {cure}"
)
UNUSABLE_CARD = (
    "An NVIDIA card is here, but torch cannot use it, so the processor paints. The driver or the "
    "card is older than the installed torch needs. {cure}"
)
CHECKOUT_CURES = {
    UNUSED_CARD: "`python -m tools.requirements cuda` installs the build for the card. (Python's "
    "own index has torch for Windows without CUDA.)",
    UNUSABLE_CARD: "Install a newer driver, or the build for older ones: "
    "`python -m tools.requirements cuda cu126`.",
}
IMAGE_CURES = {
    UNUSED_CARD: "Set ACCELERATOR=cuda in .env and build the image again.",
    UNUSABLE_CARD: "Install a newer driver on the host.",
}


def nvidia_cards() -> int:
    """Number of NVIDIA cards that the driver finds; 0 without a driver."""
    try:
        found = subprocess.run(
            ["nvidia-smi", "-L"],  # noqa: S607 - where it lies differs by system
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    if found.returncode != 0:
        return 0
    return sum(line.startswith("GPU ") for line in found.stdout.splitlines())


def torch_has_cuda() -> bool:
    """Whether the installed torch supports CUDA, read from its files since loading it is slow.

    True if the files do not tell: then only torch itself can.
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return True
    try:
        text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return True
    return _WITHOUT_CUDA.search(text) is None


def usable_cards(*, cards: Callable[[], int] = nvidia_cards) -> int:
    """Number of cards that the installed torch can use."""
    return cards() if torch_has_cuda() else 0


def unused_card(
    device: str, chosen: str = "", *, cards: Callable[[], int] = nvidia_cards
) -> str | None:
    """A message for owners if there is a card that is not used; else None.

    Args:
        device: as in the settings; a request for the processor is respected.
        chosen: the device that paints, if known, such as `cpu` or `cuda:0`.
        cards: counts NVIDIA's cards.
    """
    is_built = torch_has_cuda()
    # CUDA_VISIBLE_DEVICES may hide all cards on purpose.
    is_well = is_built and (chosen != "cpu" or "CUDA_VISIBLE_DEVICES" in os.environ)
    if device == "cpu" or is_well or not cards():
        return None
    trouble = UNUSABLE_CARD if is_built else UNUSED_CARD
    is_checkout = importlib.util.find_spec("tools") is not None  # the image has no tools
    return trouble.format(cure=(CHECKOUT_CURES if is_checkout else IMAGE_CURES)[trouble])
