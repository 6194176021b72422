"""Checkpoints: safetensors with a JSON header, so that loading one cannot run code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from common.sentences import Sentence
from engine.errors import CheckpointError, OtherWeightsError
from engine.painting.events import Losses
from engine.painting.statistics import metadata_of

FORMAT = 4


@dataclass(frozen=True)
class Header:
    """The state of a run, besides its tensors."""

    fingerprint: str
    """Hash of pictures and settings; a checkpoint is valid for no others."""
    memory_bytes: int
    """Memory that the plan was made for; it decides on the optimizers."""
    scale: int
    """Number of the scale."""
    iteration: int
    """Iterations done in this scale."""
    precision: str
    """Precision of the network; fp32 after a recovery."""
    cap_px: int | None
    """Limit of the tiles' core; None for no limit besides memory."""
    failures: int
    """Number of recoveries so far."""
    pace: float
    """Factor of the step length after the recoveries."""
    seconds: float
    """Seconds of painting, in this run and those that it continues."""
    evaluated: int
    """Number of iterations, including repeated ones."""
    notes: tuple[Sentence, ...]
    """Notes for the report."""
    losses: tuple[Losses, ...]
    """The losses that were read so far."""
    reference: float | None
    """The loss that the next check compares with, for `min_improvement`."""
    ended: bool
    """Whether the scale ended before its last iteration."""
    network: str
    """Name of the network."""
    weights: str
    """Hash of its weights."""


def to_bytes(header: Header, tensors: Mapping[str, Tensor]) -> bytes:
    """The checkpoint, with the optimizer's tensors."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    plain = asdict(header)
    plain["losses"] = [one.as_dict() for one in header.losses]
    text = json.dumps({"format": FORMAT, **plain})
    return save(kept, metadata={"atelier": text})


@dataclass(frozen=True, eq=False)
class LoadedCheckpoint:
    """A checkpoint that was read; its tensors are released once they are used."""

    header: Header
    tensors: dict[str, Tensor]

    def check(self, fingerprint: str, network: str, weights: str) -> None:
        """Raise CheckpointError if it belongs to other pictures or settings.

        Args:
            fingerprint: hash of the pictures and settings.
            network: name of the network.
            weights: hash of its weights, which is part of `fingerprint` and only named here.
        """
        check_weights((self.header.network, self.header.weights), (network, weights))
        if self.header.fingerprint != fingerprint:
            raise CheckpointError("The checkpoint belongs to other pictures or settings.")


def check_weights(painted: tuple[str, str], found: tuple[str, str]) -> None:
    """Raise OtherWeightsError if two pairs of network and weights' hash differ in the latter."""
    if painted[0] == found[0] and painted[1] != found[1]:
        raise OtherWeightsError(
            "The checkpoint was painted with other weights of the {network} network.",
            network=found[0],
        )


def from_bytes(data: bytes) -> LoadedCheckpoint:
    """Read what `to_bytes` wrote.

    Raises:
        CheckpointError: it is no checkpoint, or of another version.
    """
    try:
        header: dict[str, Any] = json.loads(metadata_of(data)["atelier"])
        if header.pop("format") != FORMAT:
            raise CheckpointError("The checkpoint was written by another version of Atelier.")
        header["losses"] = tuple(Losses.from_dict(one) for one in header["losses"])
        header["notes"] = tuple(Sentence.from_plain(one) for one in header["notes"])
        kept = LoadedCheckpoint(Header(**header), load(data))
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError("The checkpoint cannot be read.") from error
    return kept


def fingerprint(*parts: object) -> str:
    """A hash that tells one job from another."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
