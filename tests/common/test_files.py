"""Replacing files."""

from pathlib import Path

import pytest

from common import files
from common.files import path_exists, write_whole
from tests.kit.other_user import without_access


def test_write_retries_while_windows_denies_replacing_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "crashes.json"
    path.write_bytes(b"before")
    replace, readers = Path.replace, [1, 2]

    def refuse_while_read(self: Path, target: Path) -> Path:
        if readers:
            readers.pop()
            raise PermissionError(13, "Access is denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse_while_read)
    with pytest.raises(PermissionError):
        write_whole(path, b"without retries")
    monkeypatch.setattr(files, "_PAUSES_SECONDS", (0.0, 0.0, 0.0))
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"
    readers.extend(range(9))
    with pytest.raises(PermissionError):
        write_whole(path, b"never")
    assert list(tmp_path.iterdir()) == [path]


def test_path_that_may_not_be_seen_is_not_taken_for_missing(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    file = folder / "file"
    file.touch()
    assert path_exists(folder)
    assert path_exists(file)
    assert not path_exists(folder / "another")
    assert not path_exists(file / "in a file")
    with without_access(folder), pytest.raises(PermissionError):
        path_exists(file)
