"""The comparison of lite with VGG-19, on small pictures and random weights."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from tools.lite import compare


def test_comparison_paints_with_both_networks_writes_a_table_and_resumes(
    photographs: list[Path],
    random_vgg19_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "compared"
    arguments = ["--contents", str(photographs[0]), "--styles", str(photographs[1])]
    arguments += ["--weights", str(random_vgg19_file), "-o", str(output)]
    arguments += ["--size", "64", "--iterations", "2", "--scales", "1"]
    before = torch.get_num_threads()
    assert compare.main([*arguments, "--networks", "vgg19"]) == 0
    assert not (output / "table.md").exists()
    first = (output / "0-1.vgg19.json").stat().st_mtime_ns

    assert compare.main(arguments) == 0
    torch.set_num_threads(before)
    assert (output / "0-1.vgg19.json").stat().st_mtime_ns == first
    table = (output / "table.md").read_text()
    assert "| 0 | 1 |" in table
    assert "**mean of 1**" in table
    with Image.open(output / "pairs.jpg") as sheet, Image.open(output / "0-1.lite.png") as picture:
        assert sheet.width > 2 * picture.width
    assert "0-1.lite" in capsys.readouterr().out
