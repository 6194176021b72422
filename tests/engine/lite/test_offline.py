"""Presets can be painted with the package alone: without scan, weights file or internet."""

from pathlib import Path

import pytest
import torch

from common.catalogue import load_catalogue
from common.options import PaintOptions
from engine import threads
from engine.painting.events import Painted
from engine.painting.inputs import Style
from engine.painting.measuring import calm_name
from engine.painting.painter import paint
from engine.painting.picture import Picture
from engine.painting.studio import Studio
from engine.recipes.recipe import load_recipe
from engine.styles.fingerprints import load_fingerprint
from engine.styles.presets import preset_style
from engine.styles.statistics_files import StatisticsFiles

WITH_FINGERPRINTS = [painting for painting in load_catalogue() if painting.fingerprints]
NETWORKS = {"lite": 200, "vgg19": 1400}
"""Maximum KiB of a fingerprint, by network."""


def test_shipped_fingerprints_cover_both_networks_within_size_limits() -> None:
    assert {"starry-night", "the-scream", "composition-vii"} <= {
        each.id for each in WITH_FINGERPRINTS
    }
    for painting in WITH_FINGERPRINTS:
        sizes = {name: file.stat().st_size for name, file in painting.fingerprints.items()}
        assert sizes.keys() == NETWORKS.keys()
        assert all(size < NETWORKS[name] * 1024 for name, size in sizes.items())


@pytest.mark.parametrize("network", NETWORKS)
def test_shipped_fingerprints_match_the_network_and_cover_recipe_layers(network: str) -> None:
    encoder = Studio().encoder(network, "max")
    choice = load_recipe("atelier").choice_for(encoder.layers)
    assert choice is not None
    for one in (
        one for each in WITH_FINGERPRINTS for one in load_fingerprint(each.fingerprints[network])
    ):
        assert one.key.weights == encoder.weights_hash
        assert {*choice.style, *map(calm_name, choice.style)} <= set(one.layers)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_preset_paints_offline_and_takes_the_paintings_colors(
    tmp_path: Path, network: str
) -> None:
    torch.set_num_threads(1)
    found = preset_style("the-scream", tmp_path, network)
    assert found.picture is None
    grey = Picture(torch.full((3, 64, 80), 0.5))
    options = PaintOptions(size_px=80, network=network, iterations=4, scales=1, strength=0.9)
    style = Style(fingerprints=found.fingerprints, name=found.name)
    events = list(paint(grey, [style], options, studio=Studio()))
    painted = events[-1]
    assert isinstance(painted, Painted)
    assert painted.report.network == network
    red, _green, blue = painted.picture.pixels.mean((1, 2)).tolist()
    assert red > blue + 0.05
    assert list(tmp_path.iterdir()) == []


def test_cached_style_statistics_give_the_same_painting_with_the_same_threads_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others round sums otherwise, as another torch does, so the cache would change the picture."""
    monkeypatch.setattr(threads, "_MULTIPLICATIONS_PER_THREAD", 1.0)  # two are used if available
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    content, style = (Picture(torch.rand(3, 64, 72, generator=generator)) for _ in range(2))
    options = PaintOptions(size_px=72, network="lite", iterations=3, scales=1)

    def paint_pixels() -> torch.Tensor:
        studio = Studio(statistics=StatisticsFiles(tmp_path / "cache"))
        last = list(paint(content, [Style(style)], options, studio=studio))[-1]
        assert isinstance(last, Painted)
        return last.picture.pixels

    first = paint_pixels()
    (file,) = (tmp_path / "cache").iterdir()
    written = file.stat().st_ino
    assert torch.equal(paint_pixels(), first)
    assert file.stat().st_ino == written
    torch.set_num_threads(2)
    paint_pixels()
    assert len(list((tmp_path / "cache").iterdir())) == 2
    monkeypatch.setattr(torch, "__version__", "9.9.9")
    paint_pixels()
    assert len(list((tmp_path / "cache").iterdir())) == 3
