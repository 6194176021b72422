"""The output file of `engine paint`: its name, and what happens if it cannot be written."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from engine import cli
from engine.__main__ import main as engine_main
from engine.arguments import make_parser
from engine.cli_output import OutputFile
from engine.output.errors import OutputError, check_target, not_written
from engine.output.pictures import write_picture
from engine.output.timelapse import TimeLapse
from engine.painting import Picture
from engine.styles import presets
from engine.styles.fetch import FetchError
from tests.kit.full_disk import raise_disk_full
from tests.kit.other_user import without_access
from tests.kit.thin_vgg19 import noise_picture

QUICK = ("--size", "64", "--scales", "1", "--iterations", "1", "--network", "lite", "--quiet")


@pytest.fixture
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the engine, with a photograph and a style."""
    noise_picture(60, 80).to_image().save(tmp_path / "photo.png")
    noise_picture(50, 50, seed=1).to_image().save(tmp_path / "style.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def paint(*more: str) -> int:
    return engine_main(["paint", "photo.png", "--style", "style.png", *QUICK, *more])


def output_file(*more: str) -> OutputFile:
    return OutputFile.of(make_parser().parse_args(["photo.png", *more]))


def test_default_output_name_is_new_each_time(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("photo-style.png", "photo-style-2.png", "photo-style-3.png"):
        assert paint() == 0
        assert capsys.readouterr().err.startswith(f"{name}: 64 × 48")
        with Image.open(work_folder / name) as picture:
            assert picture.size == (64, 48)


@pytest.mark.usefixtures("work_folder")
def test_simultaneous_commands_write_separate_files() -> None:
    one, another = output_file("--style", "style.png"), output_file("--style", "style.png")
    assert one.path == another.path
    with one.reserved() as first, another.reserved() as second:
        first.write_bytes(b"one")
        second.write_bytes(b"another")
    assert (one.path.name, one.path.read_bytes()) == ("photo-style.png", b"one")
    assert (another.path.name, another.path.read_bytes()) == ("photo-style-2.png", b"another")


def test_held_name_is_released_when_nothing_is_written(work_folder: Path) -> None:
    new = output_file("--style", "style.png")
    with pytest.raises(KeyboardInterrupt), new.reserved():
        raise KeyboardInterrupt
    assert not new.path.exists()
    (work_folder / "mine.png").write_bytes(b"before")
    named = output_file("-o", "mine.png")
    with pytest.raises(KeyboardInterrupt), named.reserved():
        raise KeyboardInterrupt
    assert named.path.read_bytes() == b"before"


def test_default_output_name_is_shortened_for_long_inputs(work_folder: Path) -> None:
    photo, style = "é" * 120 + ".png", "s" * 250 + ".png"
    shutil.copy(work_folder / "photo.png", photo)
    shutil.copy(work_folder / "style.png", style)
    assert engine_main(["paint", photo, "--style", style, *QUICK]) == 0
    assert (work_folder / ("é" * 100 + ".png")).is_file()


def test_path_given_as_a_preset_is_refused(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_main(["paint", "photo.png", "--preset", "styles/stary-night", *QUICK]) == 2
    assert "There is no painting 'styles/stary-night'" in capsys.readouterr().err
    assert not list(work_folder.glob("photo-*"))


def test_folder_as_output_is_refused(work_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work_folder / "out").mkdir()
    assert paint("-o", "out/") == 2
    assert capsys.readouterr().err == "out is a folder; name a file.\n"


def test_output_in_an_inaccessible_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    with without_access(tmp_path / "closed"):
        for name in ("out.png", "inner/out.png"):
            with pytest.raises(OutputError, match=r"cannot be written to .*; choose another place"):
                check_target(tmp_path / "closed" / name, (".png",))


def raise_not_written(path: Path, *_: object) -> None:
    raise not_written(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


@pytest.mark.parametrize("has_room", [True, False])
def test_unwritable_picture_exits_1_and_is_kept_elsewhere_if_possible(
    work_folder: Path,
    has_room: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (work_folder / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work_folder / "scratch"))

    def write_unless_full(picture: Picture, path: Path) -> None:
        if path.parent == Path() or not has_room:
            raise_not_written(path)
        write_picture(picture, path)

    monkeypatch.setattr(cli, "write_picture", write_unless_full)
    assert paint() == 1
    error = capsys.readouterr().err
    assert "photo-style.png cannot be written to . (No space left" in error
    assert not (work_folder / "photo-style.png").exists()
    if not has_room:
        assert not any((work_folder / "scratch").iterdir())
        return
    (rescued,) = (work_folder / "scratch").rglob("*.png")
    assert error.endswith(f" The picture is in {rescued}.\n")
    with Image.open(rescued) as picture:
        assert picture.size == (64, 48)


def test_unwritable_report_exits_1_after_announcing_the_picture(
    work_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "write_bytes", raise_not_written)
    assert paint("--report", "r.json") == 1
    done, failed = capsys.readouterr().err.splitlines()
    assert done.startswith("photo-style.png: 64 × 48")
    assert failed.startswith("r.json cannot be written")
    assert (work_folder / "photo-style.png").is_file()


def test_unwritable_timelapse_exits_1_but_keeps_the_picture(
    work_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that asked for both files needs to know that one is missing."""
    monkeypatch.setattr(TimeLapse, "add", raise_disk_full)
    assert paint("--timelapse", "t.gif") == 1
    assert "There is no time-lapse: there is no space left" in capsys.readouterr().err
    assert (work_folder / "photo-style.png").is_file()
    assert not (work_folder / "t.gif").exists()


def test_failed_fetch_and_unknown_preset_have_different_exit_statuses(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a script knows whether another attempt may succeed."""

    def raise_offline(*_: object, **__: object) -> None:
        raise FetchError("The scan could not be downloaded.")

    monkeypatch.setattr(presets, "fetch_scan", raise_offline)
    assert paint("--preset", "the-kiss") == 1
    assert paint("--preset", "the-kis") == 2
    assert not list(work_folder.glob("photo-*"))
