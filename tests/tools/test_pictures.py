import tomllib
from pathlib import Path

import pytest
from PIL import Image

from tools.pictures import PAIRS, load_pairs, main, make_sheet

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def test_pairs_are_sixteen_and_can_be_selected_by_name() -> None:
    assert len(load_pairs(SHARED)) == 16
    assert [pair.name for pair in load_pairs(SHARED, ["man", "clock"])] == ["man", "clock"]
    with pytest.raises(KeyError, match="nobody"):
        load_pairs(SHARED, ["nobody"])


def test_all_files_of_the_pairs_exist() -> None:
    if not (SHARED / "images").is_dir():
        pytest.skip("the shared pictures are not available")
    assert tomllib.loads(PAIRS.read_text(encoding="utf-8"))
    for pair in load_pairs(SHARED):
        assert pair.content.is_file(), pair
        assert pair.style.is_file(), pair


def test_sheet_has_a_row_per_pair_and_crops_very_wide_pictures() -> None:
    row = [("tall", Image.new("RGB", (50, 100), "red")), ("wide", Image.new("RGB", (900, 100)))]
    sheet = make_sheet([row, row[:1]], 40)
    assert sheet.height == 2 * (40 + 18)
    assert sheet.width == 20 + 4 + 56 + 4
    assert sheet.getpixel((5, 30)) == (255, 0, 0)


def test_existing_paintings_are_measured_and_laid_out(tmp_path: Path) -> None:
    if not (SHARED / "images").is_dir():
        pytest.skip("the shared pictures are not available")
    pair = load_pairs(SHARED, ["tubingen"])[0]
    with Image.open(pair.content) as content:
        content.resize((96, 72)).save(tmp_path / "tubingen-default.png")
    assert main([str(tmp_path), "--pairs", "tubingen", "--threads", "1"]) == 0
    assert (tmp_path / "sheet.jpg").is_file()
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert [line.split(" |")[0] for line in table.splitlines() if line.startswith("| ")][1:] == [
        "| photograph unchanged",
        "| painting itself",
        "| default",
    ]
