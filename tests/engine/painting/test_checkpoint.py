"""Checkpoint files: reading, refusing invalid ones, and matching them to a job."""

import json
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from common.sentences import sentence
from engine.errors import CheckpointError, OtherWeightsError
from engine.painting.checkpoint import FORMAT, Header, fingerprint, from_bytes, to_bytes
from engine.painting.events import Losses
from engine.painting.inputs import Inputs, Style
from engine.painting.painter import picture_identity
from engine.painting.statistics import StatisticsKey, StyleStatistics, metadata_of
from tests.kit.thin_vgg19 import noise_picture

HEADER = Header(
    fingerprint="of these pictures",
    memory_bytes=2**30,
    scale=1,
    iteration=7,
    precision="bf16",
    cap_px=None,
    failures=1,
    pace=0.5,
    seconds=12.5,
    evaluated=47,
    notes=(sentence("Painted in tiles of {size} px.", size=64),),
    losses=(Losses(1, 7, 2.5, {"style": 1.5}),),
    reference=None,
    ended=True,
    network="lite",
    weights="its hash",
)


def checkpoint_bytes() -> bytes:
    return to_bytes(HEADER, {"picture": torch.rand(3, 4, 5)[:, ::2]})


def with_header(**changes: Any) -> bytes:
    """A checkpoint with changes in its header; None removes a field."""
    header = json.loads(metadata_of(checkpoint_bytes())["atelier"]) | changes
    fields = {name: value for name, value in header.items() if value is not None}
    return save(load(checkpoint_bytes()), metadata={"atelier": json.dumps(fields)})


def test_written_checkpoint_is_read_back() -> None:
    checkpoint = from_bytes(checkpoint_bytes())
    assert checkpoint.header == HEADER
    assert checkpoint.tensors["picture"].shape == (3, 2, 5)
    checkpoint.check("of these pictures", "lite", "its hash")
    for network, weights in (("lite", "its hash"), ("vgg19", "another hash")):
        with pytest.raises(CheckpointError, match="other pictures or settings"):
            checkpoint.check("of others", network, weights)
    with pytest.raises(OtherWeightsError, match="other weights of the lite network"):
        checkpoint.check("of others", "lite", "another hash")


@pytest.mark.parametrize("number", [FORMAT - 1, FORMAT + 1])
def test_checkpoint_of_another_version_is_refused(number: int) -> None:
    with pytest.raises(CheckpointError, match="another version"):
        from_bytes(with_header(format=number))


DEEPLY_NESTED = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no checkpoint",
        checkpoint_bytes()[:-3],
        checkpoint_bytes()[:50],
        save({"picture": torch.zeros(3)}),
        save({}, metadata={"atelier": "{"}),
        save({}, metadata={"atelier": "[]"}),
        save({}, metadata={"atelier": DEEPLY_NESTED}),
        with_header(fingerprint=None),
        with_header(unknown=1),
        with_header(losses=[{"scale": 1}]),
        with_header(losses=3),
        with_header(notes=["a note"]),
    ],
    ids=[
        *("empty", "text", "truncated", "truncated early", "no header", "half a header", "a list"),
        *(
            "deeply nested",
            "field missing",
            "unknown field",
            "half a loss",
            "no list",
            "no sentence",
        ),
    ],
)
def test_invalid_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        from_bytes(data)


def test_each_setting_changes_the_fingerprint() -> None:
    assert fingerprint("a", 1) == fingerprint("a", 1)
    assert len({fingerprint("a", 1), fingerprint("a", 2), fingerprint("b", 1)}) == 3


def fingerprint_style(picture: str) -> Style:
    key = StatisticsKey(picture, "lite", "weights", "max", 64, 48)
    return Style(fingerprints=(StyleStatistics(key, {}),))


def test_other_styles_masks_and_starts_change_the_fingerprint() -> None:
    content, one, other = (noise_picture(24, 32, seed=seed) for seed in range(3))
    left = torch.zeros(24, 32)
    left[:, :16] = 1
    styles = (Style(one),)
    jobs = [
        Inputs(content, styles),
        Inputs(content, (Style(other),)),
        Inputs(content, (Style(one), Style(other))),
        Inputs(content, (Style(one), Style(other, weight=2))),
        Inputs(content, (Style(one, mask=left), Style(other))),
        Inputs(content, (Style(one, mask=1 - left), Style(other))),
        Inputs(content, styles, mask=left),
        Inputs(content, styles, mask=1 - left),
        Inputs(content, styles, start=other),
        Inputs(content, (fingerprint_style("the scream"),)),
        Inputs(content, (fingerprint_style("starry night"),)),
    ]
    assert len({fingerprint(*picture_identity(job)) for job in jobs}) == len(jobs)
