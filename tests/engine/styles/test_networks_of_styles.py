"""All styles of a painting go through one network, whichever of them has no other."""

from pathlib import Path

import pytest

from common.options import PaintOptions
from common.settings import Settings
from engine.painting import Style
from engine.pipeline.pictures import Pictures, Preset, load_pictures
from engine.styles.presets import preset_style
from tests.kit.thin_vgg19 import noise_picture

CONTENT = noise_picture(40, 40)


def loaded(folder: Path, *styles: Style | Preset, **options: object) -> Pictures:
    settings = Settings(_env_file=None, atelier_data_dir=folder)
    chosen = PaintOptions.model_validate(options)
    return load_pictures(CONTENT, styles, chosen, network="vgg19", settings=settings)


def networks(pictures: Pictures) -> set[str]:
    return {one.key.encoder for style in pictures.styles for one in style.fingerprints}


def test_preset_that_needs_lite_moves_earlier_presets_to_lite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing answers
    # All of its layers are there for each painting's VGG-19, but not with this pooling.
    made = loaded(tmp_path, Preset("starry-night"), Preset("the-scream"), pooling="average")
    assert (made.network, networks(made)) == ("lite", {"lite"})
    (note, *_) = made.notes
    assert "its fingerprint was used, with the lite network" in str(note)
    assert len(made.notes) == len(set(made.notes))


def test_statistics_choose_the_network_only_with_auto(tmp_path: Path) -> None:
    found = preset_style("the-scream", tmp_path, "lite")
    measured = Style(fingerprints=found.fingerprints, name=found.name)
    assert loaded(tmp_path, measured, network="auto").network == "lite"
    assert loaded(tmp_path, measured, network="vgg19").network == "vgg19"
    both = loaded(tmp_path, Preset("starry-night"), measured, network="auto")
    assert (both.network, networks(both)) == ("lite", {"lite"})
