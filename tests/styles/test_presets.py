from pathlib import Path

import pytest
from PIL import Image

from common.catalogue import load_catalogue
from common.catalogue.catalogue import scan_path
from engine.styles.presets import StyleMissing, preset_style


def test_a_scan_stands_upright(tmp_path: Path) -> None:
    painting = load_catalogue().get("starry-night")
    assert painting is not None
    image = Image.new("RGB", (60, 40))
    turned = image.getexif()
    turned[0x0112] = 6
    image.save(scan_path(painting, tmp_path), exif=turned)
    found = preset_style(painting.id, tmp_path, "vgg19")
    assert found.picture is not None
    assert found.picture.size == (60, 40)


def test_a_fingerprint_does_not_stand_in_where_the_picture_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing answers
    assert preset_style("starry-night", tmp_path, "vgg19").network == "lite"
    with pytest.raises(StyleMissing, match="neither its colours nor a part"):
        preset_style("starry-night", tmp_path, "lite", needs_picture=True)
