"""Statistics that are kept: packed fingerprints, and the cache on disk."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.lite.encoder import LiteEncoder
from engine.painting.measuring import calm_name
from engine.painting.picture import Picture
from engine.painting.statistics import LayerMoments, StatisticsKey, StyleStatistics
from engine.styles.cli import main
from engine.styles.fingerprints import FingerprintError, load_fingerprint, measure_fingerprint
from engine.styles.packing import pack, unpack
from engine.styles.statistics_files import StatisticsFiles


def moments(channels: int, seed: int, rank: int) -> LayerMoments:
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(500, rank, generator=generator) @ torch.rand(
        rank, channels, generator=generator
    )
    return LayerMoments(features.mT @ features / 500, features.mean(0))


def statistics(long_side: int = 256, seed: int = 0) -> StyleStatistics:
    key = StatisticsKey("a picture", "lite", "hash", "binomial", long_side // 2, long_side)
    return StyleStatistics(key, {"one": moments(40, seed, 6), "two": moments(70, seed + 1, 9)})


def test_packing_keeps_keys_and_moments() -> None:
    sizes = [statistics(512, 3), statistics(128, 0)]
    found = unpack(pack(sizes))
    assert [one.key for one in found] == [sizes[1].key, sizes[0].key]
    for name, wanted in sizes[1].layers.items():
        got = found[0].layers[name]
        assert (got.second - wanted.second).norm() < 0.02 * wanted.second.norm()
        assert torch.allclose(got.mean, wanted.mean, rtol=1e-3)
        assert torch.equal(got.second, got.second.mT)


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", pack([statistics()])[:-5], pack([])],
    ids=["empty", "words", "cut short", "no size"],
)
def test_what_is_no_fingerprint_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        unpack(data)
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(FingerprintError, match=r"a\.safetensors"):
        load_fingerprint(tmp_path / "a.safetensors")


def test_a_fingerprint_has_sizes_between_and_none_above_the_picture(tmp_path: Path) -> None:
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


def test_a_fingerprint_tells_of_calm_parts_where_these_count() -> None:
    encoder = LiteEncoder()
    picture = Picture(torch.rand(3, 90, 130, generator=torch.Generator().manual_seed(1)))
    (layer,) = encoder.layers[:1]
    (kept, *_) = unpack(pack(measure_fingerprint(encoder, picture, [layer], calm=True)))
    assert set(kept.layers) == {layer, calm_name(layer)}


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


def test_the_cache_gives_back_what_it_was_given(tmp_path: Path) -> None:
    store = StatisticsFiles(tmp_path / "statistics")
    kept = statistics()
    assert store.get(kept.key, ["one"]) is None
    store.put(kept)
    found = store.get(kept.key, ["one", "two"])
    assert found is not None
    assert torch.equal(found.layers["two"].second, kept.layers["two"].second)
    assert store.get(kept.key, ["three"]) is None
    assert store.get(statistics(512).key, ["one"]) is None


def test_the_cache_drops_damaged_files_and_goes_on(tmp_path: Path) -> None:
    store = StatisticsFiles(tmp_path)
    store.put(statistics())
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-8])
    assert store.get(statistics().key, ["one"]) is None
    assert list(tmp_path.iterdir()) == []
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    StatisticsFiles(blocked).put(statistics())


def test_the_cache_is_bounded_and_what_was_used_stays(tmp_path: Path) -> None:
    size = len(statistics().to_bytes())
    store = StatisticsFiles(tmp_path, max_bytes=3 * size + 100)
    kept = [statistics(128 + number) for number in range(3)]
    for number, one in enumerate(kept):
        store.put(one)
        used_at = time.time() - 1000 + number
        os.utime(store._path(one.key), (used_at, used_at))
    assert store.get(kept[0].key, ["one"]) is not None
    store.put(statistics(999))
    left = [store.get(one.key, ["one"]) is not None for one in kept]
    assert left == [True, False, True]
    assert store.get(statistics(999).key, ["one"]) is not None
