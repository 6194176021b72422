"""NVIDIA's cards, counted without torch: nothing but the standard library and the driver's tool."""

import subprocess

TIMEOUT_SECONDS = 10.0


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
