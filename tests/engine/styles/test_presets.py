from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from common.catalogue import load_catalogue
from common.catalogue.catalogue import scan_path
from common.options import PaintOptions
from engine.styles.presets import StyleMissingError, preset_style


def test_exif_rotation_of_a_scan_is_applied(tmp_path: Path) -> None:
    painting = load_catalogue().get("starry-night")
    assert painting is not None
    image = Image.new("RGB", (60, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(scan_path(painting, tmp_path), exif=exif)
    found = preset_style(painting.id, tmp_path, "vgg19", needs_picture=True)
    assert found.picture is not None
    assert found.picture.size == (60, 40)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a port without a server


@pytest.mark.parametrize("network", ["vgg19", "lite"])
def test_preset_uses_the_fingerprint_of_the_chosen_network(tmp_path: Path, network: str) -> None:
    found = preset_style("starry-night", tmp_path, network)
    assert (found.network, found.picture) == (network, None)
    assert {one.key.encoder for one in found.fingerprints} == {network}


@pytest.mark.usefixtures("offline")
def test_settings_without_a_matching_fingerprint_fall_back_to_lite(tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = [
        {"options": PaintOptions(pooling="average")},
        {"options": PaintOptions(recipe="gatys")},
        {"options": PaintOptions(style_layers={"relu2_2": 1.0})},
        {"own_weights": True},
    ]
    for case in cases:
        found = preset_style("starry-night", tmp_path, "vgg19", **case)
        assert found.network == "lite"
        assert "its fingerprint was used, with the lite network" in str(found.notes[0])
    options = PaintOptions(style_layers={"relu3_1": 1.0})
    assert preset_style("starry-night", tmp_path, "vgg19", options=options).network == "vgg19"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("network", ["vgg19", "lite"])
def test_fingerprint_is_refused_where_the_picture_is_needed(tmp_path: Path, network: str) -> None:
    with pytest.raises(StyleMissingError, match="neither its colors nor its parts"):
        preset_style("starry-night", tmp_path, network, needs_picture=True)
    with pytest.raises(StyleMissingError, match="neither its colors nor its parts"):
        preset_style("starry-night", tmp_path, network, options=PaintOptions(keep_colors="match"))
