"""Packed fingerprints, and the cache of style statistics on disk."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save
from torch import Tensor

from engine.lite.encoder import LiteEncoder
from engine.painting.measuring import calm_name
from engine.painting.picture import Picture
from engine.painting.statistics import (
    ColorMoments,
    LayerMoments,
    StatisticsKey,
    StyleStatistics,
    metadata_of,
)
from engine.styles.cli import main
from engine.styles.fingerprints import FingerprintError, load_fingerprint, measure_fingerprint
from engine.styles.packing import pack, unpack, with_sizes_between
from engine.styles.statistics_files import KEPT_SECONDS, StatisticsFiles


def random_moments(channels: int, seed: int, rank: int) -> LayerMoments:
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(500, rank, generator=generator) @ torch.rand(
        rank, channels, generator=generator
    )
    return LayerMoments(features.mT @ features / 500, features.mean(0))


def random_statistics(long_side: int = 256, seed: int = 0) -> StyleStatistics:
    key = StatisticsKey("a picture", "lite", "hash", "binomial", long_side // 2, long_side)
    return StyleStatistics(
        key, {"one": random_moments(40, seed, 6), "two": random_moments(70, seed + 1, 9)}
    )


def test_packing_keeps_keys_and_moments() -> None:
    sizes = [random_statistics(512, 3), random_statistics(128, 0)]
    found = unpack(pack(sizes))
    assert [one.key for one in found] == [sizes[1].key, sizes[0].key]
    for name, expected in sizes[1].layers.items():
        unpacked = found[0].layers[name]
        assert (unpacked.second - expected.second).norm() < 0.02 * expected.second.norm()
        assert torch.allclose(unpacked.mean, expected.mean, rtol=1e-3)
        assert torch.equal(unpacked.second, unpacked.second.mT)


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", pack([random_statistics()])[:-5], pack([])],
    ids=["empty", "text", "truncated", "no sizes"],
)
def test_invalid_fingerprint_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        unpack(data)
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(FingerprintError, match=r"a\.safetensors"):
        load_fingerprint(tmp_path / "a.safetensors")


def test_fingerprint_has_intermediate_sizes_up_to_the_pictures_own(tmp_path: Path) -> None:
    encoder = LiteEncoder()
    picture = Picture(torch.rand(3, 90, 200, generator=torch.Generator().manual_seed(1)))
    layers = encoder.layers[:2]
    sizes = measure_fingerprint(encoder, picture, layers)
    assert [one.key.long_side_px for one in sizes] == [128, 181, 200]
    file = tmp_path / "a.safetensors"
    file.write_bytes(pack(sizes))
    loaded = load_fingerprint(file)
    assert [one.key.long_side_px for one in loaded] == [128, 152, 181, 190, 200]
    assert {one.key.weights for one in loaded} == {encoder.weights_hash}
    assert set(loaded[0].layers) == set(layers)


def test_fingerprint_measured_with_calm_parts_holds_calm_layers() -> None:
    encoder = LiteEncoder()
    picture = Picture(torch.rand(3, 90, 130, generator=torch.Generator().manual_seed(1)))
    (layer,) = encoder.layers[:1]
    (stored, *_) = unpack(pack(measure_fingerprint(encoder, picture, [layer], calm=True)))
    assert set(stored.layers) == {layer, calm_name(layer)}


def test_the_command_makes_a_fingerprint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 130, 3), dtype=np.uint8)
    picture = tmp_path / "style.png"
    Image.fromarray(pixels).save(picture)
    assert main(["fingerprint", str(picture)]) == 0
    assert "KiB" in capsys.readouterr().out
    assert len(load_fingerprint(tmp_path / "style.safetensors")) == 3
    picture.write_bytes(b"no picture")
    assert main(["fingerprint", str(picture)]) == 1
    assert main(["fingerprint", str(tmp_path / "none.png")]) == 1
    assert "none.png" in capsys.readouterr().err


def test_cache_returns_stored_statistics_by_key_and_layers(tmp_path: Path) -> None:
    store = StatisticsFiles(tmp_path / "statistics")
    stored = random_statistics()
    assert store.get(stored.key, ["one"]) is None
    store.put(stored)
    found = store.get(stored.key, ["one", "two"])
    assert found is not None
    assert torch.equal(found.layers["two"].second, stored.layers["two"].second)
    assert store.get(stored.key, ["three"]) is None
    assert store.get(random_statistics(512).key, ["one"]) is None


def test_cache_drops_damaged_files_and_survives_a_blocked_folder(tmp_path: Path) -> None:
    store = StatisticsFiles(tmp_path)
    store.put(random_statistics())
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-8])
    assert store.get(random_statistics().key, ["one"]) is None
    assert list(tmp_path.iterdir()) == []
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    StatisticsFiles(blocked).put(random_statistics())


def test_full_cache_evicts_the_least_recently_used_statistics(tmp_path: Path) -> None:
    size = len(random_statistics().to_bytes())
    store = StatisticsFiles(tmp_path, max_bytes=3 * size + 100)
    stored = [random_statistics(128 + number) for number in range(3)]
    for number, one in enumerate(stored):
        store.put(one)
        used_at = time.time() - 1000 + number
        os.utime(store._path(one.key), (used_at, used_at))
    assert store.get(stored[0].key, ["one"]) is not None
    store.put(random_statistics(999))
    found = [store.get(one.key, ["one"]) is not None for one in stored]
    assert found == [True, False, True]
    assert store.get(random_statistics(999).key, ["one"]) is not None


def test_cache_skips_statistics_larger_than_its_limit(tmp_path: Path) -> None:
    """Otherwise it would evict all others and then itself."""
    size = len(random_statistics().to_bytes())
    store = StatisticsFiles(tmp_path, max_bytes=size + 100)
    store.put(random_statistics())
    large = StyleStatistics(random_statistics(512).key, {"one": random_moments(200, 0, 6)})
    store.put(large)
    assert store.get(random_statistics().key, ["one"]) is not None
    assert store.get(large.key, ["one"]) is None


def test_cache_forgets_statistics_unused_for_a_day(tmp_path: Path) -> None:
    store = StatisticsFiles(tmp_path)
    old, used = random_statistics(128), random_statistics(256)
    for one in (old, used):
        store.put(one)
        long_ago = time.time() - KEPT_SECONDS - 1
        os.utime(store._path(one.key), (long_ago, long_ago))
    assert store.get(used.key, ["one"]) is not None
    store.put(random_statistics(512))
    stored = [
        store.get(one.key, ["one"]) is not None for one in (old, used, random_statistics(512))
    ]
    assert stored == [False, True, True]


def test_folder_at_a_cache_path_is_a_cache_miss(tmp_path: Path) -> None:
    store = StatisticsFiles(tmp_path)
    store._path(random_statistics().key).mkdir(parents=True)
    assert store.get(random_statistics().key, ["one"]) is None


def test_packing_keeps_the_deviations_of_full_rank_features() -> None:
    """With noise in every channel, the stored columns cover only a part of the variance."""
    noise = torch.randn(5000, 64, generator=torch.Generator().manual_seed(0)) * 0.3
    noise += torch.rand(5000, 1, generator=torch.Generator().manual_seed(1)) * 3
    expected = LayerMoments(noise.mT @ noise / 5000, noise.mean(0))
    (found,) = unpack(pack([StyleStatistics(random_statistics().key, {"one": expected})]))
    unpacked = found.layers["one"].centered().second.diagonal()
    assert torch.allclose(unpacked, expected.centered().second.diagonal(), rtol=0.02)


def test_packing_keeps_the_palette() -> None:
    covariance = torch.tensor([[3.0, 1, 0], [1, 2, 0.5], [0, 0.5, 1]], dtype=torch.float64)
    colors = ColorMoments(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64), covariance)
    with_colors = StyleStatistics(random_statistics().key, random_statistics().layers, colors)
    for one in unpack(pack([with_colors])):
        assert one.colors is not None
        assert torch.allclose(one.colors.mean, colors.mean)
        assert torch.allclose(one.colors.covariance, covariance)
    assert unpack(pack([random_statistics()]))[0].colors is None


def repack(changes: Mapping[str, str], tensors: Mapping[str, Tensor]) -> bytes:
    """A fingerprint as written by another version."""
    data = pack([random_statistics()])
    stored = {**metadata_of(data), **changes}
    return save({**load(data), **tensors}, metadata=stored)


def key_with(**more: object) -> dict[str, str]:
    return {"keys": json.dumps([vars(random_statistics().key) | more])}


def test_fingerprint_of_the_previous_format_is_read_correctly() -> None:
    """Format 1 has moments about zero and no residual diagonal."""
    columns = torch.tensor([[10, 0], [0, 20], [5, 5]], dtype=torch.int8)
    tensors = {
        "0.one.columns": columns,
        "0.one.scale": torch.tensor([0.5, 0.25]),
        "0.one.mean": torch.tensor([1.0, 2.0, 3.0]),
    }
    keys = metadata_of(pack([random_statistics()]))["keys"]
    (found,) = unpack(save(tensors, metadata={"format": "1", "keys": keys}))
    scaled = columns.float() * torch.tensor([0.5, 0.25])
    assert torch.allclose(found.layers["one"].second, scaled @ scaled.mT)


@pytest.mark.parametrize(
    "data",
    [
        repack({"format": "9"}, {}),
        repack(key_with(unknown=1), {}),
        repack({}, {"0.one.scale": torch.ones(99)}),
        repack({}, {"0.one.mean": torch.ones(3)}),
    ],
    ids=["newer format", "unknown key field", "wrong columns", "fewer channels"],
)
def test_a_fingerprint_of_another_version_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        unpack(data)


def test_intermediate_size_mixes_two_sizes_with_the_same_layers() -> None:
    small, large = random_statistics(128, 0), random_statistics(512, 3)
    one, between, other = with_sizes_between([small, large])
    assert (one, other) == (small, large)
    assert between.key.long_side_px == 256
    middle = (small.layers["one"].second + large.layers["one"].second) / 2
    assert torch.allclose(between.layers["one"].second, middle)
    fewer = StyleStatistics(large.key, {"one": large.layers["one"]})
    assert with_sizes_between([small, fewer]) == [small, fewer]
