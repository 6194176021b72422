"""All styles of a painting use one network, even if only one style requires it."""

from pathlib import Path

import pytest

from common.options import PaintOptions
from common.settings import Settings
from engine.painting import Style
from engine.pipeline.pictures import Pictures, Preset, load_pictures
from engine.styles.presets import preset_style
from tests.kit.thin_vgg19 import noise_picture

CONTENT = noise_picture(40, 40)


def load(folder: Path, *styles: Style | Preset, **options: object) -> Pictures:
    settings = Settings(_env_file=None, atelier_data_dir=folder)
    paint_options = PaintOptions.model_validate(options)
    return load_pictures(CONTENT, styles, paint_options, network="vgg19", settings=settings)


def networks_of(pictures: Pictures) -> set[str]:
    return {one.key.encoder for style in pictures.styles for one in style.fingerprints}


def test_preset_that_needs_lite_moves_earlier_presets_to_lite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a port without a server
    # No VGG-19 fingerprint has this pooling, so that lite is used.
    pictures = load(tmp_path, Preset("starry-night"), Preset("the-scream"), pooling="average")
    assert (pictures.network, networks_of(pictures)) == ("lite", {"lite"})
    (note, *_) = pictures.notes
    assert "its fingerprint was used, with the lite network" in str(note)
    assert len(pictures.notes) == len(set(pictures.notes))


def test_statistics_choose_the_network_only_with_auto(tmp_path: Path) -> None:
    found = preset_style("the-scream", tmp_path, "lite")
    measured = Style(fingerprints=found.fingerprints, name=found.name)
    assert load(tmp_path, measured, network="auto").network == "lite"
    assert load(tmp_path, measured, network="vgg19").network == "vgg19"
    both = load(tmp_path, Preset("starry-night"), measured, network="auto")
    assert (both.network, networks_of(both)) == ("lite", {"lite"})
