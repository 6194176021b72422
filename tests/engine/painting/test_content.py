from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.painting import PaintingFailedError
from engine.painting.terms.content_targets import ContentTargets
from engine.painting.tiles import Tiling
from tests.kit.thin_vgg19 import noise_picture, thin_vgg19

resource = pytest.importorskip("resource", reason="Windows has no file size limit")

LAYER = "relu2_2"
FILE_BYTES = 8 * 64 * 64 * 4


@pytest.fixture(autouse=True)
def _temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def _full_disk() -> Iterator[None]:
    """Limit file sizes to less than the features need."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES // 2, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def make_tiled_targets() -> ContentTargets:
    encoder = thin_vgg19(4, torch.float32)
    content = noise_picture(128, 128).pixels[None]
    tiling = Tiling((128, 128), 64, encoder.margin_px([LAYER]))
    return ContentTargets.of_tiles(encoder, content, [LAYER], tiling, lambda: None)


def test_feature_files_are_fully_allocated_and_deleted_on_close(tmp_path: Path) -> None:
    targets = make_tiled_targets()
    (file,) = tmp_path.rglob("*.features")
    assert file.stat().st_size == FILE_BYTES
    assert file.stat().st_blocks * 512 >= FILE_BYTES
    targets.close()
    assert not any(tmp_path.iterdir())


@pytest.mark.usefixtures("_full_disk")
def test_full_disk_fails_with_a_reason_and_leaves_no_files(tmp_path: Path) -> None:
    with pytest.raises(PaintingFailedError, match="no room in"):
        make_tiled_targets()
    assert not any(tmp_path.iterdir())
