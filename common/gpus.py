"""Counts NVIDIA's graphics cards without loading torch, and says if their driver does not work."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
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
DRIVER_FAILS = (
    "NVIDIA's driver does not work here ({said}). After an update of the driver or of the system, "
    "restart this machine; if that does not help, install the driver again."
)
SAID_CHARACTERS = 200
PCI_DEVICES = Path("/sys/bus/pci/devices")
_NVIDIA, _DISPLAY = "0x10de", "0x03"


@dataclass(frozen=True, slots=True)
class _Driver:
    """What NVIDIA's driver says of the cards here."""

    cards: int
    problem: str | None = None
    """Its own words, if it does not work though a card is here."""


def nvidia_cards() -> int:
    """Number of NVIDIA cards, even if their driver fails at the moment; 0 without a driver."""
    return _ask_driver().cards


def driver_problem() -> str | None:
    """What owners should know of a driver that does not work though a card is here; else None."""
    problem = _ask_driver().problem
    return None if problem is None else DRIVER_FAILS.format(said=problem)


def _ask_driver() -> _Driver:
    try:
        found = subprocess.run(
            ["nvidia-smi", "-L"],  # noqa: S607 - where it lies differs by system
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except OSError:
        return _Driver(0)
    except subprocess.TimeoutExpired:
        return _failing(f"nvidia-smi does not answer within {TIMEOUT_SECONDS:.0f} s")
    if found.returncode == 0:
        return _Driver(sum(line.startswith("GPU ") for line in found.stdout.splitlines()))
    lines = f"{found.stdout}\n{found.stderr}".strip().splitlines()
    return _failing(lines[0] if lines else f"nvidia-smi ends with {found.returncode}")


def _failing(said: str) -> _Driver:
    """The tool also fails where it is installed without a card: the system knows whether one is."""
    cards = _cards_by_system()
    if cards == 0 or (cards is None and "no devices" in said.lower()):
        return _Driver(0)
    return _Driver(cards or 0, " ".join(said.split()).rstrip(".")[:SAID_CHARACTERS])


def _cards_by_system() -> int | None:
    """Number of NVIDIA cards in the system's own list; None without one, as outside Linux."""
    try:
        found = [
            [(device / name).read_text() for name in ("vendor", "class")]
            for device in PCI_DEVICES.iterdir()
        ]
    except OSError:
        return None
    return sum(vendor.startswith(_NVIDIA) and kind.startswith(_DISPLAY) for vendor, kind in found)


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
    device: str,
    chosen: str = "",
    *,
    cards: Callable[[], int] = nvidia_cards,
    problem: Callable[[], str | None] = driver_problem,
) -> str | None:
    """A message for owners if there is a card that is not used; else None.

    Args:
        device: as in the settings; a request for the processor is respected.
        chosen: the device that paints, if known, such as `cpu` or `cuda:0`.
        cards: counts NVIDIA's cards.
        problem: says what is wrong with their driver.
    """
    is_built = torch_has_cuda()
    # CUDA_VISIBLE_DEVICES may hide all cards on purpose.
    is_hidden = is_built and "CUDA_VISIBLE_DEVICES" in os.environ
    if device == "cpu" or chosen not in {"", "cpu"} or is_hidden:
        return None
    if (said := problem()) is not None:
        return f"{said} Until then, the processor paints."
    if (is_built and not chosen) or not cards():
        return None
    trouble = UNUSABLE_CARD if is_built else UNUSED_CARD
    is_checkout = importlib.util.find_spec("tools") is not None  # the image has no tools
    return trouble.format(cure=(CHECKOUT_CURES if is_checkout else IMAGE_CURES)[trouble])
