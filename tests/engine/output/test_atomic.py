"""Output files are written completely or not at all."""

import os
from pathlib import Path

import pytest

from engine.output.atomic import replacing, write_bytes
from engine.output.errors import OutputError
from tests.kit.full_disk import raise_disk_full


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    file.write_bytes(b"before")
    return file


def test_failed_fsync_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Network shares may report a full disk only at fsync."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raise_disk_full)
        with pytest.raises(OutputError, match="No space left"):
            write_bytes(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


def test_replacing_without_writing_keeps_the_old_file(path: Path) -> None:
    with replacing(path):
        pass
    assert path.read_bytes() == b"before"


def test_exception_while_writing_keeps_the_old_file(path: Path) -> None:
    def write_and_interrupt() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_interrupt()
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["p" * 251 + ".png", "p." + "s" * 250])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / name, b"a picture")
    assert (tmp_path / name).read_bytes() == b"a picture"
