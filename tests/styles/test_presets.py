from pathlib import Path

from PIL import Image

from engine.styles.presets import preset_style
from jobs.catalogue import load_catalogue
from jobs.catalogue.catalogue import scan_path


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
