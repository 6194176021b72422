"""The file that `engine paint` writes: its name, whose it is, what is said where it cannot be."""

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
from tests.kit.other_user import closed_to_us
from tests.kit.thin import noise_picture

QUICK = ("--size", "64", "--scales", "1", "--iterations", "1", "--network", "lite", "--quiet")


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photograph and a style; the engine works there."""
    noise_picture(60, 80).to_image().save(tmp_path / "photo.png")
    noise_picture(50, 50, seed=1).to_image().save(tmp_path / "style.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def paint(*more: str) -> int:
    return engine_main(["paint", "photo.png", "--style", "style.png", *QUICK, *more])


def unnamed(*more: str) -> OutputFile:
    return OutputFile.of(make_parser().parse_args(["photo.png", *more]))


def test_a_name_that_nobody_chose_is_new(studio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("photo-style.png", "photo-style-2.png", "photo-style-3.png"):
        assert paint() == 0
        assert capsys.readouterr().err.startswith(f"{name}: 64 × 48")
        with Image.open(studio / name) as picture:
            assert picture.size == (64, 48)


@pytest.mark.usefixtures("studio")
def test_two_commands_that_paint_at_once_write_two_files() -> None:
    one, another = unnamed("--style", "style.png"), unnamed("--style", "style.png")
    assert one.path == another.path
    with one.held() as first, another.held() as second:
        first.write_bytes(b"one")
        second.write_bytes(b"another")
    assert (one.path.name, one.path.read_bytes()) == ("photo-style.png", b"one")
    assert (another.path.name, another.path.read_bytes()) == ("photo-style-2.png", b"another")


def test_a_name_that_is_held_is_given_back_where_nothing_is_written(studio: Path) -> None:
    new = unnamed("--style", "style.png")
    with pytest.raises(KeyboardInterrupt), new.held():
        raise KeyboardInterrupt
    assert not new.path.exists()
    (studio / "mine.png").write_bytes(b"before")
    named = unnamed("-o", "mine.png")
    with pytest.raises(KeyboardInterrupt), named.held():
        raise KeyboardInterrupt
    assert named.path.read_bytes() == b"before"


def test_long_names_make_a_name_that_can_be_written(studio: Path) -> None:
    photo, style = "é" * 120 + ".png", "s" * 250 + ".png"
    shutil.copy(studio / "photo.png", photo)
    shutil.copy(studio / "style.png", style)
    assert engine_main(["paint", photo, "--style", style, *QUICK]) == 0
    assert (studio / ("é" * 100 + ".png")).is_file()


def test_a_path_that_is_no_preset_is_said_to_be_none(
    studio: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_main(["paint", "photo.png", "--preset", "styles/stary-night", *QUICK]) == 2
    assert "There is no painting 'styles/stary-night'" in capsys.readouterr().err
    assert not list(studio.glob("photo-*"))


def test_a_folder_is_named_as_one(studio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (studio / "out").mkdir()
    assert paint("-o", "out/") == 2
    assert capsys.readouterr().err == "out is a folder; name a file.\n"


def test_a_folder_where_one_may_not_look_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    with closed_to_us(tmp_path / "closed"):
        for name in ("out.png", "inner/out.png"):
            with pytest.raises(OutputError, match=r"cannot be written to .*; choose another place"):
                check_target(tmp_path / "closed" / name, (".png",))


def refused(path: Path, *_: object) -> None:
    raise not_written(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


@pytest.mark.parametrize("has_room", [True, False])
def test_a_picture_that_cannot_be_written_is_kept_elsewhere_and_is_no_success(
    studio: Path,
    has_room: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (studio / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(studio / "scratch"))

    def full(picture: Picture, path: Path) -> None:
        if path.parent == Path() or not has_room:
            refused(path)
        write_picture(picture, path)

    monkeypatch.setattr(cli, "write_picture", full)
    assert paint() == 1
    said = capsys.readouterr().err
    assert "photo-style.png cannot be written to . (No space left" in said
    assert not (studio / "photo-style.png").exists()
    if not has_room:
        assert not any((studio / "scratch").iterdir())
        return
    (spare,) = (studio / "scratch").rglob("*.png")
    assert said.endswith(f" The picture is in {spare}.\n")
    with Image.open(spare) as picture:
        assert picture.size == (64, 48)


def test_that_the_picture_is_there_is_said_where_its_report_cannot_be_written(
    studio: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "write_bytes", refused)
    assert paint("--report", "r.json") == 1
    done, failed = capsys.readouterr().err.splitlines()
    assert done.startswith("photo-style.png: 64 × 48")
    assert failed.startswith("r.json cannot be written")
    assert (studio / "photo-style.png").is_file()


def test_a_time_lapse_that_cannot_be_written_is_no_success(
    studio: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that asked for both looks for both."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(TimeLapse, "add", full)
    assert paint("--timelapse", "t.gif") == 1
    assert "There is no time-lapse: there is no space left" in capsys.readouterr().err
    assert (studio / "photo-style.png").is_file()
    assert not (studio / "t.gif").exists()


def test_a_painting_that_cannot_be_fetched_now_is_no_wrong_setting(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another try may help, which a script cannot know otherwise."""

    def offline(*_: object, **__: object) -> None:
        raise FetchError("The scan could not be downloaded.")

    monkeypatch.setattr(presets, "fetch_scan", offline)
    assert paint("--preset", "the-kiss") == 1
    assert paint("--preset", "the-kis") == 2
    assert not list(studio.glob("photo-*"))
