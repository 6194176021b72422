"""Where to paint, in which precision, and in how much memory."""

import contextlib
import logging
import os
import re
import sys
from functools import cache
from pathlib import Path

import psutil
import torch

from common.gpus import driver_problem
from engine.errors import PaintSettingsError
from engine.painting.cgroups import allowed_bytes, limit_bytes

log = logging.getLogger(__name__)

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LEAST_BYTES = 1000
"""A smaller number lacks its unit, such as GiB."""
_MOST_BYTES = 2**62
SHARE_OF_FREE = 0.7
_STEP_BYTES = 64 * 2**20
# Where Linux counts a process' peak, and what begins that count anew (proc(5)).
_LINUX_STATUS = Path("/proc/self/status")
_LINUX_RESET = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
    "bad_alloc",
)
_MAYBE_NO_MEMORY = ("unable to find an engine", "cublas_status_not_initialized")
"""What torch says where cuDNN or cuBLAS got no memory to work in, and also where they are broken.
All of cuDNN's ways are tried then, and why each of them failed is not told."""
_ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)")


def choose_device(name: str) -> torch.device:
    """`auto` takes the first card that torch has code for, else Apple's MPS, else the CPU.

    Raises:
        PaintSettingsError: the name is none, this machine has no such device, or torch no code for
            it.
    """
    if name == "auto":
        if cards := cards_for_painting():
            return torch.device(cards[0])
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    match device.type if device else "":
        case "cpu":
            return torch.device("cpu")
        case "cuda" if device and (device.index or 0) < _cards():
            card = torch.device("cuda", device.index or 0)
            if has_code_for(card):
                return card
            raise PaintSettingsError(
                "The installed torch has no code for {name} ({card}, compute capability "
                "{capability}); choose cpu, or install another build, as with "
                "`python -m tools.requirements cuda cu126` for older cards.",
                name=name,
                card=torch.cuda.get_device_name(card),
                capability=".".join(map(str, torch.cuda.get_device_capability(card))),
            )
        case "mps" if torch.backends.mps.is_available():
            return torch.device("mps")
    if name.startswith("cuda") and (problem := driver_problem()) is not None:
        raise PaintSettingsError(
            "{problem} Until then, there are these devices: {devices}.",
            problem=problem,
            devices=_devices(),
        )
    raise PaintSettingsError(
        "This machine has no device {name!r}; choose among: {devices}.",
        name=name,
        devices=_devices(),
    )


def cards_for_painting() -> list[str]:
    """The cards that torch can paint on, such as `cuda:0`.

    It may count others: where it has no code for a card, each piece of work fails there.
    """
    cards: list[str] = []
    for number in range(_cards()):
        card = torch.device("cuda", number)
        try:
            if has_code_for(card):
                cards.append(str(card))
        except RuntimeError as error:
            log.warning("%s cannot be used: %s", card, str(error).partition("\n")[0])
    return cards


def has_code_for(card: torch.device) -> bool:
    """Whether torch was built for a card of this kind.

    Code of one generation runs on its later models too; what is kept as PTX on all later cards.
    """
    built = torch.cuda.get_arch_list()
    known = [found.groups() for one in built if (found := _ARCHITECTURE.match(one))]
    if len(known) < len(built) or not known:  # AMD's, or a build that does not say
        return True
    mine = torch.cuda.get_device_capability(card)
    return any(
        (int(major), int(minor)) <= mine and (kind == "compute" or int(major) == mine[0])
        for kind, major, minor in known
    )


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Type of the network's weights and features; `auto` is bf16 if the device has it natively.

    Raises:
        PaintSettingsError: no such precision.
    """
    match precision:
        case "fp32":
            return torch.float32
        case "bf16":
            return torch.bfloat16
        case "auto":
            return torch.bfloat16 if _bf16_is_fast(device) else torch.float32
    raise PaintSettingsError(
        "Precision is auto, fp32 or bf16, not {precision!r}.", precision=precision
    )


def precision_name(dtype: torch.dtype) -> str:
    """As in the settings: fp32, bf16 (or fp64, in tests)."""
    return {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float64: "fp64"}[dtype]


def free_memory_bytes(device: torch.device) -> int:
    """The default memory budget: most of what is free now."""
    match device.type:
        case "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            return int((free + kept) * SHARE_OF_FREE)
        case "mps":
            most: int = torch.mps.recommended_max_memory()
            return int((most - torch.mps.current_allocated_memory()) * SHARE_OF_FREE)
    free = psutil.virtual_memory().available
    allowed = allowed_bytes()
    return int((free if allowed is None else min(free, allowed)) * SHARE_OF_FREE)


def total_memory_bytes(device: torch.device) -> int:
    """Total memory of the device; on a CPU that of the machine, or the container's limit."""
    match device.type:
        case "cuda":
            return torch.cuda.mem_get_info(device)[1]
        case "mps":
            return int(torch.mps.recommended_max_memory())
    limit, there = limit_bytes(), psutil.virtual_memory().total
    return int(there if limit is None else min(there, limit))


