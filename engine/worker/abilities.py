"""What an engine can do, tested and measured, and announced so that it gets jobs it does well."""

import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from common.options import PaintOptions
from engine.networks.encoder import WeightsError
from engine.networks.registry import available_networks
from engine.painting import (
    PaintingFailedError,
    PaintSettingsError,
    Picture,
    Studio,
    Style,
    devices,
    paint,
)
from engine.painting.memory import largest_side_px
from engine.pipeline.listeners import run_with_listeners
from jobs.model import EngineInfo
from jobs.scheduling.speeds import half_octave_of

GUESSED_PACE = {"cuda": 3.0, "mps": 20.0, "cpu": 120.0}
"""Seconds for a unit of work, by kind of device, until this one is measured. Guesses."""
PROBE_SIDE_PX = 64
_MUCH = 2
"""Half octaves by which the largest size must change to be announced, a factor of two."""
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Abilities:
    """What an engine announces."""

    model: str
    """Name of the device."""
    networks: tuple[str, ...]
    memory_bytes: int | None
    """Total memory of the device."""
    largest_px: int
    """Longest side of a picture that fits into memory."""
    pace: float
    """Seconds for a unit of work, measured or guessed."""
    weights: tuple[str, ...] = ()
    """The networks that are loaded, each with the hash of its weights."""


def abilities_of(studio: Studio, pace: float | None) -> Abilities:
    """The abilities of an engine with this studio.

    Args:
        studio: device, networks and memory.
        pace: as measured (`engine.worker.pace`); None before that.
    """
    device = studio.device
    allowed = studio.max_memory_bytes or devices.free_memory_bytes(device)
    return Abilities(
        model=device_model(device),
        networks=available_networks(studio.source),
        memory_bytes=devices.total_memory_bytes(device),
        largest_px=largest_side_px(allowed),
        pace=pace or GUESSED_PACE.get(device.type, GUESSED_PACE["cpu"]),
        weights=tuple(f"{name}:{hash_[:8]}" for name, hash_ in sorted(studio.weights.items())),
    )


def is_worth_announcing(newest: EngineInfo, told: EngineInfo) -> bool:
    """Whether a change is worth announcing. Free memory always changes a little, which is not.

    A large change is: an engine that started while others used the memory would get only small
    pictures forever, and one that has lost memory large ones.
    """
    halves = half_octave_of(newest.largest_px) - half_octave_of(told.largest_px)
    return abs(halves) >= _MUCH or any(
        getattr(newest, name) != getattr(told, name)
        for name in ("network", "networks", "pace", "weights")
    )


def device_model(device: torch.device) -> str:
    """Name of the GPU or CPU; empty if the system does not say."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line[:10] == "model name"), "")


def probe_device(studio: Studio, network: str) -> str | None:
    """Test the device by painting a tiny picture.

    Error messages of a broken device differ from driver to driver, so only work tells.

    Args:
        studio: where to paint.
        network: the usual network; another one is used while its weights are missing.

    Returns:
        What is wrong, in English, or None.
    """
    gray = Picture(torch.full((3, PROBE_SIDE_PX, PROBE_SIDE_PX), 0.5))
    # If the weights of its network are missing, another one can still be used for other jobs.
    there = available_networks(studio.source)
    if there and network not in there:
        network = there[0]
    options = PaintOptions(
        size_px=PROBE_SIDE_PX, iterations=1, scales=1, network=network, faces="off"
    )
    try:
        run_with_listeners(paint(gray, [Style(gray)], options, studio=studio))
    except (PaintSettingsError, WeightsError, PaintingFailedError) as problem:
        return str(problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, it cannot paint
        lines = str(error).splitlines() or [""]
        return f"{type(error).__name__}: {lines[0]}."
    return None
