"""The state of a run as bytes: safetensors with a JSON header, nothing that could run code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from engine.painting.events import Losses
from engine.painting.problems import SettingsProblem
from jobs.sentences import Sentence

FORMAT = 1


@dataclass(frozen=True)
class Progress:
    """Where a run stands, besides its tensors.

    Attributes:
        job: fingerprint of the pictures and settings; a checkpoint fits no other job.
        scale: number of the scale.
        iteration: iterations done in this scale.
        precision: of the network; fp32 after a recovery.
        cap_px: most that tiles may be; None for no limit but memory.
        failures: recoveries so far.
        pace: share of the step that recoveries have left.
        seconds: painted before, in this run and those that it goes on from.
        evaluated: iterations, repeated ones included.
        notes: for the report.
        losses: read so far.
        reference: the loss by which the next check judges improvement.
    """

    job: str
    scale: int
    iteration: int
    precision: str
    cap_px: int | None
    failures: int
    pace: float
    seconds: float
    evaluated: int
    notes: tuple[Sentence, ...]
    losses: tuple[Losses, ...]
    reference: float | None


def to_bytes(progress: Progress, tensors: Mapping[str, Tensor]) -> bytes:
    """The checkpoint, with copies of the optimiser's tensors and torch's random state."""
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    kept["random"] = torch.get_rng_state()
    header = json.dumps({"format": FORMAT, **asdict(progress)})
    return save(kept, metadata={"atelier": header})


def from_bytes(data: bytes, job: str) -> tuple[Progress, dict[str, Tensor]]:
    """What `to_bytes` wrote.

    Raises:
        SettingsProblem: it is no checkpoint, or one of another job.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        outer = json.loads(data[8 : 8 + length])
        header: dict[str, Any] = json.loads(outer["__metadata__"]["atelier"])
        if header.pop("format") != FORMAT:
            raise SettingsProblem("The checkpoint was written by another version of Atelier.")
        header["losses"] = tuple(Losses(**one) for one in header["losses"])
        header["notes"] = tuple(Sentence.from_plain(one) for one in header["notes"])
        progress = Progress(**header)
        tensors = load(data)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise SettingsProblem("The checkpoint cannot be read.") from error
    if progress.job != job:
        raise SettingsProblem("The checkpoint belongs to other pictures or settings.")
    return progress, tensors


def fingerprint(*parts: object) -> str:
    """A hash that tells one job from another."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