def used_memory_bytes(device: torch.device) -> int:
    """Memory in use: of all programs on a GPU with CUDA, of this process elsewhere."""
    match device.type:
        case "cuda":
            free, total = torch.cuda.mem_get_info(device)
            return total - free
        case "mps":
            return int(torch.mps.driver_allocated_memory())
    return resident_bytes()


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak, where that is possible: with CUDA, and on a CPU on Linux."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif device.type == "cpu":
        with contextlib.suppress(OSError):
            _LINUX_RESET.write_text(_RESET_PEAK)


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory: of the device, or of the whole process on a CPU."""
    match device.type:
        case "cuda":
            return torch.cuda.max_memory_allocated(device)
        case "mps":
            return torch.mps.driver_allocated_memory()
    if sys.platform == "win32":
        info = psutil.Process().memory_info()
        return int(getattr(info, "peak_wset", info.rss))
    with contextlib.suppress(OSError):
        # Not getrusage: its peak survives fork and exec, so a child starts with its parent's.
        found = re.search(r"^VmHWM:\s*(\d+) kB$", _LINUX_STATUS.read_text(), re.MULTILINE)
        if found is not None:
            return int(found[1]) * 1024
    import resource  # noqa: PLC0415 (there is none on Windows)

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(_process(os.getpid()).memory_info().rss)


@cache
def _process(pid: int) -> psutil.Process:
    # Cached, as creating it reads the start time, which takes longer than the query itself.
    return psutil.Process(pid)


def parse_memory(text: str) -> int:
    """Bytes of `2GiB`, `500 MB`, `1.5g` or `2000000000`; all units are powers of 1024.

    Raises:
        PaintSettingsError: it is no amount of memory.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]?)(?:i?b)?\s*", text.lower())
    size = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _LEAST_BYTES <= size < _MOST_BYTES:
        raise PaintSettingsError(
            "{text!r} is not an amount of memory; write one such as 2GiB or 500MiB.", text=text
        )
    return int(size)


def parse_allowance(text: str, device: torch.device) -> int:
    """The memory budget of paintings if the whole process may take this amount.

    On a CPU that is less by what the process takes already: Python, torch and libraries.

    Raises:
        PaintSettingsError: it is no amount of memory.
    """
    total = parse_memory(text)
    if device.type == "cpu":
        # Rounded up in steps, as it varies a little from run to run, and tiles should not.
        total -= -(-resident_bytes() // _STEP_BYTES) * _STEP_BYTES
    return max(total, 1)


def is_out_of_memory(error: BaseException, device: torch.device) -> bool:
    """Whether the device or the machine ran out of memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error).lower()
    if any(words in text for words in _NO_MEMORY):
        return True
    if not any(words in text for words in _MAYBE_NO_MEMORY) or not _is_rather_full(device):
        return False
    log.warning("taken for a lack of memory: %s", str(error).partition("\n")[0])
    return True


def _is_rather_full(device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    free, total = torch.cuda.mem_get_info(device)
    return free < total / 2


def release_memory(device: torch.device) -> None:
    """Release cached blocks after memory ran out, or when others may want them."""
    match device.type:
        case "cuda":
            torch.cuda.empty_cache()
        case "mps":
            torch.mps.empty_cache()


def _bf16_is_fast(device: torch.device) -> bool:
    match device.type:
        case "cuda":
            # torch's own `is_bf16_supported` asks the current card, which is always the first.
            return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
        case "cpu":
            capabilities = torch.cpu.get_capabilities()
            return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def _cards() -> int:
    """As torch counts them: before it is ready it asks NVIDIA's driver, which may count more."""
    if not torch.cuda.is_available():
        return 0  # as with a driver that is too old
    with contextlib.suppress(RuntimeError):
        torch.cuda.init()  # type: ignore[no-untyped-call]
    return torch.cuda.device_count()


def _devices() -> str:
    names = ["auto", "cpu"]
    names += [f"cuda:{number}" for number in range(_cards())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return ", ".join(names)
