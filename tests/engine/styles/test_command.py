"""`python -m engine styles` with local files."""

from pathlib import Path

import pytest

from engine.__main__ import main as engine_main
from tests.kit.thin_vgg19 import noise_picture


@pytest.fixture(autouse=True)
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_style_search_without_a_match_fails_with_a_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert engine_main(["styles", "list", "zzzz"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "No painting, artist or movement matches zzzz.\n")
    assert engine_main(["styles", "list", "starry"]) == 0
    assert "starry-night" in capsys.readouterr().out


@pytest.mark.parametrize("name", [".", "absent.png"])
def test_fingerprint_of_a_missing_file_or_folder_fails_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_main(["styles", "fingerprint", name, "--network", "lite"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name} cannot be read: ")


def test_fingerprint_can_be_made_of_a_very_narrow_picture(work_folder: Path) -> None:
    """Local files have wider limits than members' uploads."""
    noise_picture(12, 300).to_image().save(work_folder / "strip.png")
    assert engine_main(["styles", "fingerprint", "strip.png", "--network", "lite"]) == 0
    assert (work_folder / "strip.safetensors").is_file()
