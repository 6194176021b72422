"""Databases that are missing, of another version, unreachable or misnamed."""

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

from tests.jobs.conftest import run
from tests.kit.other_user import without_access
from tests.kit.samples import Storage

DATABASE_COMMANDS = [("list",), ("show", "1"), ("retry", "1"), ("cancel", "1"), ("gc",)]


@pytest.mark.parametrize("arguments", [*DATABASE_COMMANDS, ("backup", "copy.sqlite3")])
def test_missing_database_is_reported_and_not_created(
    storage: Storage,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "elsewhere"))
    assert run(*arguments)[0] == 1
    assert "There is no database at " in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("arguments", DATABASE_COMMANDS)
@pytest.mark.parametrize(
    ("schema", "expected"), [("0001", "needs"), ("9999", "Start the newer version again")]
)
def test_database_of_another_version_is_reported_and_left_unchanged(
    storage: Storage,
    arguments: tuple[str, ...],
    schema: str,
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    assert run(*arguments)[0] == 1
    error = capsys.readouterr().err
    assert f"The database has schema {schema}" in error
    assert expected in error
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection:
        left = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert left == [(schema,)]
    assert run("backup", "--database-only", "copy.sqlite3")[0] == 0


def test_database_without_tables_is_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.sqlite3").touch()
    monkeypatch.setenv("ATELIER_DATABASE_URL", "sqlite:///empty.sqlite3")
    assert run("list")[0] == 1
    assert "has no tables yet" in capsys.readouterr().err


def test_invalid_database_url_is_reported_without_its_value(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", "secret nonsense")
    for arguments in (("list",), ("backup", "x")):
        assert run(*arguments)[0] == 1
        error = capsys.readouterr().err
        assert "ATELIER_DATABASE_URL is not the address of a database" in error
        assert "secret" not in error


@pytest.mark.parametrize(
    ("file", "expected"), [("data", "is a folder"), ("file/copy", "cannot be written")]
)
def test_unwritable_backup_path_is_reported(
    storage: Storage, file: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    assert run("backup", file)[0] == 1
    assert expected in capsys.readouterr().err


def test_backup_works_while_the_database_is_in_use(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = sqlite3.connect(storage.sqlite_file, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    busy.execute("DELETE FROM jobs")
    copy = tmp_path / "copies" / "atelier.sqlite3"
    assert run("backup", "--database-only", str(copy))[0] == 0
    busy.execute("ROLLBACK")
    busy.close()
    copied = sqlite3.connect(copy)
    assert copied.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
    copied.close()
    assert run("backup", "--database-only", str(copy))[0] == 1
    assert "already exists" in capsys.readouterr().err


def test_backup_of_an_unreachable_postgresql_is_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reachable one is tested in `tests/jobs/db/test_postgres_backups.py`."""
    monkeypatch.setenv("ATELIER_DATABASE_URL", "postgresql://u@127.0.0.1:1/d")
    assert run("backup", "x")[0] == 1
    assert "The database cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("status",), *DATABASE_COMMANDS, ("backup", "x"), ("restore", "backup.tar")]
)
def test_data_folder_of_another_user_is_reported(
    storage: Storage, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The bot may run as a service user, and the owner use another account."""
    os.chdir("/")  # a folder that the other user may read
    with without_access(storage.folder):
        code, output = run(*arguments)
    assert code == 1
    output += capsys.readouterr().err
    assert "Permission denied): run this as the user who runs the bot." in " ".join(output.split())


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(
    storage: Storage,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", address)
    for arguments in (("list",), ("backup", "x"), ("restore", "x")):
        assert run(*arguments)[0] == 1
        assert "ATELIER_DATABASE_URL names no file" in capsys.readouterr().err


def test_invalid_settings_are_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATELIER_MAX_PER_DAY", "many")
    assert run("list")[0] == 2
    assert "ATELIER_MAX_PER_DAY" in capsys.readouterr().err
