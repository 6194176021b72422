"""NVIDIA's cards, counted without torch: nothing but the standard library and the driver's tool."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

TIMEOUT_SECONDS = 10.0
_WITHOUT_CUDA = re.compile(r"^cuda\b[^=\n]*= *None\b", re.MULTILINE)
UNUSED_CARD = (
    "An NVIDIA card is here, but torch is installed without CUDA (as Python's index has it for "
    "Windows), so that the processor paints: `python -m tools.requirements cuda` installs the "
    "build for the card."
)

UNUSABLE_CARD = (
    "An NVIDIA card is here, but torch cannot use it, so that the processor paints. The driver or "
    "the card is older than the installed torch needs: a newer driver may help, or "
    "`python -m tools.requirements cuda cu126`, the build for older ones."
)


def nvidia_cards() -> int:
    """How many cards NVIDIA's driver finds here; 0 where there is no driver."""
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
    """Whether the installed torch was built for such cards, read in its files: to load it is slow.

    True where they do not say, and torch itself is the one to ask.
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
    """How many of the cards the installed torch may paint on."""
    return cards() if torch_has_cuda() else 0


def unused_card(
    device: str, chosen: str = "", *, cards: Callable[[], int] = nvidia_cards
) -> str | None:
    """What an owner is to be told where a card is here that nothing is painted on.

    Args:
        device: as the settings name it; who wants the processor gets it.
        chosen: what paints, where that is known, such as `cpu` or `cuda:0`.
        cards: counts NVIDIA's cards.
    """
    is_built = torch_has_cuda()
    # Who names the cards to be seen may want none to be.
    is_well = is_built and (chosen != "cpu" or "CUDA_VISIBLE_DEVICES" in os.environ)
    if device == "cpu" or is_well or not cards():
        return None
    return UNUSABLE_CARD if is_built else UNUSED_CARD
