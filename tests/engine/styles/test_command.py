"""`python -m engine styles` on one's own files."""

from pathlib import Path

import pytest

from engine.__main__ import main as engine_main
from tests.kit.thin_vgg19 import noise_picture


@pytest.fixture(autouse=True)
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where the engine works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_style_search_without_a_match_fails_with_a_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert engine_main(["styles", "list", "zzzz"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "No painting, artist or movement matches zzzz.\n")
    assert engine_main(["styles", "list", "starry"]) == 0
    assert "starry-night" in capsys.readouterr().out


@pytest.mark.parametrize("name", [".", "absent.png"])
def test_fingerprint_of_a_missing_file_or_folder_fails_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_main(["styles", "fingerprint", name, "--network", "lite"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: ")


def test_fingerprint_can_be_made_of_a_very_narrow_picture(studio: Path) -> None:
    """One's own files have wider limits than strangers'."""
    noise_picture(12, 300).to_image().save(studio / "strip.png")
    assert engine_main(["styles", "fingerprint", "strip.png", "--network", "lite"]) == 0
    assert (studio / "strip.safetensors").is_file()
